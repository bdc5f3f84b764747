"""A mirror run that never was: what happens in one, as the coordinator and the engine tell it.

Pure and the same every time for the same arguments. Time is simulated: `happenings` yields
pairs of seconds and what happens then, in order.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from segdl.mirror.happenings import (
    Done,
    GaveUp,
    Happening,
    Kept,
    Listed,
    Lost,
    Paused,
    Removed,
    Round,
    Said,
    Taken,
)
from segdl.progress.events import (
    Busy,
    Failed,
    Finished,
    Joining,
    Note,
    Probing,
    Progress,
    Retrying,
    SegmentState,
    Started,
    Verifying,
    Waiting,
)

_MIB = 1024**2
_STEP = 0.2
_FOLDERS = ("pool/main/l/linux", "dists/stable", "images/sentinel-2/2024", "weights", "genomes")
_ENDINGS = (".deb", ".tar.zst", ".iso", ".tif", ".safetensors", ".fa.gz")
_TROUBLES = (
    ("closed", "connection closed early"),
    ("silent", "the connection hardly moved"),
    ("failing", "the server answered 502"),
)


@dataclass
class _Host:
    name: str
    rate: float
    latency: float
    kind: Literal["good", "busy", "flaky", "dead"] = "good"
    waiting: deque[_File] = field(default_factory=deque)
    active: list[_File] = field(default_factory=list)
    paused_until: float = 0.0


@dataclass
class _File:
    path: str
    host: _Host
    size: int
    number: int = 0
    taken: float = 0.0
    started: bool = False
    done: float = 0.0
    hashed: float = -1.0
    fate: str = "done"
    sized: bool = True

    @property
    def url(self) -> str:
        return f"https://{self.host.name}/{self.path}"


def happenings(
    *, files: int = 5000, hosts: int = 12, seed: int = 1, at_once: int = 64, speed: float = 1.0
) -> Iterator[tuple[float, Happening]]:
    """Yield when what happens: one round, with all that can go wrong in it.

    Args:
        files: that the list names; a fifth of them is here already.
        hosts: of these one is dead, one asks to wait, one loses connections.
        seed: of what is left to chance.
        at_once: files at work.
        speed: multiplies the hosts' rates.
    """
    chance = random.Random(seed)
    every = _hosts(hosts, speed, chance)
    named = [_file(number, every, chance) for number in range(files)]
    kept, wanted = named[: files // 5], named[files // 5 :]
    for file in sorted(wanted, key=lambda each: -each.size):
        file.host.waiting.append(file)
    yield 0.0, Round(1)
    yield 0.0, Said("the list is https://ftp.example.org/SHA256SUMS")
    yield from _reading(named, kept)
    now, number = 3.0, 0
    while any(host.waiting or host.active for host in every):
        now += _STEP
        for host in every:
            yield from ((now, each) for each in _give_up(host, now))
            yield from ((now, each) for each in _pause(host, now, chance))
        active = sum(len(host.active) for host in every)
        for host in chance.sample(every, len(every)):
            while active < at_once and len(host.active) < 6 and host.waiting:
                if host.paused_until > now or host.kind == "dead":
                    break
                number += 1
                active += 1
                yield now, _take(host, number, now)
        for host in every:
            yield from ((now, each) for each in _move(host, now, chance))
    for gone in range(files // 100):
        yield now, Removed(f"old/{gone}.deb", 3 * _MIB)


def _hosts(count: int, speed: float, chance: random.Random) -> list[_Host]:
    kinds: dict[int, Literal["busy", "flaky", "dead"]] = {1: "busy", 2: "flaky", 3: "dead"}
    return [
        _Host(
            f"{name}.example.org",
            rate=speed * _MIB * chance.lognormvariate(2.2, 0.9),
            latency=chance.uniform(0.02, 0.25),
            kind=kinds.get(number, "good") if count > 3 else "good",
        )
        for number, name in enumerate(_names(count))
    ]


def _names(count: int) -> list[str]:
    words = ["ftp", "mirror-1", "mirror-2", "cdn.eu", "cdn.us-west-2", "data", "archive", "old"]
    return [words[number] if number < len(words) else f"node{number}" for number in range(count)]


def _file(number: int, hosts: list[_Host], chance: random.Random) -> _File:
    size = int(chance.lognormvariate(13.2, 1.7))
    if number % 200 == 0:
        size = chance.randrange(80, 600) * _MIB
    folder, ending = chance.choice(_FOLDERS), chance.choice(_ENDINGS)
    host = hosts[min(int(chance.expovariate(0.35)), len(hosts) - 1)]
    fates = ["lost"] * 6 + ["unchanged"] * 60 + ["linked"] * 10 + ["done"] * 924
    path = f"{folder}/f{number:05}{ending}"
    return _File(path, host, size, fate=chance.choice(fates), sized=chance.random() > 0.02)


def _reading(named: list[_File], kept: list[_File]) -> Iterator[tuple[float, Happening]]:
    for part in range(1, 11):
        files, here = len(named) * part // 10, len(kept) * part // 10
        unsized = sum(not file.sized for file in named[:files])
        yield part * 0.3, Listed(files, _sum(named[:files]), part == 10, unsized)
        yield part * 0.3, Kept(here, _sum(kept[:here]))


def _sum(files: list[_File]) -> int:
    return sum(file.size for file in files if file.sized)


def _give_up(host: _Host, now: float) -> Iterator[Happening]:
    if host.kind == "dead" and now > 12 and host.waiting:
        yield GaveUp(host.name, len(host.waiting), 0, f"{host.name} does not answer")
        host.waiting.clear()


def _pause(host: _Host, now: float, chance: random.Random) -> Iterator[Happening]:
    if host.kind == "busy" and host.active and host.paused_until <= now and chance.random() < 0.02:
        seconds = float(chance.choice((5, 10, 20)))
        host.paused_until = now + seconds
        status = chance.choice((429, 503))
        yield Busy(host.active[0].number, status, seconds)
    if host.kind == "dead" and host.waiting and host.paused_until <= now:
        host.paused_until = now + 5
        yield Paused(host.name, 5.0, "connection refused")


def _take(host: _Host, number: int, now: float) -> Taken:
    file = host.waiting.popleft()
    host.active.append(file)
    file.number, file.taken = number, now
    return Taken(number, file.path, host.name, file.size if file.sized else None)


def _move(host: _Host, now: float, chance: random.Random) -> Iterator[Happening]:
    share = host.rate / max(1, len(host.active)) * _STEP
    for file in list(host.active):
        if not file.started:
            if file.done == 0:
                yield Probing(file.number, file.url)
            file.done += _STEP
            if file.done >= host.latency:
                yield from _start(file, now)
            continue
        if file.hashed >= 0:
            yield from _verify(file, now)
            continue
        if host.paused_until > now:
            continue
        if host.kind == "flaky" and chance.random() < 0.05:
            cause, reason = chance.choice(_TROUBLES)
            delay = chance.uniform(0.5, 3)
            yield Retrying(file.number, int(file.done), 1, 5, delay, reason, cause)  # type: ignore[arg-type]
            continue
        file.done = min(file.size, file.done + share * chance.uniform(0.6, 1.4))
        yield Progress(file.number, int(file.done), file.size, _segments(file))
        if file.done >= file.size:
            yield from _arrived(file, now)


def _start(file: _File, now: float) -> Iterator[Happening]:
    file.started, file.done = True, 0.0
    if file.fate == "unchanged":
        yield from _end(file, now, "unchanged", 0)
    elif file.fate == "linked":
        yield from _end(file, now, "linked", 0)
    elif file.fate == "lost":
        yield from _lose(file)
    else:
        if file.number % 97 == 0:
            yield Waiting(file.number, 2.0, "the server answered 500", "failing")
        connections = 4 if file.size > 64 * _MIB else 1
        yield Started(file.number, file.url, f"/srv/m/{file.path}", file.size, 0, connections)
        if connections > 1:
            yield Note(file.number, "the server takes no more connections: going on with 4")


def _arrived(file: _File, now: float) -> Iterator[Happening]:
    if file.size < 8 * _MIB:
        yield from _end(file, now, "fetched", file.size)
        return
    yield Joining(file.number, file.size, file.size)
    file.hashed = 0.0


def _verify(file: _File, now: float) -> Iterator[Happening]:
    file.hashed = min(file.size, file.hashed + 200 * _MIB * _STEP)
    yield Verifying(file.number, int(file.hashed), file.size)
    if file.hashed >= file.size:
        yield from _end(file, now, "fetched", file.size)


def _end(
    file: _File, now: float, how: Literal["fetched", "unchanged", "linked"], fetched: int
) -> Iterator[Happening]:
    file.host.active.remove(file)
    seconds = max(0.01, now - file.taken)
    status = "complete" if how == "fetched" else "skipped"
    if how != "linked":
        path = f"/srv/m/{file.path}"
        yield Finished(file.number, path, file.url, file.size, fetched, seconds, status)
    verified = {0: None, 1: "md5", 2: "sha512"}.get(file.number % 9, "sha256")
    requests = 0 if how == "linked" else 1 + fetched // (64 * _MIB)
    yield Done(
        file.number,
        file.path,
        file.host.name,
        file.size,
        fetched,
        seconds,
        how,
        None if how == "unchanged" else verified,
        requests,
    )


def _lose(file: _File) -> Iterator[Happening]:
    file.host.active.remove(file)
    wrong = file.number % 3 == 0
    told = (
        (5, "ChecksumMismatchError", f"{file.path} has another sha256 than the list says", "")
        if wrong
        else (4, "ServerError", f"{file.url}: the server answered 404", "check the URL")
    )
    yield Failed(file.number, file.url, *told)
    digest = f"sha256={file.number:064x}" if wrong else ""
    yield Lost(
        file.number,
        file.path,
        file.host.name,
        file.url,
        *told,
        cut=file.number % 4 == 0,
        checksum=digest,
        size=file.size,
    )


def _segments(file: _File) -> tuple[SegmentState, ...]:
    parts = 4 if file.size > 64 * _MIB else 1
    each = -(-file.size // parts)
    return tuple(
        SegmentState(
            at * each,
            min(file.size, (at + 1) * each),
            int(file.done / file.size * (min(file.size, (at + 1) * each) - at * each)),
            active=file.done < file.size,
        )
        for at in range(parts)
    )
