"""What went wrong on the wire, in segdl's terms.

urllib3 wraps http.client, ssl and socket. All of them end here. Nothing of them is loaded for
this: a request over plain HTTP does without.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Iterator

from segdl.core.limits import no_more_files
from segdl.core.text import printable
from segdl.errors import NetworkError, SegdlError, ServerError, UsageError

_OF_LIBRARIES = (("urllib3.exceptions", "HTTPError"), ("http.client", "HTTPException"))
_OF_THE_SYSTEM = (
    OSError,
    # A TLS socket whose connection was shut down under its reader.
    ValueError,
    AttributeError,
)


_UNREACHABLE = frozenset(
    {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL}
)


# X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL.
_OTHER_NAME = frozenset({62, 64})


class ConnectTimedOutError(TimeoutError):
    """Nobody took a connection in time."""


class TransferError(Exception):
    """A request or its body failed.

    Attributes:
        error: what to raise when no retry helps.
        fatal: no retry can help.
        refused: nobody took the connection: too many of them, or no server.
    """

    def __init__(self, error: SegdlError, *, fatal: bool = False, refused: bool = False) -> None:
        super().__init__(str(error))
        self.error = error
        self.fatal = fatal
        self.refused = refused


def wire_errors(*more: type[Exception]) -> tuple[type[Exception], ...]:
    """Return what the libraries raise for a connection that failed, and what is to go with it."""
    # What was not loaded yet, or not to its end, has raised nothing.
    found = (getattr(sys.modules.get(module), name, None) for module, name in _OF_LIBRARIES)
    return (*filter(None, found), *_OF_THE_SYSTEM, *more)


def translate(error: BaseException, what: str) -> TransferError:
    """Say what an exception of the libraries means.

    Args:
        error: one of `wire_errors`.
        what: the URL without secrets.
    """
    import http.client
    import ssl

    import urllib3

    from segdl.net.proxyfailures import proxy_failure

    chain = list(_chain(error))
    for cause in chain:
        if full := no_more_files(cause, what):
            return TransferError(full, fatal=True)
    if (failure := proxy_failure(chain, what)) is not None:
        return failure
    for cause in chain:
        if isinstance(cause, ssl.SSLError) and cause.reason == "WRONG_VERSION_NUMBER":
            return TransferError(
                NetworkError(f"{what}: no TLS is spoken there", hint="try http:// instead"),
                fatal=True,
            )
        if isinstance(cause, ssl.SSLCertVerificationError) and cause.verify_code in _OTHER_NAME:
            return TransferError(
                NetworkError(
                    f"{what}: the server's certificate is for another name: "
                    f"{printable(cause.verify_message)}",
                    hint="check the URL (or --insecure to go on all the same)",
                ),
                fatal=True,
            )
        if isinstance(cause, ssl.SSLCertVerificationError):
            return TransferError(
                NetworkError(
                    f"{what}: the server's certificate is not trusted: "
                    f"{printable(cause.verify_message)}",
                    hint="give its authority with --cacert (or --insecure to go without)",
                ),
                fatal=True,
            )
        if isinstance(cause, urllib3.exceptions.LocationValueError):
            return TransferError(UsageError(f"{what}: the URL cannot be used"), fatal=True)
        if isinstance(cause, socket.gaierror):
            return TransferError(
                NetworkError(
                    f"{what}: cannot resolve the host name",
                    hint="check it and the network",
                    trouble="name",
                ),
                fatal=cause.errno == socket.EAI_NONAME,
            )
        if isinstance(cause, ConnectionRefusedError):
            return TransferError(
                NetworkError(
                    f"{what}: connection refused",
                    hint="is the server running?",
                    trouble="connect",
                ),
                refused=True,
            )
        if isinstance(cause, OSError) and cause.errno in _UNREACHABLE:
            return TransferError(
                NetworkError(
                    f"{what}: {os.strerror(cause.errno).lower()}",
                    hint="check the network",
                    trouble="connect",
                )
            )
        # NewConnectionError is one, too: its cause comes later in the chain.
        late = ConnectTimedOutError | urllib3.exceptions.ConnectTimeoutError
        if isinstance(cause, late) and not isinstance(cause, urllib3.exceptions.NewConnectionError):
            return TransferError(
                NetworkError(
                    f"{what}: connecting took too long",
                    hint="see --connect-timeout",
                    trouble="connect",
                )
            )
        if isinstance(cause, TimeoutError | urllib3.exceptions.ReadTimeoutError):
            return TransferError(
                NetworkError(
                    f"{what}: the server went silent",
                    hint="see --stall-timeout",
                    trouble="silent",
                )
            )
        if isinstance(cause, ConnectionResetError | BrokenPipeError):
            return TransferError(NetworkError(f"{what}: connection reset", trouble="closed"))
        if isinstance(cause, http.client.RemoteDisconnected):
            return TransferError(
                NetworkError(f"{what}: the server closed without an answer", trouble="closed")
            )
        if isinstance(cause, http.client.IncompleteRead | urllib3.exceptions.IncompleteRead):
            return TransferError(NetworkError(f"{what}: connection closed early", trouble="closed"))
        if isinstance(cause, http.client.HTTPException | urllib3.exceptions.InvalidHeader):
            return TransferError(
                ServerError(f"{what}: the answer is not HTTP as it should be: {_reason(cause)}")
            )
    return TransferError(NetworkError(f"{what}: {_reason(chain[-1])}"))


def is_closed_unanswered(error: BaseException) -> bool:
    """Tell whether a connection was closed before the head of an answer had come."""
    import http.client

    ends = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)
    return any(isinstance(cause, ends) for cause in _chain(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and what lies under it, outermost first."""
    seen: set[int] = set()
    queue: list[object] = [error]
    while queue:
        item = queue.pop(0)
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        queue += [item.__cause__, item.__context__, getattr(item, "reason", None), *item.args]


def _reason(error: BaseException) -> str:
    from http.client import HTTPException

    text = str(error) if isinstance(error, OSError | HTTPException) else ""
    return printable(text or type(error).__name__, 120)
