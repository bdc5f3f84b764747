"""What went wrong with a proxy, which one that is, and what went wrong behind it."""

from __future__ import annotations

import os
import socket
import ssl
import sys
from collections.abc import Sequence

import urllib3

from segdl.core.text import printable
from segdl.errors import NetworkError
from segdl.net.failures import TransferError

_HINT = "check --proxy, or http_proxy and the like in the environment"


def proxy_failure(chain: Sequence[BaseException], what: str) -> TransferError | None:
    """Say what kept a request from its proxy, or what that said; None where it was neither.

    Args:
        chain: an exception of urllib3 or of PySocks, and what lies under it.
        what: the URL without secrets.
    """
    connected = next(
        (each.conn for each in chain if isinstance(each, urllib3.exceptions.NewConnectionError)),
        None,
    )
    if any(isinstance(each, urllib3.exceptions.ProxyError) for each in chain):
        where = "" if connected is None else f"{printable(connected.host, 100)}:{connected.port}: "
        last = chain[-1]
        fatal = isinstance(last, ssl.SSLCertVerificationError) or _speaks_no_tls(last)
        return _failed(what, f"{where}{_reason(last)}", fatal=fatal)
    if getattr(connected, "by_itself", False):
        return _by_socks(chain, what)
    return None


def _by_socks(chain: Sequence[BaseException], what: str) -> TransferError | None:
    """Say what PySocks means: its errors are of the proxy, and of what is behind it."""
    socks = sys.modules["socks"]
    of_proxy = [each for each in chain if isinstance(each, socks.ProxyError)]
    for each in of_proxy:
        if isinstance(each, socks.SOCKS5Error | socks.SOCKS4Error):
            said = printable(str(each), 120)
            return TransferError(
                NetworkError(f"{what}: the proxy says {said}", hint=_HINT, trouble="connect")
            )
    if isinstance(chain[-1], socket.gaierror):
        # The first name that is looked up is the proxy's. Another one is the server's, by a
        # proxy that is told addresses.
        return None if of_proxy else _failed(what, _reason(chain[-1]), fatal=False)
    return _failed(what, printable(str(of_proxy[0]), 200), fatal=False) if of_proxy else None


def _failed(what: str, why: str, *, fatal: bool) -> TransferError:
    error = NetworkError(f"{what}: the proxy failed: {why}", hint=_HINT, trouble="proxy")
    return TransferError(error, fatal=fatal)


def _speaks_no_tls(error: BaseException) -> bool:
    return isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER"


def _reason(error: BaseException) -> str:
    if isinstance(error, socket.gaierror):
        return "cannot resolve its host name"
    if _speaks_no_tls(error):
        return "it speaks no TLS, as http:// proxies do not"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {printable(error.verify_message)}"
    # OpenSSL has numbers of its own.
    if isinstance(error, OSError) and error.errno and not isinstance(error, ssl.SSLError):
        return os.strerror(error.errno).lower()
    text = str(error) if isinstance(error, OSError) else ""
    return printable(text or type(error).__name__, 120)
