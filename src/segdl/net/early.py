"""A connection that is begun while the rest of the program is loaded.

Over a long path it takes about as long as that to make one.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from segdl.core.url import Origin
from segdl.net.race import Known, connect, resolve

# Seconds until a wait looks whether anybody still wants it.
_TICK = 0.1


class _OverError(Exception):
    """Nobody wants the connection any more."""


class Early:
    """One connection to an origin; who asks for it first has it.

    `_lock` owns `_made`, `_error` and `_over`. A thread of its own makes it, which is left to
    itself where it is stuck in the look-up of a name.

    Args:
        origin: to connect to.
        within: seconds that it may take.

    Raises:
        RuntimeError: the system gives no thread.

    Attributes:
        origin: as given.
    """

    def __init__(self, origin: Origin, *, within: float) -> None:
        self.origin = origin
        self._within = within
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._made: socket.socket | None = None
        self._error: OSError | UnicodeError | None = None
        self._over = False
        threading.Thread(target=self._make, name="segdl-early", daemon=True).start()

    def take(self, check: Callable[[], None]) -> socket.socket | None:
        """Wait for the connection and return it; None where somebody had it.

        Args:
            check: raises what ends the wait; called several times a second.

        Raises:
            OSError: there is none, as :func:`segdl.net.race.connect` says.
            UnicodeError: it is no name of a host.
        """
        while not self._done.wait(_TICK):
            check()
        with self._lock:
            made, self._made = self._made, None
            error, self._error = self._error, None
        if error is not None:
            raise error
        return made

    def close(self) -> None:
        """Close it, unless somebody has it."""
        with self._lock:
            self._over = True
            made, self._made = self._made, None
        if made is not None:
            made.close()

    def _make(self) -> None:
        made: socket.socket | None = None
        error: OSError | UnicodeError | None = None
        try:
            addresses = resolve(self.origin.host, self.origin.port)
            made = connect(
                addresses, within=self._within, options=(), known=Known(), check=self._check
            )
        except (OSError, UnicodeError) as failure:
            error = failure
        except _OverError:
            pass
        with self._lock:
            if not self._over:
                self._made, made = made, None
            self._error = error
        if made is not None:
            made.close()
        self._done.set()

    def _check(self) -> None:
        with self._lock:
            if self._over:
                raise _OverError
