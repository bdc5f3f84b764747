"""Connections of urllib3 that are made our way, and tell their wire which socket it became."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from functools import cache
from typing import Any, cast

from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from segdl.net import window
from segdl.net.race import Known
from segdl.net.reach import connected_socket
from segdl.net.readable import is_held
from segdl.net.wholehead import WholeHead
from segdl.net.wire import AbortedError, current_wire


def _attach(connected: socket.socket | None) -> None:
    wire = current_wire()
    if wire is not None:
        wire.attach(connected)


def _check() -> None:
    wire = current_wire()
    if wire is not None and wire.aborted:
        raise AbortedError


class _Watched:
    """What a connection class needs so that its wire knows its socket.

    Attributes:
        known: of the host that it connects to.
        by_itself: whether it has a way of its own to connect, such as by SOCKS.
    """

    response_class = WholeHead
    known: Known
    by_itself: bool
    sock: socket.socket | None
    socket_options: Sequence[Any] | None

    def _new_conn(self) -> socket.socket:
        wire = current_wire()
        size = wire.window if wire else None
        if size is None:
            return self._connected()
        usual = self.socket_options
        self.socket_options = [*(usual or ()), *window.before_connect(size)]
        try:
            connected = self._connected()
        finally:
            self.socket_options = usual
        window.resize(connected, size)
        return connected

    def _connected(self) -> socket.socket:
        if self.by_itself:
            connected: socket.socket = super()._new_conn()  # type: ignore[misc]
            return connected
        return connected_socket(cast("HTTPConnection", self), self.known, _check)

    @property
    def is_connected(self) -> bool:
        """Whether it can be used again: nothing came that was not asked for, within TLS neither."""
        connected: bool = super().is_connected  # type: ignore[misc]
        return connected and not is_held(self.sock)

    def connect(self) -> None:
        wire = current_wire()
        if wire is not None:
            wire.connected = True
        super().connect()  # type: ignore[misc]
        _attach(self.sock)

    def _tunnel(self) -> None:
        # A proxy that drips its answer keeps every timeout of the socket from firing.
        _attach(self.sock)
        super()._tunnel()  # type: ignore[misc]
        # An answer that was cut is taken for whole.
        _check()

    def getresponse(self) -> object:
        _attach(self.sock)
        asked = time.monotonic()
        response: object = super().getresponse()  # type: ignore[misc]
        wire = current_wire()
        if wire is not None:
            wire.waited = time.monotonic() - asked
        return response


class _Remembering:
    """What a pool needs so that its connections know what is known of their host."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._known = Known()

    def _new_conn(self) -> _Watched:
        connection: _Watched = super()._new_conn()  # type: ignore[misc]
        connection.known = self._known
        return connection


@cache
def watched(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    """Return a pool class whose connections tell the wire which socket it became."""
    connects: Any = pool.ConnectionCls
    by_itself = connects._new_conn is not HTTPConnection._new_conn  # noqa: SLF001
    connection = type("Watched", (_Watched, connects), {"by_itself": by_itself})
    return type("WatchedPool", (_Remembering, pool), {"ConnectionCls": connection, "watched": True})
