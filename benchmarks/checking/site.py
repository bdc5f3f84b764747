"""Where files come from: an nginx, which says what it sent."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from webserver import nginx

MIB = 1024 * 1024
SLOW = 5
"""MiB/s a connection, below /slow/."""
# Not what the user sees of the list: the same folder, once as fast as can be and once slow.
_BLOCK = """access_log {log};
    location /slow/ {{ alias {root}/; limit_rate {slow}m; }}"""
_ANSWER = re.compile(r'"GET (?P<path>\S+) HTTP/1.1" (?P<status>\d+) (?P<sent>\d+) ')


@dataclass(frozen=True, slots=True)
class Sent:
    """An answer: its path, status, and the bytes of its body that went out."""

    path: str
    status: int
    size: int


@dataclass(frozen=True, slots=True)
class Site:
    """A folder and its server."""

    root: Path
    top: str
    log: Path

    def url(self, path: str, *, slow: bool = False) -> str:
        return f"{self.top}{'slow/' if slow else ''}{quote(path)}"

    def put(self, path: str, content: bytes) -> None:
        """Serve these bytes."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def put_list(self, path: str, files: Mapping[str, bytes]) -> None:
        """Serve a SHA256SUMS of files that are beside it."""
        lines = [f"{_sha256(data)}  {name}\n" for name, data in files.items()]
        self.put(path, "".join(lines).encode())

    def put_sized_list(self, path: str, files: Mapping[str, bytes]) -> None:
        """Serve JSON lines of files that are beside it."""
        lines = [
            json.dumps(
                {"url": quote(name), "dest": name, "size": len(data), "sha256": _sha256(data)}
            )
            for name, data in files.items()
        ]
        self.put(path, "".join(f"{line}\n" for line in lines).encode())

    def sent(self, since: int = 0) -> list[Sent]:
        """Return its answers so far, all but the first `since`."""
        told = _ANSWER.finditer(self.log.read_text(errors="replace"))
        return [Sent(it["path"], int(it["status"]), int(it["sent"])) for it in told][since:]


@contextmanager
def site(folder: Path, *, slow: int = SLOW) -> Iterator[Site]:
    """Yield a site with nothing in it, in a folder that exists."""
    root, log = folder / "root", folder / "access.log"
    root.mkdir()
    with nginx(root, folder, _BLOCK.format(log=log, root=root, slow=slow)) as top:
        yield Site(root, top, log)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
