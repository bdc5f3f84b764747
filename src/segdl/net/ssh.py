"""SFTP as fsspec has it: whom to trust, how long to wait, and how to end what waits.

paramiko is known here alone.
"""

from __future__ import annotations

import importlib
import logging
import os
from typing import Any

from segdl.core.text import printable
from segdl.errors import UsageError
from segdl.net.wire import Wire
from segdl.options import NetworkOptions

SCHEMES = frozenset({"sftp", "ssh"})


def settings(options: NetworkOptions) -> dict[str, object]:
    """Return what fsspec is to connect with.

    Raises:
        ImportError: paramiko is not installed.
    """
    # What it complains of is raised as well; unheard it would go to standard error.
    logging.getLogger("paramiko").addHandler(logging.NullHandler())
    found: dict[str, object] = {"timeout": options.connect_timeout}
    if not options.insecure:
        found["host_key_policy"] = _known_hosts()
    return found


def set_timeout(system: Any, seconds: float) -> None:
    """Have reads of a file system end after so many seconds without a byte."""
    # A server that says nothing must not keep a thread for good.
    system.ftp.get_channel().settimeout(seconds)


def _known_hosts() -> object:
    """Return a policy that trusts the servers that ssh does; fsspec's own trusts any."""
    paramiko = importlib.import_module("paramiko")
    policy: type = paramiko.MissingHostKeyPolicy

    class KnownHosts(policy):  # type: ignore[misc]
        def missing_host_key(self, client: object, hostname: str, key: object) -> None:
            del client
            known = paramiko.HostKeys()
            path = os.path.expanduser("~/.ssh/known_hosts")
            if os.path.exists(path):
                known.load(path)
            if not known.check(hostname, key):
                raise UsageError(
                    f"{printable(hostname, 200)}: its key is not in ~/.ssh/known_hosts",
                    hint="connect with ssh once, or use --insecure",
                )

    return KnownHosts()


class _Tunnel:
    """A socket that others read from: it can be shut down, and looked at, nothing else."""

    def __init__(self, connected: object) -> None:
        self.socket = connected

    def settimeout(self, seconds: float | None) -> None:
        """Leave it to who reads."""

    def gettimeout(self) -> None:
        """Tell nothing of it."""


def attach(wire: Wire, system: Any) -> None:
    """Let a wire abort what is read over the connection of a file system that has one.

    Args:
        wire: aborts it.
        system: fsspec's, of any protocol.
    """
    client: Any = getattr(system, "client", None)
    if hasattr(client, "get_transport"):
        tunnel: Any = _Tunnel(client.get_transport().sock)
        wire.attach(tunnel)


def disconnect(system: Any) -> None:
    """Close the connection of a file system of fsspec that has one."""
    client: Any = getattr(system, "client", None)
    if hasattr(client, "get_transport"):
        client.close()
