"""Servers that ask to come back later, told to whoever watches."""

from __future__ import annotations

from segdl.core.url import Location, Origin
from segdl.core.verdict import Refused
from segdl.engine.gate import Gate, Gates
from segdl.engine.run import Run
from segdl.errors import SegdlError, ServerError
from segdl.net.failures import TransferError
from segdl.progress.events import Busy

# Seconds: a wait of no more than that is sat out. Where a redirect leads to whom it is for it may
# be longer, as whoever led there is asked again; but not all such waits of a file together.
MOMENT, LED_MOMENT, LED_IN_ALL = 1.0, 5.0, 30.0


class PutOffError(SegdlError):
    """A server asks to come back later, and whoever wants its file has others to see to.

    Attributes:
        refusal: what to raise where nobody will come back.
        asked: whether somebody was asked for this file, or only known to refuse it.
        by: who is to be left alone, where a redirect led to that; None is its own origin.
        rest: seconds that it is to be left alone for.
    """

    def __init__(self, refusal: SegdlError, *, asked: bool, by: Origin | None, rest: float) -> None:
        super().__init__(refusal.message, hint=refusal.hint)
        self.refusal = refusal
        self.asked = asked
        self.by = by
        self.rest = rest


class RestingError(TransferError):
    """A redirect leads to an origin that is asked nothing for `seconds`."""

    def __init__(self, location: Location, seconds: float) -> None:
        hint = "run the same command later"
        super().__init__(ServerError(f"{location}: it asks to be left alone", hint=hint))
        self.origin = location.origin
        self.seconds = seconds


def note_refusal(
    gates: Gates,
    asked: Origin,
    by: Origin,
    refusal: Refused,
    delay: float,
    *,
    known: bool = False,
) -> None:
    """Have an origin that a redirect led to be left alone, and the one that led there be not.

    How many requests are too many for the one shows at the door of the other, where they count.

    Args:
        gates: of all origins.
        asked: the one whose door the request passed.
        by: the one that refused it.
        refusal: what it said.
        delay: seconds to wait where it named none.
        known: as :func:`segdl.core.admission.refused` has it.
    """
    gate = gates.of(asked)
    untold = 0.0 if gate.streaming else delay
    gates.of(by).rest(untold if refusal.after is None else refusal.after)
    gate.refused(0.0, delay, known=known)


def tell_busy(run: Run, number: int, refusal: Refused, gate: Gate) -> None:
    """Tell of an answer 429 or 503 to a request for file `number`, once its gate knows."""
    error = refusal.error
    if isinstance(error, ServerError) and error.status is not None:
        run.emit(Busy(number, error.status, gate.pause()))
