"""Connections that wait for their next request."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from segdl.core.url import Origin

if TYPE_CHECKING:
    import socket


class IdleConnections:
    """Keeps connections by origin, the last one on top. `_lock` owns every field.

    Args:
        an_origin: most to one origin.
        in_all: most of all; those to the origin that was used least lately go first.
    """

    def __init__(self, an_origin: int, in_all: int) -> None:
        self._an_origin = an_origin
        self._in_all = in_all
        self._lock = threading.Lock()
        self._kept: OrderedDict[Origin, list[socket.socket]] = OrderedDict()
        self._count = 0
        self._closed = False

    def take(self, origin: Origin) -> socket.socket | None:
        """Return the one that was kept last, if there is one."""
        with self._lock:
            return self._pop(origin, -1)

    def drop(self, origin: Origin) -> None:
        """Close the one that was kept first, if there is one."""
        with self._lock:
            connection = self._pop(origin, 0)
        if connection is not None:
            connection.close()

    def count(self, origin: Origin) -> int:
        """Return how many wait for a request to that origin."""
        with self._lock:
            return len(self._kept.get(origin, ()))

    def keep(self, origin: Origin, connection: socket.socket) -> None:
        """Keep a connection, or close it where there are enough."""
        with self._lock:
            excess: socket.socket | None = connection
            if not self._closed:
                kept = self._kept.setdefault(origin, [])
                kept.append(connection)
                self._kept.move_to_end(origin)
                self._count += 1
                excess = None
                if len(kept) > self._an_origin:
                    excess = self._pop(origin, 0)
                elif self._count > self._in_all:
                    excess = self._pop(next(iter(self._kept)), 0)
        if excess is not None:
            excess.close()

    def close(self) -> None:
        """Close all of them, and those that come later."""
        with self._lock:
            self._closed = True
            kept, self._kept = self._kept, OrderedDict()
            self._count = 0
        for connections in kept.values():
            for connection in connections:
                connection.close()

    def _pop(self, origin: Origin, at: int) -> socket.socket | None:
        kept = self._kept.get(origin)
        if not kept:
            return None
        connection = kept.pop(at)
        self._count -= 1
        if not kept:
            del self._kept[origin]
        return connection
