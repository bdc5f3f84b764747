"""What a finished download was: the value that :func:`segdl.download` returns."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from segdl.core.identity import Version
from segdl.core.s3answer import Object

Status = Literal["complete", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadResult:
    """One file that is whole.

    Attributes:
        path: where it is; ``None`` when it went to standard output.
        url: where it came from, without user, password and query.
        size: its length in bytes.
        fetched: bytes that came over the network in this run (0 when skipped).
        seconds: wall time of this run, from the first request to publication.
        status: ``complete``, or ``skipped`` where the file was there already.
        checksum: ``algorithm=hex`` that was asked for, else that the server told, and that
            matched; ``None`` where nobody told one.
        requests: HTTP requests sent in this run, redirects included.
        version: what the server said of the file: size, ETag, Last-Modified.
        place: the object's URL where it is in a bucket; `path` is None then.
        stored: what the bucket has of it then.
    """

    path: Path | None
    url: str
    size: int
    fetched: int
    seconds: float
    status: Status
    checksum: str | None = None
    requests: int = 0
    version: Version = field(default_factory=Version)
    place: str | None = None
    stored: Object | None = None

    @property
    def shown_as(self) -> str:
        """Where it is, as a text that may still have to be made printable."""
        return self.place or os.fspath(self.path or "-")

    @property
    def bytes_per_second(self) -> float:
        """Mean speed of this run; 0 where nothing was fetched."""
        return self.fetched / self.seconds if self.seconds > 0 else 0.0
