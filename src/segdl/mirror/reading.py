"""The list, read in a thread of its own: whoever has files to fetch need not wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import closing
from types import TracebackType

from segdl.engine.background import Background
from segdl.engine.run import TICK
from segdl.errors import SegdlError
from segdl.mirror.listing import Found

# Items that are handed over at once, and that are read ahead at most: a thread that reads
# more would keep the others from what is theirs to do.
_BATCH = 500


class Reading:
    """Reads a list ahead, within bounds. One thread uses it, and leaves it.

    Args:
        read: begins to read; closed at the end.
        cancel: set where the run is to end.

    Attributes:
        ended: whether the last batch was taken.
        error: why it was not read to its end.
    """

    def __init__(
        self, read: Callable[[], Generator[Found, None, None]], cancel: threading.Event
    ) -> None:
        self._background = Background(_begun_in_its_thread(read), _BATCH)
        self._cancel = cancel
        self.ended = False
        self.error: SegdlError | None = None

    def __enter__(self) -> Reading:
        self._background.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._background.leave()
        while not self._background.has_ended(TICK):
            # A thread that reads a pipe is not woken by anything of ours.
            left_early = self._cancel.is_set() or not self.ended
            if left_early and not self._background.has_ended(5 * TICK):
                return

    def batches(self, seconds: float) -> Generator[list[Found], None, None]:
        """Yield what has been read by now; wait up to `seconds` for a batch to be full.

        A list that is there at once is known whole then, and its largest files with it.
        """
        while not self.ended:
            try:
                batch, self.ended = self._background.take(seconds, enough=_BATCH, most=_BATCH)
            except SegdlError as error:
                self.error, self.ended = error, True
                return
            if not batch:
                return
            seconds = 0.0
            yield batch


def _begun_in_its_thread(
    read: Callable[[], Generator[Found, None, None]],
) -> Generator[Found, None, None]:
    with closing(read()) as found:
        yield from found
