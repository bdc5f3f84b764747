"""What may come of an attempt."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from segdl.core.verdict import Accept, Changed, Denied, Fail, Refused, Retry, Unranged
from segdl.net.exchange import Exchange
from segdl.net.failures import TransferError

# A response that is there already, and which bytes it brings.
Opened: TypeAlias = tuple[Exchange, Accept]


class Rest(NamedTuple):
    """A response that is still open, where it goes on behind a segment's end.

    Who gets it closes it and tells the gate.

    Attributes:
        exchange: the response.
        answer: which bytes of the remote file it still brings.
        at: place in the local file of the first of them.
    """

    exchange: Exchange
    answer: Accept
    at: int

    @property
    def stop(self) -> int:
        """Place in the local file where the response ends."""
        assert self.answer.stop is not None
        return self.at + self.answer.stop - self.answer.start

    @property
    def opened(self) -> Opened:
        """What an attempt takes that goes on with it."""
        return self.exchange, self.answer


class Streamed(NamedTuple):
    """The response was read as far as it was wanted.

    Attributes:
        end: where the file ends, where only the end of the body could tell.
        proved: false where a broken connection would have looked the same.
        rest: the response, where it goes on behind the segment's end.
        lasts: whether the connection can be used again.
    """

    end: int | None = None
    proved: bool = True
    rest: Rest | None = None
    lasts: bool = False


class Broken(NamedTuple):
    """The request or its body failed."""

    failure: TransferError


class Mismatch(NamedTuple):
    """Bytes where two responses meet differ: they are of two versions."""

    at: int


class TakenBack:
    """Where the bytes go lost some of them; when it takes them again is for the supply to say."""


class Crash(NamedTuple):
    """Something that no retry mends: a full disk, a defect."""

    error: BaseException


Outcome: TypeAlias = (
    Streamed
    | Broken
    | Mismatch
    | TakenBack
    | Crash
    | Changed
    | Unranged
    | Refused
    | Retry
    | Fail
    | Denied
)
