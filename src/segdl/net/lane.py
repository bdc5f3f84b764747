"""A response's way through the limiter: its window, its body, its reads."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from segdl.core.credit import Credit
from segdl.core.rate import KERNEL_WINDOW, Terms
from segdl.net.limiter import Limiter
from segdl.net.window import Path
from segdl.net.wire import Wire


@dataclass(slots=True)
class Turn:
    """A read that is let through: `most` bytes at most; its reader says how many it brought."""

    most: int
    brought: int = 0


class Lane:
    """One request and its response. One thread at a time uses it.

    Args:
        limiter: the limit of the run.
        payer: whose file it is.
        wire: what it waits by; `hand_over` gives it another.
        tls: whether bytes come in records.
    """

    def __init__(self, limiter: Limiter, payer: object, wire: Wire, *, tls: bool) -> None:
        self._limiter = limiter
        self._tls = tls
        self._place = limiter.enter(payer, wire)
        self._open = True
        self._credit = Credit(0, 0)
        # Bytes that were charged before there was an answer.
        self._advance = 0
        self._answered = False
        # Whether the kernel may have been told a window: connections are used again.
        self._held = True
        # Bytes of the body until when a buffer may hold some; None for good.
        self._buffered: int | None = None

    def prepare(self) -> None:
        """Wait until the bytes that an answer begins with may come.

        It returns early where the wire is aborted.
        """
        self._advance, terms = self._limiter.admit(
            self._place, lambda terms: terms.advance(tls=self._tls)
        )
        self._credit = terms.opening(tls=self._tls).opened(self._advance)
        narrow = terms.rate is not None and self._credit.window < KERNEL_WINDOW
        self._place.wire.window = self._credit.window if narrow else None

    def answered(self, length: int | None, *, in_chunks: bool) -> None:
        """Note what the head of the response says: bytes of the body, None if it does not."""
        self._answered = True
        self._buffered = None if in_chunks else io.DEFAULT_BUFFER_SIZE
        if length is not None:
            self._credit = self._credit.answered(length, self._advance)
            self._limiter.give_back(self._place, max(0, self._advance - length))

    @contextmanager
    def turn(self, most: int) -> Iterator[Turn]:
        """Wait until a read of `most` bytes at most may be made, and account for it.

        It returns at once where the wire is aborted: the read will tell.

        Raises:
            TimeoutError: nothing came.
        """
        if self._credit.ahead == 0:
            # All that is left is on its way, and charged.
            yield Turn(most)
            return
        wire = self._place.wire
        # For bytes first, and for the turn then: so a slow server keeps nobody from going on.
        if self._buffered is not None and self._buffered <= 0 and not wire.wait_for_bytes():
            raise TimeoutError
        path = wire.path() or Path(self._credit.window, 0.0)

        def cost(terms: Terms) -> int:
            return self._credit.due(self._size(terms, most), self._window(terms, path))

        charged, terms = self._limiter.admit(self._place, cost)
        window = self._window(terms, path)
        self._widen(window, terms, path)
        turn = Turn(self._size(terms, most))
        try:
            yield turn
        finally:
            if self._buffered is not None:
                self._buffered -= turn.brought
            due = self._credit.due(turn.brought, window)
            self._credit = self._credit.after(turn.brought, window)
            self._limiter.give_back(self._place, charged - due)

    def hand_over(self, wire: Wire) -> None:
        """Wait by another thread's `wire` from now on."""
        self._place.wire = wire

    def close(self) -> None:
        """Give the place up; harmless after that."""
        if self._open:
            self._open = False
            if not self._answered:
                self._limiter.give_back(self._place, self._advance)
            self._limiter.leave(self._place)

    def _size(self, terms: Terms, most: int) -> int:
        return min(most, terms.read(tls=self._tls) or most)

    def _window(self, terms: Terms, path: Path) -> int:
        return terms.next_window(self._credit.window, path.round_trip, tls=self._tls)

    def _widen(self, window: int, terms: Terms, path: Path) -> None:
        """Have the kernel take in as much as is charged."""
        if terms.rate is None:
            if self._held:
                self._place.wire.resize_window(None)
        elif window != path.window:
            self._place.wire.resize_window(window)
        self._held = terms.rate is not None
