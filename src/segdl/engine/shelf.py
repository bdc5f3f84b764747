"""Small texts that files of one run ask for alike: each is fetched once."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

# What is kept at most, in bytes of memory; each counts for so many beside its text.
_ROOM = 32 * 1024 * 1024
_EACH = 1024


class Shelf:
    """Keeps texts, and that there is none, as long as they are asked for now and then.

    Files of a run share it. `_changed` and its lock own everything.

    Args:
        room: bytes of memory; those that were not asked for the longest make room.
    """

    def __init__(self, room: int = _ROOM) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._room = room
        self._kept: OrderedDict[Hashable, str | None] = OrderedDict()
        self._fetching: set[Hashable] = set()

    def get(
        self,
        key: Hashable,
        fetch: Callable[[], str | None],
        wait: Callable[[threading.Condition], None],
    ) -> str | None:
        """Return the text of a key, None where there is none; fetch it where nobody did yet.

        Who comes while another one fetches it waits for that one. An error is that one's
        alone: the next who waits tries for itself.

        Args:
            key: tells texts apart.
            fetch: gets it; called without the lock, and never twice at once for one key.
            wait: waits on the condition for a moment; what it raises ends the wait.
        """
        with self._changed:
            while key in self._fetching:
                wait(self._changed)
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            self._fetching.add(key)
        try:
            text = fetch()
            with self._changed:
                self._keep(key, text)
            return text
        finally:
            with self._changed:
                self._fetching.remove(key)
                self._changed.notify_all()

    def _keep(self, key: Hashable, text: str | None) -> None:
        self._kept[key] = text
        self._room -= _cost(text)
        while self._room < 0:
            _, oldest = self._kept.popitem(last=False)
            self._room += _cost(oldest)


def _cost(text: str | None) -> int:
    return _EACH + sys.getsizeof(text)
