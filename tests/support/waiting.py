"""Files that wait in a ledger for their hosts, and the hosts that give them out."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from segdl.core.mirrorneed import Listed, Need
from segdl.mirror.hosts import Hosts
from segdl.mirror.ledger import Ledger
from segdl.mirror.rows import Row, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


class Now:
    """What hosts are told of: times are seconds."""

    def __init__(self) -> None:
        self.time = 0.0
        self.pauses: dict[str, float] = {}
        self.streams = 0

    def pause(self, url: str) -> float:
        return max(0.0, self.pauses.get(url.split("/")[2], 0.0) - self.time)


def wanted(path: str, host: str, turn: int, size: int | None) -> Wanted:
    return Wanted(
        path=path,
        host=host,
        urls=(f"http://{host}/{path}",),
        listed=Listed(size, None, None),
        turn=turn,
        late=False,
        need=Need.FETCH,
    )


@contextmanager
def hosts_of(
    folder: Path,
    files: Sequence[Wanted],
    cap: int,
    *,
    now: Now | None = None,
    is_ending: Callable[[Row], bool] = lambda _: False,
) -> Iterator[Hosts]:
    """Yield hosts with a cap each, 16 files at once, and a patience of 100 seconds."""
    now = now or Now()
    with Ledger(folder) as ledger:
        listing = ledger.begin_listing()
        with ledger.transaction():
            ledger.write(listing, files)
        every = Hosts(
            ledger,
            max_files=16,
            cap=lambda _: cap,
            pause=now.pause,
            streams=lambda _: now.streams,
            patience=100.0,
            clock=lambda: now.time,
            is_ending=is_ending,
        )
        for each in files:
            every.add(each)
        yield every


def fill(every: Hosts) -> list[Row]:
    """Give out what can go now."""
    return list(iter(lambda: every.next(late=False), None))
