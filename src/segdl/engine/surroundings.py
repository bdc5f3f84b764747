"""Sets up what all files of a run share, and takes it down again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from segdl.core.url import Origin
from segdl.engine.gate import Gates
from segdl.engine.lookout import Lookout
from segdl.engine.once import Once
from segdl.engine.run import TICK, Run
from segdl.engine.shelf import Shelf
from segdl.engine.threads import Threads
from segdl.net.early import Early
from segdl.net.transport import Transport
from segdl.options import NetworkOptions, TransferOptions
from segdl.progress.events import Event

if TYPE_CHECKING:
    from segdl.engine.helper import Helper

# Requests that several files of one run send to one origin at once.
MOST_PER_ORIGIN = 16


@contextmanager
def open_run(
    network: NetworkOptions,
    transfer: TransferOptions,
    emit: Callable[[Event], None],
    cancel: threading.Event,
    *,
    max_files: int,
    per_origin: int | None = None,
    own_caps: Callable[[Origin], int | None] = lambda _: None,
    idle: int = 0,
    early: Early | None = None,
    helper: Helper | None = None,
) -> Iterator[Run]:
    """Set up the surroundings of a run, and close every connection at its end.

    Args:
        network: how to reach servers.
        transfer: how to fetch and keep files.
        emit: called from the threads of the run, one at a time.
        cancel: set from any thread to end the run.
        max_files: files at once.
        per_origin: requests that one origin gets at once, from all files; None leaves that
            to `transfer`.
        own_caps: returns what an origin has in the place of that, if anything.
        idle: connections to one origin that are kept, where that is more than others tell.
        early: a connection that was begun already.
        helper: another process that small files can be given to; whoever made it closes it.
    """
    usual = transfer.most if max_files == 1 else max(transfer.most, MOST_PER_ORIGIN)
    cap = per_origin or usual
    transport = Transport(network, connections=max(cap, transfer.most, idle), early=early)
    lock, over = threading.Lock(), False

    def emit_one(event: Event) -> None:
        with lock:
            # A thread that was left behind has nobody to tell any more.
            if not over:
                emit(event)

    lookout = Lookout(cancel.is_set, time.monotonic, TICK)
    run = Run(
        network=network,
        transfer=transfer,
        transport=transport,
        ahead=transport,
        helper=helper,
        gates=Gates(cap, time.monotonic, own=own_caps),
        lookout=lookout,
        pool=Threads(max_files * transfer.most, thread_name_prefix="segdl-fetch"),
        emit=emit_one,
        cancel=cancel,
        once=Once(),
        shelf=Shelf(),
        meanwhile=load_what_follows,
    )
    try:
        yield run
    finally:
        # A thread that is stuck in connecting is left behind: its wire is aborted, so it
        # reads nothing more. See attempt for one that is stuck in writing.
        run.pool.shutdown(wait=False, cancel_futures=True)
        lookout.close()
        transport.close()
        with lock:
            over = True


def load_what_follows() -> None:
    """Load what a file takes that does not come outright, which is as long as a round trip."""
    # Who needs it meets again what keeps it from being loaded.
    with suppress(Exception):
        import segdl.engine.staged  # noqa: F401
