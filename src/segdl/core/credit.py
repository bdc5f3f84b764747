"""What a response is charged for: all that its server may have sent, and nothing twice."""

from __future__ import annotations

from typing import NamedTuple


class Credit(NamedTuple):
    """What is charged of one response.

    The body comes in three places: in memory behind the head, in the window of the kernel,
    and ahead. Reading what is in memory lets nothing in; reading on makes room in the window,
    and a wider window is room as well. What comes to be room is charged before it is there.

    Attributes:
        with_head: bytes in memory.
        window: bytes that the kernel takes in.
        ahead: bytes of the body that are not charged; None where its length is not known.
    """

    with_head: int
    window: int
    ahead: int | None = None

    @property
    def opening(self) -> int:
        """Bytes that come before any is read."""
        return self.with_head + self.window

    def opened(self, charged: int) -> Credit:
        """Return what holds where only `charged` bytes were charged of those that come first.

        Example:
            >>> Credit(2000, 4000).opened(5000)
            Credit(with_head=1000, window=4000, ahead=None)
        """
        return self._replace(with_head=min(self.with_head, max(0, charged - self.window)))

    def answered(self, length: int, charged: int) -> Credit:
        """Return the credit of a body of `length` bytes, of which `charged` were charged.

        Example:
            >>> Credit(2000, 4000).answered(10_000, 6000)
            Credit(with_head=2000, window=4000, ahead=4000)
        """
        return self._replace(ahead=max(0, length - charged))

    def due(self, count: int, window: int) -> int:
        """Return what to charge for a read of `count` bytes and a window of `window` from then on.

        Example:
            >>> Credit(2000, 4000, ahead=4000).due(1500, 4000), Credit(0, 4000, 900).due(600, 8000)
            (0, 900)
        """
        room = max(0, count - self.with_head) + max(0, window - self.window)
        return room if self.ahead is None else min(room, self.ahead)

    def after(self, count: int, window: int) -> Credit:
        """Return what holds after that read."""
        ahead = None if self.ahead is None else self.ahead - self.due(count, window)
        return Credit(max(0, self.with_head - count), window, ahead)
