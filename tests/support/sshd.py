"""A real sshd, for SFTP: on a port and with keys of its own, gone when the test is."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from support.ports import answers, free_port
from support.require import require, require_program

if TYPE_CHECKING:
    from types import TracebackType

_START = 10.0


class Sshd:
    """Lets this user in by a key that is in `home`; serves the whole disk."""

    def __init__(self) -> None:
        (self._program, keygen) = require_program("sshd", "ssh-keygen")
        require("sshd runs as root", os.geteuid() == 0)
        # It is meant to be started with the system.
        Path("/run/sshd").mkdir(exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix="segdl-sshd-"))
        self.home = self._folder / "home"
        keys = self.home / ".ssh"
        keys.mkdir(parents=True, mode=0o700)
        for name in (self._folder / "host", keys / "id_ed25519"):
            command = [keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(name)]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        (keys / "authorized").write_bytes((keys / "id_ed25519.pub").read_bytes())
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        key = (self._folder / "host.pub").read_text().split()[:2]
        self.known = f"[127.0.0.1]:{self.port} {' '.join(key)}\n"
        self.trust()

    def trust(self, *, yes: bool = True) -> None:
        """Have the user know the server, or not."""
        (self.home / ".ssh" / "known_hosts").write_text(self.known if yes else "")

    def url(self, path: Path) -> str:
        return f"sftp://{getpass.getuser()}@127.0.0.1:{self.port}{quote(str(path))}"

    def __enter__(self) -> Sshd:
        self.launch()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def launch(self) -> None:
        """Start it, and return once it answers connections."""
        lines = [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {self._folder}/host",
            f"AuthorizedKeysFile {self.home}/.ssh/authorized",
            "StrictModes no",
            "UsePAM no",
            f"PidFile {self._folder}/pid",
            "PermitRootLogin yes",
            "MaxStartups 100",
            "Subsystem sftp internal-sftp",
        ]
        (self._folder / "config").write_text("\n".join(lines) + "\n")
        with open(self._folder / "said", "ab") as said:
            self._process = subprocess.Popen(
                [self._program, "-D", "-e", "-f", str(self._folder / "config")],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,
            )
        assert answers(self._process, self.port, _START), (self._folder / "said").read_text()

    def kill(self) -> None:
        """End it, and every connection."""
        assert self._process is not None
        pid = self._process.pid
        # Each connection has a process, in a session of its own.
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in (pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        self._process.wait()
