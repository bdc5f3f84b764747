"""Ports of this machine for servers that are programs of their own."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on at the moment, all different."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


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
