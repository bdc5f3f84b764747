"""What went wrong with a proxy, and which one that is."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence

import urllib3

from segdl.core.text import printable

HINT = "check --proxy, or http_proxy and the like in the environment"


def proxy_trouble(chain: Sequence[BaseException]) -> str | None:
    """Tell what kept a connection from its proxy; None where it was not that.

    Args:
        chain: an exception of urllib3 or of PySocks, and what lies under it.
    """
    by_socks, connected = getattr(sys.modules.get("socks"), "ProxyError", ()), None
    for cause in chain:
        if isinstance(cause, urllib3.exceptions.NewConnectionError):
            connected = cause.conn
        if isinstance(cause, by_socks):
            # It names the proxy, or is what that says; never its user.
            return printable(str(cause), 200)
    if any(isinstance(cause, urllib3.exceptions.ProxyError) for cause in chain):
        where = "" if connected is None else f"{printable(connected.host, 100)}:{connected.port}: "
        return f"{where}{_reason(chain)}"
    # The first name that PySocks looks up, outside of its own errors, is the proxy's.
    if getattr(connected, "by_itself", False) and isinstance(chain[-1], socket.gaierror):
        return _reason(chain)
    return None


def _reason(chain: Sequence[BaseException]) -> str:
    last = chain[-1]
    if isinstance(last, socket.gaierror):
        return "cannot resolve its host name"
    if isinstance(last, OSError) and last.errno:
        return os.strerror(last.errno).lower()
    text = str(last) if isinstance(last, OSError) else ""
    return printable(text or type(last).__name__, 120)
