"""Two servers of one world that go wrong as the weather has it, and what they did in a run."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from urllib.parse import quote, unquote

from chaos.lists import TREE, Kind, document, list_path
from chaos.weather import Weather
from chaos.world import SIDES, File, Side, World
from soaking.server import seen_through
from support import faults as f
from support.connection import Connection
from support.origin import faulty_reply
from support.reply import Exchange, Reply, Version, deliver
from support.request import Request
from support.scripted import ScriptedServer

# From here on requests for a document go well: patience has an end.
_FAULTY_REQUESTS = 6


@dataclass
class Day:
    """What happened in one run; servers' threads share it, its lock guards it.

    Attributes:
        kind: of the list that is read.
        ended_well: for each list that was asked for, whether the last answer was whole.
    """

    weather: Weather
    kind: Kind
    requests: int = 0
    ended_well: dict[str, bool] = field(default_factory=dict)
    numbers: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    changes: list[str] = field(default_factory=list)
    bodies: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def proves(self) -> bool:
        """Whether the list has digests, so that nothing at all can be passed off."""
        return self.kind in ("sums", "jsonl")

    @property
    def unlisted(self) -> set[str]:
        """Lists that could not be had: the last answer was not whole."""
        with self.lock:
            return {path for path, well in self.ended_well.items() if not well}


@dataclass(frozen=True)
class Torn(f.Fault):
    """A file that is overwritten while it is sent: its second half is of another version."""

    def apply(self, reply: Reply, exchange: Exchange) -> Reply:
        half = len(reply.body) // 2
        if reply.status not in (200, 206) or not half:
            return reply
        torn = bytes(reply.body[:half]) + bytes(255 - byte for byte in reply.body[half:])
        return Reply(reply.status, reply.headers, torn, reply.span, reply.total)


class Servers:
    """Both servers. One thread starts and ends them; they answer in theirs.

    A server's port stays its own when it dies and comes back.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._day = Day(Weather(0), "index")
        self._up: dict[Side, ScriptedServer] = {}
        self._ports: dict[Side, int] = dict.fromkeys(SIDES, 0)

    def __enter__(self) -> Servers:
        for side in SIDES:
            self.start(side)
        return self

    def __exit__(self, *_: object) -> None:
        for side in list(self._up):
            self.end(side)

    def start(self, side: Side) -> None:
        """Have a server be there, if it is not."""
        if side not in self._up:
            server = ScriptedServer(self._handler(side), port=self._ports[side])
            self._up[side] = server.__enter__()
            self._ports[side] = server.port

    def end(self, side: Side) -> None:
        """Have a server be gone, if it is there, with all its connections."""
        if side in self._up:
            self._up.pop(side).__exit__(None, None, None)

    def begin(self, day: Day) -> None:
        """Have both servers be there, and behave as on that day."""
        self._day = day
        for side in SIDES:
            self.start(side)

    def source(self, kind: Kind) -> str:
        """Return the URL of a list."""
        return self._tops()["north"] + list_path(kind)

    def _tops(self) -> dict[Side, str]:
        return {side: f"http://127.0.0.1:{port}" for side, port in self._ports.items()}

    # -- how they answer --

    def _handler(self, side: Side) -> Callable[[Request, Connection], bool | None]:
        return lambda request, connection: self._handle(side, request, connection)

    def _handle(self, side: Side, request: Request, connection: Connection) -> bool:
        day, path = self._day, unquote(request.path)
        with day.lock:
            day.requests += 1
            number = day.requests
            again = day.numbers[f"{side} {path}"]
            day.numbers[f"{side} {path}"] += 1
        chance = random.Random(f"{day.weather.seed} {path} {again}")
        if number in day.weather.changes_at:
            happened = self._world.change(chance)
            with day.lock:
                day.changes.append(happened)
        files = self._world.files()
        listed = document(path, files, self._tops())
        if listed is not None:
            return self._send_list(path, listed, again, chance, request, connection, number)
        file = files.get(path.removeprefix(TREE))
        if file is None or path == "/robots.txt":
            return deliver(Reply(404, body=b"gone"), request, connection, lambda: None)
        faults = self._file_faults(path, file, side, number, again, chance)
        modified = datetime.fromtimestamp(file.modified, timezone.utc)
        version = Version(file.content, file.etag, modified)
        reply = faulty_reply(Exchange(request, request.fields, version, again), faults)
        with day.lock:
            day.faults.update(type(fault).__name__ for fault in faults)
            day.bodies += reply.status in (200, 206)
        return deliver(reply, request, connection, lambda: None)

    def _file_faults(
        self, path: str, file: File, side: Side, number: int, again: int, chance: random.Random
    ) -> tuple[f.Fault, ...]:
        day = self._day
        if path.removeprefix(TREE) in day.weather.gone:
            return (f.Status(404),)
        if number <= day.weather.busy:
            return (_busy(chance),)
        if again >= _FAULTY_REQUESTS or chance.random() >= day.weather.faulty:
            return ()
        other = SIDES[1 - SIDES.index(side)]
        wrong = [
            *seen_through(chance, file.size),
            f.RedirectTo(self._tops()[other] + quote(path)),
        ]
        if day.proves:
            wrong += [Torn(), f.LoginPage(), f.WrongTotal(7), f.Unsatisfiable(3)]
        return (chance.choice(wrong),)

    def _send_list(
        self,
        path: str,
        body: bytes,
        again: int,
        chance: random.Random,
        request: Request,
        connection: Connection,
        number: int,
    ) -> bool:
        day = self._day
        fault = self._list_fault(path, len(body), number, again, chance)
        media_type = "text/html" if path.endswith("/") else "text/plain"
        reply = Reply(200, (("Content-Type", media_type),), body)
        if fault is not None:
            version = Version(body, None, None)
            reply = fault.apply(reply, Exchange(request, request.fields, version, number))
        with day.lock:
            day.ended_well[path] = False
            day.faults.update([f"list: {type(fault).__name__}"] if fault else [])
        keep = deliver(reply, request, connection, lambda: None)
        with day.lock:
            day.ended_well[path] = fault is None
        return keep

    def _list_fault(
        self, path: str, size: int, number: int, again: int, chance: random.Random
    ) -> f.Fault | None:
        weather = self._day.weather
        if path in weather.unlistable:
            return f.Status(500)
        if number <= weather.busy:
            return _busy(chance)
        if again >= _FAULTY_REQUESTS or chance.random() >= weather.faulty_lists:
            return None
        # Only what a client can tell: a list that is cut where nobody says so is a list.
        place = chance.randrange(size)
        return chance.choice(
            [
                f.Status(chance.choice([403, 404, 500, 502, 503])),
                f.CutAfter(place),
                f.CutAfter(place, "reset"),
                f.ChunkedCut(place),
                f.StallAfter(place),
                f.EmptyReply(chance.choice(["close", "reset"])),
                f.Garbage(),
            ]
        )


def _busy(chance: random.Random) -> f.Fault:
    return f.Status(chance.choice([429, 503]), retry_after=chance.choice([0, 1]))
