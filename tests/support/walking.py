"""One walk through a list, with short waits, and what it found."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import urllib3

from segdl.engine.surroundings import open_run
from segdl.errors import SegdlError
from segdl.mirror.listing import Entry, Unlisted, Unusable
from segdl.mirror.options import ListingOptions
from segdl.mirror.profiles import Profiles
from segdl.mirror.walk import walk
from segdl.options import NetworkOptions, TransferOptions
from support.fetching import check_balance, quick_backoff

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segdl.engine.run import Run
    from segdl.mirror.frontier import Limits
    from segdl.mirror.listing import Found
    from segdl.mirror.options import HostProfile


@dataclass
class Walked:
    """What a walk found, in its order; `error` is what it ended with."""

    entries: list[Entry] = field(default_factory=list)
    unusable: list[Unusable] = field(default_factory=list)
    unlisted: list[Unlisted] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    error: SegdlError | None = None

    @property
    def paths(self) -> list[str]:
        """The paths, sorted: servers sort each in their own way."""
        return sorted(entry.path for entry in self.entries)

    @property
    def whole(self) -> Walked:
        """Check that nothing went wrong."""
        assert (self.error, self.unlisted, self.unusable) == (None, [], [])
        return self

    def add(self, found: Found) -> None:
        match found:
            case Entry():
                self.entries.append(found)
            case Unusable():
                self.unusable.append(found)
            case Unlisted():
                self.unlisted.append(found)


def walked(
    source: str,
    *,
    network: dict[str, Any] | None = None,
    retries: int = 3,
    limits: Limits | None = None,
    hosts: Sequence[HostProfile] = (),
    cancel: threading.Event | None = None,
    **listing: Any,
) -> Walked:
    """Walk through a list to its end; no SegdlError escapes."""
    found = Walked()
    with a_run(network=network, retries=retries, cancel=cancel) as run:
        options = ListingOptions(source=source, **listing)
        try:
            say = found.said.append
            profiles = Profiles(hosts, source, say)
            with closing(walk(run, options, say, profiles=profiles, limits=limits)) as items:
                for item in items:
                    found.add(item)
        except SegdlError as error:
            found.error = error
    return found


def fetched(url: str) -> bytes:
    """Return what a server sends, by other hands than ours."""
    with urllib3.PoolManager() as pool:
        return pool.request("GET", url).data


class a_run:  # noqa: N801  reads as a context
    """The surroundings of a walk, as they are but for shorter waits."""

    def __init__(
        self,
        *,
        network: dict[str, Any] | None = None,
        retries: int = 3,
        cancel: threading.Event | None = None,
    ) -> None:
        options = {"connect_timeout": 5.0, "stall_timeout": 5.0, **(network or {})}
        self._opened = open_run(
            NetworkOptions(**options),
            TransferOptions(retries=retries),
            lambda event: None,
            cancel or threading.Event(),
            max_files=4,
        )

    def __enter__(self) -> Run:
        self._run = self._opened.__enter__()._replace(backoff=quick_backoff)
        return self._run

    def __exit__(self, *raised: Any) -> None:
        self._opened.__exit__(*raised)
        check_balance(self._run.gates)
