"""An HTTP server that a test drives byte by byte.

It knows how to read a request and nothing about answers: the handler writes raw
bytes. So it can say what no honest server library would let it say.

    def handler(request: Request, connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")
        connection.reset()

    with ScriptedServer(handler) as server:
        urlopen(server.url("/file"))
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from support.connection import ClientGone, Connection
from support.request import Request, read_request

if TYPE_CHECKING:
    import ssl
    from types import TracebackType

Handler = Callable[[Request, Connection], "bool | None"]

_JOIN = 5.0  # seconds that all threads together have to end once their sockets are shut


class ScriptedServer:
    """A threaded server on 127.0.0.1; stopped, with every thread and socket, on exit.

    It takes a free port, or the one it is given, such as that of a server that died.

    `handler` is called in the connection's own thread, once a request. It returns
    ``False`` to have the connection closed and ``True`` to keep it; ``None`` leaves it to
    ``connection.keep``, which is what the client asked for unless the handler set it.
    A client that goes away ends the handler quietly; any other exception in it fails the
    test when the server is left.
    """

    def __init__(
        self, handler: Handler, *, tls: ssl.SSLContext | None = None, port: int = 0
    ) -> None:
        self._handler = handler
        self._tls = tls
        self._changed = threading.Condition()
        self._requests: list[Request] = []
        self._errors: list[BaseException] = []
        self._connections: dict[int, Connection] = {}
        self._threads: list[threading.Thread] = []
        self._accepted = 0
        self._in_flight = 0
        self._peak_connections = 0
        self._peak_in_flight = 0
        self.stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        # Where shutting a listener does not wake accept() (macOS) this timeout does.
        self._listener.settimeout(0.2)
        self.port: int = self._listener.getsockname()[1]

    # -- what a test looks at --

    def url(self, path: str = "/file.bin", *, host: str = "127.0.0.1") -> str:
        """Return a URL on this server; ``host="localhost"`` makes it another origin."""
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{path}"

    @property
    def requests(self) -> list[Request]:
        """Every request so far, in order of arrival."""
        with self._changed:
            return list(self._requests)

    @property
    def open_connections(self) -> int:
        with self._changed:
            return len(self._connections)

    @property
    def accepted(self) -> int:
        """Connections that were ever accepted."""
        with self._changed:
            return self._accepted

    @property
    def peak_connections(self) -> int:
        with self._changed:
            return self._peak_connections

    @property
    def in_flight(self) -> int:
        """Requests whose handler has not returned yet."""
        with self._changed:
            return self._in_flight

    @property
    def peak_in_flight(self) -> int:
        with self._changed:
            return self._peak_in_flight

    def wait_until(self, condition: Callable[[], bool], timeout: float = 5.0) -> bool:
        """Wait until `condition` holds; it is asked whenever a request or connection changes.

        Example: ``server.wait_until(lambda: len(server.requests) >= 3)``
        """
        with self._changed:
            return self._changed.wait_for(condition, timeout)

    # -- life --

    def __enter__(self) -> ScriptedServer:
        self._spawn(self._accept, "scripted-accept")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if error is None and self._errors:
            raise AssertionError("a handler of the scripted server failed") from self._errors[0]

    def stop(self) -> None:
        """Shut every socket, which wakes whoever waits on one, and wait for the threads."""
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + _JOIN
        # The accept thread is the first; once it is gone no new connection appears.
        for position, thread in enumerate(self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))
            if position == 0:
                self._shut_connections()
        self._listener.close()
        alive = [thread.name for thread in self._threads if thread.is_alive()]
        self._threads.clear()
        if alive:
            self._errors.append(AssertionError(f"threads that did not end: {alive}"))

    def _shut_connections(self) -> None:
        with self._changed:
            connections = list(self._connections.values())
        for connection in connections:
            connection.shut()

    def _spawn(self, target: Callable[..., None], name: str, *arguments: object) -> None:
        # Daemons: should one hang in spite of all, the suite still ends.
        thread = threading.Thread(target=target, args=arguments, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                peer, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            peer.settimeout(None)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._changed:
                number = self._accepted
                self._accepted += 1
                connection = Connection(peer, number, self.stopping)
                self._connections[number] = connection
                self._peak_connections = max(self._peak_connections, len(self._connections))
                self._changed.notify_all()
            self._spawn(self._serve, f"scripted-{number}", connection)

    def _serve(self, connection: Connection) -> None:
        try:
            if self._tls is not None:
                connection.start_tls(self._tls)
            while not self.stopping.is_set() and self._one(connection):
                pass
            connection.close()
        except (ClientGone, OSError):
            pass  # clients come and go: what they make of it is what the test looks at
        except BaseException as error:  # noqa: BLE001  a thread has nowhere to raise it
            with self._changed:
                self._errors.append(error)
        finally:
            connection.release()
            with self._changed:
                del self._connections[connection.number]
                self._changed.notify_all()

    def _one(self, connection: Connection) -> bool:
        request = read_request(connection)
        if request is None:
            return False
        connection.keep = request.keep_alive
        with self._changed:
            self._requests.append(request)
            self._in_flight += 1
            self._peak_in_flight = max(self._peak_in_flight, self._in_flight)
            self._changed.notify_all()
        try:
            keep = self._handler(request, connection)
        finally:
            with self._changed:
                self._in_flight -= 1
                self._changed.notify_all()
        return connection.usable and (connection.keep if keep is None else keep)
