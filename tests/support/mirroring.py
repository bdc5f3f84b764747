"""A mirror run without the command line: entries in, files and happenings out."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from segdl.engine.surroundings import open_run
from segdl.mirror.happenings import Done
from segdl.mirror.listing import Entry, Found
from segdl.mirror.options import ListingOptions, MirrorOptions
from segdl.mirror.result import Result
from segdl.mirror.session import Session
from segdl.options import NetworkOptions, TransferOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from pathlib import Path

    from segdl.engine.run import Run
    from segdl.mirror.happenings import Happening
    from segdl.mirror.place import Place

QUICK = NetworkOptions(connect_timeout=5.0, stall_timeout=5.0)


@dataclass
class Ran:
    """What came of a run."""

    result: Result
    happened: list[Happening] = field(default_factory=list)

    def of(self, kind: type) -> list[Any]:
        return [each for each in self.happened if type(each) is kind]

    @property
    def done(self) -> dict[str, str]:
        """How each file that was at work came to be right."""
        return {each.path: each.how for each in self.happened if isinstance(each, Done)}

    @property
    def requests(self) -> int:
        return sum(each.requests for each in self.happened if isinstance(each, Done))


def mirror(
    directory: Path,
    entries: Iterable[Found] | Callable[[], Iterable[Found]],
    *,
    cancel: threading.Event | None = None,
    on: Callable[[Happening], None] = lambda _: None,
    retries: int = 2,
    layout: Any = "parts",
    network: NetworkOptions = QUICK,
    source: str = "-",
    depth: int | None = None,
    include: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    formerly: tuple[str, ...] = (),
    place: Callable[[Run, MirrorOptions], Place] | None = None,
    **how: Any,
) -> Ran:
    """Carry out a mirror of `entries`; a function is called for each reading of the list."""
    listing = ListingOptions(
        source=source, depth=depth, include=include, exclude=exclude, formerly=formerly
    )
    options = MirrorOptions(directory=directory, listing=listing, **how)
    transfer = TransferOptions(
        connections=f"auto:{options.per_host}", retries=retries, layout=layout
    )
    happened: list[Happening] = []
    lock = threading.Lock()

    def tell(happening: Happening) -> None:
        with lock:
            happened.append(happening)
        on(happening)

    kept = entries if callable(entries) else list(entries)

    def read() -> Generator[Found, None, None]:
        yield from (kept() if callable(kept) else kept)

    cancel = cancel or threading.Event()
    with open_run(network, transfer, tell, cancel, max_files=options.max_files) as run:
        result = Session(options, transfer, tell).carry_out(
            run,
            read,
            has_to_read_again=lambda: callable(entries),
            place=None if place is None else place(run, options),
        )
    return Ran(result, happened)


def entry(url: str, path: str, **how: Any) -> Entry:
    return Entry(path=path, urls=(url,), **how)
