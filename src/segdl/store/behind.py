"""Bytes brought to the disk while others are written: neither waits for the other."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from segdl.core.limits import is_no_more_threads


class Written(Protocol):
    """What is written to."""

    def sync(self) -> None:
        """Return when what was written is on the disk; callable from any thread.

        Raises:
            DiskError: the disk failed.
        """


class Behind:
    """Has a thread that brings what was written to the disk. Its writer uses it, and closes it.

    Args:
        written: what is written to.
    """

    def __init__(self, written: Written) -> None:
        self._written = written
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="segdl-behind")
        self._under_way: Future[None] | None = None

    def begin(self) -> None:
        """Begin with what was written until now, as soon as that of the last time is there.

        Raises:
            DiskError: the last time the disk failed.
        """
        self._wait()
        try:
            self._under_way = self._pool.submit(self._written.sync)
        except RuntimeError as error:
            if not is_no_more_threads(error):
                raise
            self._written.sync()

    def finish(self) -> None:
        """Return when all that was written is on the disk.

        Raises:
            DiskError: the disk failed.
        """
        self._wait()
        self._written.sync()

    def _wait(self) -> None:
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            under_way.result()

    def close(self) -> None:
        """Wait for what is under way, whatever comes of it, and end the thread."""
        self._pool.shutdown()
