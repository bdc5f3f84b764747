"""One file at the doors of servers: that of its origin, and those of whom a redirect leads to."""

from __future__ import annotations

from collections.abc import Callable

from segdl.core.pace import LONGEST_WAIT
from segdl.core.url import Location, Origin
from segdl.core.verdict import Refused
from segdl.engine.busy import PutOffError, RestingError, note_refusal, tell_busy
from segdl.engine.contact import asks_too_long
from segdl.engine.run import TICK, Run
from segdl.errors import SegdlError, ServerError
from segdl.progress.events import Waiting

# Seconds: a wait of no more than that is sat out. Where a redirect leads to whom it is for it may
# be longer, as whoever led there is asked again; but not all such waits of a file together.
_MOMENT, _LED_MOMENT, _LED_IN_ALL = 1.0, 5.0, 30.0


class Door:
    """Lets requests through, waits, and takes note of refusals. One thread uses it.

    Args:
        run: the surroundings.
        asked: the file.
        number: its number within the run, for events.
        wait: sleeps so many seconds, or raises what ends the wait.

    Attributes:
        gate: that of its origin.
    """

    def __init__(
        self, run: Run, asked: Location, number: int, wait: Callable[[float], None]
    ) -> None:
        self._run = run
        self._asked = asked
        self._number = number
        self._wait = wait
        self.gate = run.gates.of(asked.origin)
        # Seconds that it waited for others than its own origin.
        self._rested = 0.0

    def pass_through(self, *, once: bool) -> None:
        """Claim a request, as soon as the origin may be asked.

        Args:
            once: whether another mirror is asked instead where that takes more than a moment.

        Raises:
            ServerError: it takes too long.
            PutOffError: others are to be seen to meanwhile.
        """
        told = False
        while not self.gate.wait_to_ask(TICK):
            self._run.check_cancelled()
            pause = self.gate.pause()
            refusal = ServerError(f"{self._asked}: not asked again")
            if pause > LONGEST_WAIT:
                raise asks_too_long(refusal, pause)
            if once and self._run.puts_off and pause > _MOMENT:
                raise refusal
            self.put_off(refusal, pause, by=None, asked=False)
            if pause > _MOMENT and not told:
                told = True
                self._tell(pause)

    def led_to(self, location: Location) -> None:
        """Leave an origin alone that asked for it, whoever leads there.

        Raises:
            RestingError: it did.
        """
        pause = self._run.gates.of(location.origin).pause()
        if pause:
            raise RestingError(location, pause)

    def refused(self, by: Origin, refusal: Refused, delay: float) -> Refused:
        """Take note of a refusal of a claimed request; return it with who it is of.

        Args:
            by: who refused it.
            refusal: what it said.
            delay: seconds that nobody asks for, where it named none.
        """
        asked = self._asked.origin
        refusal = refusal.said_by(by, asked)
        note_refusal(self._run.gates, asked, refusal, delay)
        tell_busy(self._run, self._number, refusal, self.gate)
        return refusal

    def rest(self, resting: RestingError, *, once: bool) -> None:
        """Wait for somebody that a redirect led to, or leave that to others.

        Raises:
            ServerError: it takes too long, or another mirror is to be asked.
            PutOffError: others are to be seen to meanwhile.
        """
        if resting.seconds > LONGEST_WAIT:
            raise asks_too_long(resting.error, resting.seconds)
        if once:
            raise resting.error
        self._rested += resting.seconds
        self.put_off(resting.error, resting.seconds, by=resting.origin, asked=False)
        self._tell(resting.seconds)
        self._wait(resting.seconds)

    def put_off(
        self,
        refusal: SegdlError,
        pause: float,
        *,
        by: Origin | None,
        asked: bool,
        last: bool = False,
    ) -> None:
        """End this for now, where it is to be and has to wait for more than a moment.

        Args:
            refusal: what to raise where nobody will come back.
            pause: seconds.
            by: who is to be left alone, where a redirect led to that.
            asked: whether it was asked for this file.
            last: whether there is no try left.

        Raises:
            PutOffError: it is ended.
        """
        if not self._run.puts_off:
            return
        moment = _MOMENT if by is None or self._rested >= _LED_IN_ALL else _LED_MOMENT
        if last or pause > moment:
            raise PutOffError(refusal, asked=asked, by=by, rest=pause)

    def _tell(self, seconds: float) -> None:
        self._run.emit(Waiting(self._number, seconds, "server asks to wait"))
