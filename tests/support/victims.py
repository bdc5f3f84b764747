"""Workers that are killed, or stopped and woken, in the midst of a mirror's run."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from segdl.progress.events import Note, Progress
from support.clusters import wait_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from segdl.mirror.happenings import Happening
    from support.clusters import Cluster


class Victim:
    """One of the processes of ``--engine processes:N``.

    Attributes:
        pid: its number; 0 as long as nothing happened to it.
    """

    def __init__(self) -> None:
        self.pid = 0

    def kill_beyond(self, size: int) -> Callable[[Happening], None]:
        """Return what kills it once more than `size` bytes of one file came."""

        def on(happening: Happening) -> None:
            if not self.pid and isinstance(happening, Progress) and happening.done > size:
                self._send(signal.SIGKILL)

        return on

    def stop(self, happening: Happening) -> None:
        """Stop it once two pieces are at work; wake it when it is taken for lost."""
        both = isinstance(happening, Progress) and sum(s.active for s in happening.segments) == 2
        if both and not self.pid:
            self._send(signal.SIGSTOP)
        if isinstance(happening, Note) and "lost" in happening.text:
            # On a machine that is busy enough all are silent for so long, and replaced.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        child = multiprocessing.active_children()[0]
        assert child.pid is not None
        self.pid = child.pid
        os.kill(child.pid, number)


@contextmanager
def declared_dead(
    cluster: Cluster, worker: subprocess.Popen[bytes], size: int
) -> Iterator[Callable[[Happening], None]]:
    """Yield what has a worker stopped once more than `size` bytes of one file came.

    It is woken when the scheduler has taken it for dead and given its work to others.
    """
    began = threading.Event()
    heard = cluster.log().count("failed to heartbeat")

    def stop_and_wake() -> None:
        began.wait(20)
        os.killpg(worker.pid, signal.SIGSTOP)
        try:
            wait_until(lambda: cluster.log().count("failed to heartbeat") > heard, "its death", 40)
        finally:
            os.killpg(worker.pid, signal.SIGCONT)

    def begin(happening: Happening) -> None:
        if isinstance(happening, Progress) and happening.done > size:
            began.set()

    stopper = threading.Thread(target=stop_and_wake)
    stopper.start()
    try:
        yield begin
    finally:
        began.set()
        stopper.join()
