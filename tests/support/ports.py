"""Ports of this machine for servers that are programs of their own."""

from __future__ import annotations

import contextlib
import random
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess


# Below those that systems give to who asks for any: of the tests beside this one many do, and
# would take a port before its program does.
_PORTS = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on at the moment, all different."""
    chance, found = random.SystemRandom(), set[int]()
    while len(found) < count:
        port = chance.choice(_PORTS)
        with socket.socket() as tried, contextlib.suppress(OSError):
            tried.bind(("127.0.0.1", port))
            found.add(port)
    return sorted(found)


def free_port() -> int:
    """Return a port that nobody listens on at the moment."""
    (port,) = free_ports(1)
    return port


def answers(process: subprocess.Popen[bytes], port: int, seconds: float) -> bool:
    """Wait until a program takes connections; tell whether it does, and did not end instead."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            # Who answers may be another server that was quicker to take the port.
            if process.poll() is None:
                return True
        time.sleep(0.005)
    return False
