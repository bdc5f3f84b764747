"""Servers that ask to come back later, told to whoever watches."""

from __future__ import annotations

from segdl.core.url import Location
from segdl.core.verdict import Refused
from segdl.engine.gate import Gate
from segdl.engine.run import Run
from segdl.errors import SegdlError, ServerError
from segdl.net.failures import TransferError
from segdl.progress.events import Busy

# Seconds: a wait of no more than that is sat out.
MOMENT = 1.0


class PutOffError(SegdlError):
    """A server asks to come back later, and whoever wants its file has others to see to.

    Attributes:
        refusal: what to raise where nobody will come back.
    """

    def __init__(self, refusal: SegdlError) -> None:
        super().__init__(refusal.message, hint=refusal.hint)
        self.refusal = refusal


class RestingError(TransferError):
    """A redirect leads to an origin that is asked nothing for `seconds`."""

    def __init__(self, location: Location, seconds: float) -> None:
        super().__init__(ServerError(f"{location}: not asked again"))
        self.seconds = seconds


def tell_busy(run: Run, number: int, refusal: Refused, gate: Gate) -> None:
    """Tell of an answer 429 or 503 to a request for file `number`, once its gate knows."""
    error = refusal.error
    if isinstance(error, ServerError) and error.status is not None:
        run.emit(Busy(number, error.status, gate.pause()))
