"""Files on an nginx, their SHA256SUMS, and a mirror of them in a bucket."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING

from support.buckets import ENVIRONMENT, Bucket
from support.program import Finished, run_segdl

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import StartNginx


class Site:
    """Files on an nginx, their SHA256SUMS, and a mirror of them in a bucket."""

    def __init__(
        self, bucket: Bucket, start: StartNginx, folder: Path, files: dict[str, bytes]
    ) -> None:
        self.bucket = bucket
        self.root = folder / "site"
        self.state = folder / "state"
        self.root.mkdir()
        self.server = start(self.root)
        self.write(files)

    def write(self, files: dict[str, bytes]) -> None:
        """Serve these files, and no others."""
        shutil.rmtree(self.root)
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        lines = [f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in files]
        (self.root / "SHA256SUMS").write_text("".join(lines))

    def arguments(self, *options: str, source: str = "SHA256SUMS") -> list[str]:
        place = ["--endpoint-url", self.bucket.endpoint, "--state", str(self.state)]
        where = [self.server.url(source), self.bucket.url("mirror")]
        return ["mirror", "-q", *place, *options, *where]

    def mirror(self, *options: str, source: str = "SHA256SUMS") -> Finished:
        return run_segdl(*self.arguments(*options, source=source), env=ENVIRONMENT)

    def figures(self, *options: str, source: str = "SHA256SUMS") -> dict[str, int]:
        ended = self.mirror("--json", *options, source=source)
        assert (ended.code, ended.err) == (0, "")
        told: dict[str, int] = json.loads(ended.out)
        return told

    def there(self) -> dict[str, bytes]:
        prefix = "mirror/"
        keys = [key for key in self.bucket.listed() if not key.startswith(f"{prefix}.segdl/")]
        return {key.removeprefix(prefix): self.bucket.read(key) for key in keys}
