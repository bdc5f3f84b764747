"""A file's bytes on their way into a PUT, pushed as they come in.

Nothing is kept: what one thread reads from a source it sends on. urllib3 pulls bodies, which
would take a second thread for each connection; http.client lets them be pushed.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from segdl.core.url import Location
from segdl.errors import NetworkError, UsageError
from segdl.net.byproxy import fields_for
from segdl.net.failures import TransferError, translate, wire_errors
from segdl.net.proxies import target_of
from segdl.net.readable import is_held, wait_for_read
from segdl.net.tls import SharedContext
from segdl.net.wholehead import WholeHead

# A slow line must get so much through before a socket's timeout, in bytes.
_SLICE = 128 * 1024
_MOST_BODY = 4096


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, header fields by lower-case name, and the beginning of the body."""

    status: int
    fields: Mapping[str, str]
    body: bytes


class AnsweredError(Exception):
    """The server answered before it had the whole body."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(str(answer.status))
        self.answer = answer


class Put:
    """One PUT on its way. One thread sends it; any thread may abort it, which sets `_aborted`.

    Args:
        location: where it goes; signed, so nothing of it is ever shown but its path.
        length: bytes of the body.
        context: for TLS.
        proxy: to go by way of; None goes there directly.
        connect_timeout: seconds.
        stall_timeout: seconds in which some bytes must get through.

    Raises:
        TransferError: it cannot be begun.
    """

    def __init__(
        self,
        location: Location,
        length: int,
        context: SharedContext,
        proxy: str | None,
        connect_timeout: float,
        stall_timeout: float,
    ) -> None:
        self._location = location
        self._aborted = False
        self._connection, fields = _connection(location, context, proxy, connect_timeout)
        self._connection.response_class = WholeHead
        try:
            self._connection.connect()
            self._socket: socket.socket = self._connection.sock
            self._socket.settimeout(stall_timeout)
            self._connection.putrequest(
                "PUT", target_of(location, proxy), skip_accept_encoding=True
            )
            for name, value in {**fields, "Content-Length": str(length)}.items():
                self._connection.putheader(name, value)
            self._connection.endheaders()
        except wire_errors() as error:
            self._connection.close()
            raise self._failure(error) from error

    def send(self, data: bytes | memoryview) -> None:
        """Send the next bytes of the body.

        Raises:
            AnsweredError: the server has said what it thinks of it already.
            TransferError: the connection broke.
        """
        left = memoryview(data)
        try:
            if self._has_answer():
                raise AnsweredError(self.finish())
            while left:
                self._connection.send(left[:_SLICE])
                left = left[_SLICE:]
        except wire_errors() as error:
            # Who closes the connection may have said why.
            try:
                answer = self.finish()
            except TransferError:
                raise self._failure(error) from error
            raise AnsweredError(answer) from error

    def finish(self) -> Answer:
        """Return the answer, and close the connection.

        Raises:
            TransferError: none came.
        """
        try:
            response = self._connection.getresponse()
            body = response.read(_MOST_BODY)
            fields = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, fields, body)
        except wire_errors() as error:
            raise self._failure(error) from error
        finally:
            self._connection.close()

    def abort(self) -> None:
        """End it now; a thread that waits in it fails at once."""
        self._aborted = True
        try:
            # The plain socket's method: ssl's would drop its state under the sender.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        except OSError:
            # It is closed.
            pass

    def close(self) -> None:
        """Let go of the connection; only where no thread sends."""
        self._connection.close()

    def _has_answer(self) -> bool:
        if is_held(self._socket):
            return True
        # TLS 1.3 sends tickets: they are read with the answer.
        return not isinstance(self._socket, ssl.SSLSocket) and wait_for_read(self._socket, 0)

    def _failure(self, error: BaseException) -> TransferError:
        if self._aborted:
            return TransferError(NetworkError(f"{self._location}: aborted"))
        return translate(error, str(self._location))


def _connection(
    location: Location, context: SharedContext, proxy: str | None, timeout: float
) -> tuple[http.client.HTTPConnection, dict[str, str]]:
    """Return a connection that is not open yet, and header fields to send for its proxy."""
    origin = location.origin
    secure = origin.scheme == "https"
    if proxy is None:
        if secure:
            return http.client.HTTPSConnection(
                origin.host, origin.port, timeout=timeout, context=context.get()
            ), {}
        return http.client.HTTPConnection(origin.host, origin.port, timeout=timeout), {}
    try:
        parts = parse_url(proxy)
    except LocationParseError:
        parts = Url()
    if parts.scheme != "http" or parts.host is None:
        raise TransferError(
            UsageError("uploads go through http:// proxies only", hint="see --proxy"), fatal=True
        )
    auth = fields_for(parts.auth) or {}
    port = parts.port or 80
    if not secure:
        return http.client.HTTPConnection(parts.host, port, timeout=timeout), auth
    tunnel = http.client.HTTPSConnection(parts.host, port, timeout=timeout, context=context.get())
    tunnel.set_tunnel(origin.host, origin.port, headers=auth)
    return tunnel, {}
