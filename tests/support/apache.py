"""A real Apache, in a folder of its own, gone when the test is."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from support.accesslog import logged
from support.ports import answers, free_port
from support.require import require, require_program

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

_START = 10.0
_MODULES = ("mpm_event", "authz_core", "dir", "mime", "alias", "autoindex")
_HOMES = ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/libexec/apache2")


class Apache:
    """Serves its folder `root` on 127.0.0.1, with index pages.

    It refuses to serve as root, so there it runs as a user who may do nothing but read.

    Args:
        server: lines for the server: ``"IndexOptions FancyIndexing HTMLTable"``.
    """

    def __init__(self, *, server: Sequence[str] = ()) -> None:
        (self._program,) = require_program("apache2")
        homes = [home for home in _HOMES if os.path.isdir(home)]
        require("Apache's modules are not where they are looked for", homes)
        self._modules = homes[0]
        self._server = server
        self._process: subprocess.Popen[bytes] | None = None
        # Not pytest's folder: that is nobody's but root's.
        self._prefix = Path(tempfile.mkdtemp(prefix="segdl-apache-"))
        self.root = self._prefix / "site"
        self.port = 0

    def url(self, path: str = "/") -> str:
        """Return the URL of a file below `root`."""
        return f"http://127.0.0.1:{self.port}/{path.lstrip('/')}"

    def asked(self, at_least: int, timeout: float = 5.0) -> list[str]:
        """Return the targets of the requests so far; wait for `at_least` so many."""
        return logged(self._prefix / "access.log", at_least, timeout)

    def __enter__(self) -> Apache:
        self.root.mkdir()
        (self._prefix / "mime.types").write_text("text/plain txt\n")
        for path in (self._prefix, self.root):
            path.chmod(0o755)
        if os.geteuid() == 0:
            # Its logs and its pid file.
            shutil.chown(self._prefix, "nobody")
        # A port that was free may be taken by the time it is asked for: try again then.
        for attempt in range(5):
            self.port = free_port()
            atexit.register(self.stop)
            if answers(self._launch(), self.port, _START):
                return self
            said = self._said()
            self._end_process()
            if attempt == 4 or "Address already in use" not in said:
                break
        self.stop()
        raise AssertionError(f"Apache did not start: {said}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop it and remove its folder; may be called again."""
        atexit.unregister(self.stop)
        self._end_process()
        shutil.rmtree(self._prefix, ignore_errors=True)

    def _launch(self) -> subprocess.Popen[bytes]:
        (self._prefix / "httpd.conf").write_text(self._configuration())
        nobody = {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}
        with open(self._prefix / "output", "wb") as output:
            # -X: one process, which nothing is left behind of.
            self._process = subprocess.Popen(
                [self._program, "-X", "-f", str(self._prefix / "httpd.conf")],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **nobody,  # type: ignore[call-overload]
            )
        return self._process

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _said(self) -> str:
        files = [self._prefix / "output", self._prefix / "error.log"]
        return "\n".join(file.read_text() for file in files if file.exists())

    def _configuration(self) -> str:
        lines = [
            f'ServerRoot "{self._prefix}"',
            f'DefaultRuntimeDir "{self._prefix}"',
            "ServerName localhost",
            f"Listen 127.0.0.1:{self.port}",
            "PidFile pid",
            "ErrorLog error.log",
            *(f'LoadModule {name}_module "{self._modules}/mod_{name}.so"' for name in _MODULES),
            "TypesConfig mime.types",
            'LogFormat "%U%q" target',
            "CustomLog access.log target",
            f'DocumentRoot "{self.root}"',
            f'<Directory "{self.root}">',
            "Options Indexes FollowSymLinks",
            "Require all granted",
            "</Directory>",
            *self._server,
        ]
        return "\n".join(lines) + "\n"
