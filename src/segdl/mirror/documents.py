"""What a list was made of on its servers: enough to tell, later, whether any of it changed."""

from __future__ import annotations

from typing import NamedTuple

# More of them would take more memory than the time to read them anew is worth.
_MOST = 10_000


class Kept(NamedTuple):
    """A document that was read.

    Attributes:
        asked: the URL that it was asked for at.
        url: the one that answered.
        digest: of its bytes.
    """

    asked: str
    url: str | None
    digest: bytes

    def __repr__(self) -> str:
        return "Kept(...)"


class Documents:
    """Those of one reading of a list. One thread at a time uses it.

    Attributes:
        kept: in their order.
        delay: seconds between two requests for them, as their server wishes.
        complete: whether the list was read to its end, and these are all that it was made of,
            but for a file here.
    """

    def __init__(self) -> None:
        self.kept: list[Kept] = []
        self.delay = 0.0
        self.complete = False
        self._missed = False

    def add(self, document: Kept) -> None:
        """Note one that was read."""
        if len(self.kept) < _MOST:
            self.kept.append(document)
        else:
            self.miss()

    def miss(self) -> None:
        """Note that the list is made of something that is not kept."""
        self._missed = True
        self.kept.clear()

    def end(self) -> None:
        """Note that this was all."""
        self.complete = not self._missed
