"""A server of any number of files that misbehaves at random, in a process of its own.

    python benchmarks/soaking/server.py

Prints its port, and ends with its standard input. A path says everything: the file of
``/KIND-SEED-SIZE/file.bin`` and what goes wrong with its requests follow from it, so a
failure can be had again. ``/digests/…`` before a path tells the SHA-256 of its versions,
``/faults`` what went wrong so far; these two always go well.
"""

from __future__ import annotations

import json
import random
import sys
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from support import faults as f
from support.connection import Connection
from support.data import content
from support.origin import faulty_reply
from support.reply import Exchange, Version, deliver
from support.request import Request
from support.scripted import ScriptedServer

KINDS = ("steady", "lying", "changing")
# From here on requests for a file go well: every file can be had in the end.
FAULTY_REQUESTS = 40
_FAULTY = 0.45
_MODIFIED = datetime(2024, 2, 29, 12, 0, 0, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Remote:
    """A file by its path.

    ``steady``: every fault can be seen through. ``lying``: pages and sizes that only a
    checksum unmasks. ``changing``: another version takes its place early on.
    """

    kind: str
    seed: int
    size: int

    @property
    def path(self) -> str:
        return f"/{self.kind}-{self.seed}-{self.size}/file.bin"

    @property
    def versions(self) -> int:
        return 2 if self.kind == "changing" else 1

    def version(self, number: int) -> bytes:
        return content(self.size, 2 * self.seed + number)


def parse(path: str) -> Remote:
    """Read what :attr:`Remote.path` wrote."""
    kind, seed, size = path.split("/")[1].split("-")
    return Remote(kind, int(seed), int(size))


def faults_of(remote: Remote, number: int) -> tuple[f.Fault, ...]:
    """Return what goes wrong with a file's request `number` (from 0)."""
    chance = random.Random(f"{remote.path} {number}")
    if number >= FAULTY_REQUESTS or chance.random() >= _FAULTY:
        return ()
    breaking = [*seen_through(chance, remote.size), f.RedirectTo(remote.path)]
    if remote.kind != "changing":
        breaking += [f.WeakEtag(), f.FreshEtag(), f.NoRangeWithPreconditions(), f.IgnoreRange()]
    if remote.kind == "lying":
        breaking += [f.LoginPage(), f.WrongTotal(7), f.Unsatisfiable(3), f.Status(404)]
    return (chance.choice(breaking),)


def seen_through(chance: random.Random, size: int) -> list[f.Fault]:
    """Return what may go wrong with a request for `size` bytes such that a client can tell."""
    place = chance.randrange(max(1, size // 2))
    return [
        f.CutAfter(place),
        f.CutAfter(place, "reset"),
        f.ChunkedCut(place),
        f.StallAfter(place),
        f.Drip(32 * 1024, 0.02),
        f.Status(chance.choice([408, 429, 500, 502, 503])),
        f.Status(503, retry_after=chance.choice([0, 1])),
        f.EmptyReply(chance.choice(["close", "reset"])),
        f.Garbage(),
        f.ShorterRange(1 + place),
        f.ShiftedRange(chance.choice([-4096, -1, 1, 70_000])),
        f.WrongLength(1 + place),
        f.Chunked(10_000),
        f.Gzip(),
        f.Multipart(),
    ]


class SoakServer:
    """Counts each file's requests, and the faults; the lock guards both."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()

    def handle(self, request: Request, connection: Connection) -> bool | None:
        if request.path == "/faults":
            with self._lock:
                told = {"requests": self._numbers.total(), "faults": dict(self._faults)}
            return _tell(told, connection)
        if request.path.startswith("/digests/"):
            asked = parse(request.path.removeprefix("/digests"))
            contents = [asked.version(number) for number in range(asked.versions)]
            return _tell([sha256(each).hexdigest() for each in contents], connection)
        remote = parse(request.path)
        with self._lock:
            number = self._numbers[request.path]
            self._numbers[request.path] += 1
        faults = faults_of(remote, number)
        with self._lock:
            self._faults.update(type(fault).__name__ for fault in faults)
        return self._answer(remote, number, faults, request, connection)

    def _answer(
        self,
        remote: Remote,
        number: int,
        faults: tuple[f.Fault, ...],
        request: Request,
        connection: Connection,
    ) -> bool:
        latest = int(remote.kind == "changing" and number >= 2 + remote.seed % 7)
        modified = _MODIFIED + timedelta(days=latest)
        version = Version(remote.version(latest), f'"{remote.seed}-{latest}"', modified)
        reply = faulty_reply(Exchange(request, request.fields, version, number), faults)
        return deliver(reply, request, connection, lambda: None)


def _tell(value: object, connection: Connection) -> bool:
    body = json.dumps(value).encode()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    return True


def main() -> None:
    with ScriptedServer(SoakServer().handle) as server:
        print(server.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
