"""A file that is at work, and how it was found right."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from segdl.core.mirrorneed import Had, Need
from segdl.core.pieces import Pieces
from segdl.core.url import parse_url
from segdl.mirror.happenings import Done, How, Taken
from segdl.mirror.rows import Row
from segdl.options import Request, TransferOptions
from segdl.results import DownloadResult


@dataclass(slots=True)
class Job:
    """A file that is at work. Its thread owns it until its outcome is taken.

    Attributes:
        taken: what was said when it was given to its thread.
        row: what the ledger says.
        request: what to ask for.
        transfer: how to fetch it.
        twins: other files that had the digest it must have.
        plain: whether nothing but a download may be done for it.
        large: whether it is worth several connections, as far as that is known.
        how: how it came to be right.
        once: whether it is to show that its host, which was away, is there again.
        had: what is here now.
        verified: the algorithm of the digest that was compared.
        hook_ran: whether the program that is to be run for it was.
        hook_failed: what went wrong with the program that is run for it.
        rotted: twins that are not any more what they were, though nobody touched them.
    """

    taken: Taken
    row: Row
    request: Request
    transfer: TransferOptions
    twins: tuple[Row, ...] = ()
    plain: bool = False
    large: bool = False
    once: bool = False
    how: How = "fetched"
    had: Had | None = None
    verified: str | None = None
    hook_ran: bool = False
    hook_failed: str | None = None
    rotted: list[Row] = field(default_factory=list)

    @property
    def only_fetches(self) -> bool:
        """Whether all that it takes is a download, or to ask whether there is one."""
        asks = self.row.need is Need.ASK and self.request.held is not None
        fetches = asks or self.row.need is Need.FETCH
        return self.plain and fetches and not self.twins

    @property
    def pieces(self) -> Pieces | None:
        """Digests of its pieces."""
        return self.request.expected.pieces


def found_right(
    job: Job, path: Path | None, size: int, *, seconds: float = 0.0, place: str | None = None
) -> DownloadResult:
    """Return the result for a file that is right without its server's help.

    Args:
        job: the file.
        path: where it is; None in a bucket.
        size: its bytes.
        seconds: that it took.
        place: its URL in a bucket.
    """
    return DownloadResult(
        path=path,
        url=parse_url(job.request.url).public,
        size=size,
        fetched=0,
        seconds=seconds,
        status="skipped",
        place=place,
    )


def done(job: Job, had: Had, result: DownloadResult) -> Done:
    """Return what is said of a file that is right now.

    Args:
        job: the file.
        had: what is here of it.
        result: what became of its request.
    """
    taken = job.taken
    return Done(
        taken.file,
        taken.path,
        taken.host,
        had.stat.size,
        result.fetched,
        result.seconds,
        job.how,
        job.verified,
        result.requests,
    )
