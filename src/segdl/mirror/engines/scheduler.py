"""How the scheduler of a Dask cluster is reached; who waits for it can be interrupted."""

from __future__ import annotations

import asyncio
import math
import socket
from concurrent.futures import Future
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from segdl.core.text import printable
from segdl.engine.run import TICK, Run
from segdl.errors import NetworkError, SegdlError, UsageError
from segdl.net.readable import wait_for_read

if TYPE_CHECKING:
    from distributed import Client

# Seconds for one connection, or one answer of the scheduler.
CONNECT = 10.0
# Seconds for a last word to it.
PARTING = 2


def reach(address: str, run: Run) -> Client:
    """Return a client of a scheduler.

    Args:
        address: the scheduler's, as Dask writes it.
        run: the driver's surroundings.

    Raises:
        UsageError: distributed is not installed, or lacks what it needs for TLS.
        NetworkError: the scheduler does not answer.
        CancelledError: the run is to end.
    """
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise UsageError(
            "--engine dask needs a package that is missing", hint="pip install 'segdl[dask]'"
        ) from None
    shown = printable(address, 200)
    opening = run.pool.submit(_connect, address, run)
    try:
        return run.wait_for(opening, lambda: None, math.inf)
    except (OSError, TimeoutError, asyncio.TimeoutError, ValueError) as error:
        why = printable(str(error), 200)
        raise NetworkError(
            f"the Dask scheduler at {shown} does not answer: {why}",
            hint="is it running, and reached from here?",
        ) from None
    except TypeError as error:
        # So it says that it has no certificates.
        raise UsageError(
            f"the Dask scheduler at {shown} cannot be asked: {printable(str(error), 200)}",
            hint="dask+tls needs certificates in Dask's configuration (distributed.comm.tls)",
        ) from None
    except SegdlError:
        # Nobody waits any more for a client that comes late.
        opening.add_done_callback(_close)
        raise


def _connect(address: str, run: Run) -> Client:
    from distributed import Client

    place = urlsplit(address)
    with socket.create_connection((place.hostname or "", place.port or 0), CONNECT) as probe:
        if place.scheme == "tcp":
            _wait_for_word(probe, run)
    # A client that finds nobody would try for long, and leave a thread behind.
    return Client(address, timeout=CONNECT, set_as_default=False, name="segdl")


def _wait_for_word(probe: socket.socket, run: Run) -> None:
    """Return once the other side speaks, which schedulers do first.

    Raises:
        OSError: it does not.
    """
    ends = run.clock() + CONNECT
    while not wait_for_read(probe, TICK):
        run.check_cancelled()
        if run.clock() > ends:
            raise TimeoutError("it says nothing")
    run.check_cancelled()
    if not probe.recv(1):
        raise ConnectionError("it ends the connection")


def _close(opening: Future[Client]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close(timeout=PARTING)
