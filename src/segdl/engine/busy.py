"""Servers that ask to come back later, told to whoever watches."""

from __future__ import annotations

from segdl.core.url import Location, Origin
from segdl.core.verdict import Refused
from segdl.engine.gate import Gate, Gates
from segdl.engine.run import Run
from segdl.errors import SegdlError, ServerError
from segdl.net.failures import TransferError
from segdl.progress.events import Busy


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
    gates: Gates, asked: Origin, refusal: Refused, delay: float, *, known: bool = False
) -> None:
    """Have whoever refused a claimed request be left alone; who only led there is not.

    How many requests are too many for that one shows at the door of the other, where they count.

    Args:
        gates: of all origins.
        asked: the one whose door the request passed.
        refusal: what was said, and by whom.
        delay: seconds to wait where it names none.
        known: as :func:`segdl.core.admission.refused` has it.
    """
    gate = gates.of(asked)
    if refusal.by is None:
        gate.refused(refusal.after, delay, known=known)
        return
    untold = 0.0 if gate.streaming else delay
    gates.of(refusal.by).rest(untold if refusal.after is None else refusal.after)
    gate.refused(0.0, delay, known=known)


def tell_busy(run: Run, number: int, refusal: Refused, gate: Gate) -> None:
    """Tell of an answer 429 or 503 to a request for file `number`, once its gate knows."""
    error = refusal.error
    if isinstance(error, ServerError) and error.status is not None:
        run.emit(Busy(number, error.status, gate.pause()))
