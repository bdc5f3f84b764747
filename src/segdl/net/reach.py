"""Sockets for urllib3's connections, made our way: see :mod:`segdl.net.race`."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from urllib3.exceptions import (
    ConnectTimeoutError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
)
from urllib3.util.connection import allowed_gai_family

from segdl.net.race import Known, connect, resolve

if TYPE_CHECKING:
    from urllib3.connection import HTTPConnection


def connected_socket(
    connection: HTTPConnection,
    known: Known,
    check: Callable[[], None],
) -> socket.socket:
    """Return a socket for a connection of urllib3, in place of its own `_new_conn`.

    Args:
        connection: says where to, how long it may take and with which options.
        known: of its host.
        check: raises what ends the attempt.

    Raises:
        urllib3.exceptions.HTTPError: what it raises itself.
    """
    host = connection._dns_host  # noqa: SLF001 - with the final dot that `host` hides
    try:
        made = connect(
            resolve(host, connection.port, allowed_gai_family()),
            within=connection.timeout,
            options=connection.socket_options or (),
            known=known,
            check=check,
        )
    except UnicodeError:
        raise LocationParseError(f"'{host}', label empty or too long") from None
    except socket.gaierror as error:
        raise NameResolutionError(connection.host, connection, error) from error
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, "connecting took too long") from error
    except OSError as error:
        raise NewConnectionError(connection, f"no connection: {error}") from error
    sys.audit("http.client.connect", connection, connection.host, connection.port)
    return made
