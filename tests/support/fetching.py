"""One download whose waits are short, and what must hold after every download."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from segdl.core.checksum import parse_wanted
from segdl.core.expected import Expected
from segdl.core.selection import parse_range
from segdl.engine.download import download
from segdl.engine.gate import Gates
from segdl.engine.lookout import Lookout
from segdl.engine.once import Once
from segdl.engine.ordered import stream
from segdl.engine.run import TICK, Run
from segdl.engine.shelf import Shelf
from segdl.engine.threads import Threads
from segdl.errors import SegdlError
from segdl.net.transport import Transport
from segdl.options import NetworkOptions, Request, TransferOptions
from segdl.progress.events import Event

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from segdl.results import DownloadResult

NAME = "file.bin"
_PATIENCE = 3.0


def quick_backoff(attempt: int) -> float:
    """Wait hardly at all, and longer each time."""
    return 0.002 * attempt


@dataclass
class Fetched:
    """How a download ended."""

    folder: Path
    events: list[Event] = field(default_factory=list)
    result: DownloadResult | None = None
    error: SegdlError | None = None
    seconds: float = 0.0

    def is_whole(self, content: bytes) -> Fetched:
        """Check that the exact file is there and nothing else."""
        assert self.error is None, repr(self.error)
        assert os.listdir(self.folder) == [NAME]
        assert (self.folder / NAME).read_bytes() == content
        return self

    def failed(self, kind: type[SegdlError], *, parts: bool = True) -> SegdlError:
        """Check the error's very class, and that nothing has the final name."""
        assert type(self.error) is kind, repr(self.error)
        assert os.listdir(self.folder) == ([f"{NAME}.segdl"] if parts else [])
        return self.error

    def told(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def fetch(
    url: str,
    folder: Path,
    *,
    out: BinaryIO | None = None,
    connections: int = 8,
    min_split: int = 65536,
    retries: int = 5,
    checksum: str | None = None,
    span: str | None = None,
    cancel: threading.Event | None = None,
    network: dict[str, Any] | None = None,
    clock: Callable[[], float] = time.monotonic,
    mirrors: tuple[str, ...] = (),
    supersedes: bool = False,
    expected: Expected | None = None,
    **transfer: Any,
) -> Fetched:
    """Download `url` to `folder`, or in order to `out`; no SegdlError escapes."""
    fetched = Fetched(folder)
    options = NetworkOptions(**{"connect_timeout": 5.0, "stall_timeout": 5.0, **(network or {})})
    gates = Gates(connections, time.monotonic)
    cancel = cancel or threading.Event()
    lookout = Lookout(cancel.is_set, time.monotonic, TICK)
    run = Run(
        network=options,
        transfer=TransferOptions(
            connections=connections,
            min_split=min_split,
            retries=retries,
            range=None if span is None else parse_range(span),
            **transfer,
        ),
        transport=Transport(options, connections=connections),
        gates=gates,
        pool=Threads(connections, thread_name_prefix="segdl-fetch"),
        lookout=lookout,
        emit=fetched.events.append,
        cancel=cancel,
        once=Once(),
        shelf=Shelf(),
        clock=clock,
        backoff=quick_backoff,
    )
    wanted = parse_wanted(checksum) if checksum else None
    request = Request(
        url=url,
        directory=folder,
        name=NAME,
        checksum=wanted,
        mirrors=mirrors,
        supersedes=supersedes,
        expected=expected or Expected(),
    )
    began = time.monotonic()
    try:
        if out is None:
            fetched.result = download(run, request)
        else:
            fetched.result = stream(run, request, out)
    except SegdlError as error:
        fetched.error = error
    finally:
        fetched.seconds = time.monotonic() - began
        run.pool.shutdown(wait=False, cancel_futures=True)
        lookout.close()
        run.transport.close()
    check_balance(gates)
    return fetched


def check_balance(gates: Gates) -> None:
    """Every request that was claimed must have been given back."""
    deadline = time.monotonic() + _PATIENCE
    for gate in list(gates._gates.values()):
        while (busy := (gate.unanswered, gate.streaming)) != (0, 0):
            assert time.monotonic() < deadline, f"unanswered, streaming: {busy}"
            time.sleep(0.005)
