"""The list, taken in between the files that it names: both get on."""

from __future__ import annotations

from collections.abc import Callable

from segdl.engine.run import TICK
from segdl.errors import SegdlError
from segdl.mirror.happenings import Happening, Kept, Listed, Said
from segdl.mirror.intake import Intake
from segdl.mirror.options import MirrorOptions
from segdl.mirror.reading import Reading
from segdl.mirror.way import clear_way

# Seconds that the list is written down for before files are looked after again.
_READS_FOR = 0.01


class Feed:
    """Has an intake take what was read. The coordinator's thread owns it.

    Args:
        intake: writes it down.
        reading: reads it.
        options: the mirror.
        tell: takes what happens.
        clock: seconds.
    """

    def __init__(
        self,
        intake: Intake,
        reading: Reading,
        options: MirrorOptions,
        tell: Callable[[Happening], None],
        clock: Callable[[], float],
    ) -> None:
        self._intake = intake
        self._reading = reading
        self._options = options
        self._tell = tell
        self._clock = clock
        self._resumes_at = 0.0

    def take_in(self, *, wait: bool) -> None:
        """Write down what was read, for a moment: files that are known can go.

        Half of the time is theirs, as long as some can; all of it while they hold enough that only
        memory may hold.

        Args:
            wait: nothing else is to be done: wait for a moment where nothing was read.

        Raises:
            SegdlError: there is no list.
        """
        began = self._clock()
        if not wait and (began < self._resumes_at or self._intake.has_enough):
            return
        for batch in self._reading.batches(TICK if wait else 0.0):
            self._intake.take(batch)
            self._say(complete=False)
            if self._clock() >= began + _READS_FOR:
                break
        now = self._clock()
        self._resumes_at = now + (now - began)
        if self._reading.ended and not self._intake.ended:
            self._end(self._reading.error)

    def _end(self, error: SegdlError | None) -> None:
        """Take note that there is no more of the list; go on with what there was of it."""
        intake = self._intake
        if error is not None and not intake.files:
            raise error
        if error is not None:
            intake.refuse(error)
        intake.ended = True
        if intake.blocked and not intake.troubles:
            clear_way(self._options, intake.ledger, intake, self._tell)
        self._say(complete=error is None)

    def _say(self, *, complete: bool) -> None:
        intake = self._intake
        for trouble in intake.untold:
            self._tell(Said(str(trouble)))
        intake.untold.clear()
        broken = intake.ended and not complete
        self._tell(Listed(intake.files, intake.bytes, complete, intake.unsized, broken))
        self._tell(Kept(intake.kept, intake.kept_bytes))
