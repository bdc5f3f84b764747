"""A scenario set up: files, links, and one run of a tool in the midst of them."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.measure import Cost, digest, measure, words
from lab.network import Way, way
from lab.scenario import Scenario, Tool
from lab.server import PORT, REFUSED, answers, make_certificate, nginx
from lab.targets import Run

_BLOCK = 1 << 20
_SETTLE = 0.3  # seconds for packets and log lines that are still under way


@dataclass(frozen=True, slots=True)
class Place:
    """Folders: what is served, one for each server's own files, what tools make, the rest."""

    root: Path
    servers: Path
    got: Path
    rest: Path


@dataclass(frozen=True, slots=True)
class _Look:
    """Counters of all links together; None where they do not tell."""

    wire: int
    lost: int | None
    dropped: int | None
    cpu: float


@dataclass(frozen=True, slots=True)
class Setting:
    """A scenario whose files and links are there.

    Attributes:
        digests: SHA-256 of each file that is served, by name.
        segdl: the program.
    """

    scenario: Scenario
    place: Place
    ways: Sequence[Way]
    digests: dict[str, str]
    segdl: str

    def run(self, tool: Tool) -> Run:
        """Start the servers anew, run the tool, and hash what it made."""
        self.place.got.mkdir()
        said = self.place.rest / "said.txt"
        try:
            with ExitStack() as stack:
                for number, reached in enumerate(self.ways):
                    server, folder = self.scenario.servers[number], self.place.servers / str(number)
                    stack.enter_context(nginx(server, self.place.root, folder, reached.prefix))
                before = self._look()
                cost = measure([self._command(tool)], said, self.scenario.patience)
                time.sleep(_SETTLE)
                after = self._look()
            right = cost.exit == 0 and all(
                digest(self.place.got / name) == wanted for name, wanted in self.digests.items()
            )
        finally:
            shutil.rmtree(self.place.got)
        return self._told(cost, before, after, said=None if right else _last_words(said))

    def _told(self, cost: Cost, before: _Look, after: _Look, *, said: str | None) -> Run:
        logs = self.place.servers.glob("*/access.log")
        answered = [answer for log in logs for answer in answers(log.read_text())]
        return Run(
            wall=cost.wall,
            cpu=cost.cpu,
            memory=cost.memory,
            right=said is None,
            exit=cost.exit,
            said=said or "",
            requests=len(answered),
            refusals=sum(answer.status in REFUSED for answer in answered),
            sent=sum(answer.sent for answer in answered),
            wire=after.wire - before.wire,
            lost=_less(after.lost, before.lost),
            dropped=_less(after.dropped, before.dropped),
            link_cpu=after.cpu - before.cpu,
        )

    def _command(self, tool: Tool) -> list[str]:
        scheme = "https" if self.scenario.servers[0].tls else "http"
        tops = [f"{scheme}://{reached.address}:{PORT}" for reached in self.ways]
        urls = [f"{top}/{name}" for top in tops for name in self.digests]
        listed = self.place.rest / "urls.txt"
        listed.write_text("".join(f"{url}\n" for url in urls))
        places = {
            "url": urls[:1],
            "second": urls[1:2],
            "urls": urls,
            "mirrors": [word for url in urls[1:] for word in ("--mirror", url)],
            "list": [str(listed)],
            "dir": [str(self.place.got)],
            "name": list(self.digests)[:1],
            "cacert": [str(self.place.servers / "0/cert.pem")],
        }
        filled = words(tool.command, places)
        return [self.segdl, *filled[1:]] if tool.kind == "segdl" else filled

    def _look(self) -> _Look:
        counters = [told for reached in self.ways if (told := reached.counters()) is not None]
        return _Look(
            wire=sum(reached.received() for reached in self.ways),
            lost=sum(told.lost for told in counters) if counters else None,
            dropped=sum(told.dropped for told in counters) if counters else None,
            cpu=sum(reached.cpu_seconds() for reached in self.ways),
        )


@contextmanager
def setting(
    scenario: Scenario, *, segdl: str, work: Path, target: Path, netem: bool
) -> Iterator[Setting]:
    """Set a scenario up in the folder `work`; tools download to a folder in `target`."""
    place = Place(work / "root", work / "servers", target / "got", work / "rest")
    with ExitStack() as stack:
        for folder in (place.root, place.servers, place.rest):
            folder.mkdir()
            stack.callback(shutil.rmtree, folder)
        for number, server in enumerate(scenario.servers):
            (place.servers / str(number)).mkdir()
            if server.tls:
                make_certificate(place.servers / str(number))
        digests = _make_files(scenario, place.root)
        ways = [
            stack.enter_context(way(number, server.link, netem=netem))
            for number, server in enumerate(scenario.servers)
        ]
        yield Setting(scenario, place, ways, digests, segdl)


def _make_files(scenario: Scenario, root: Path) -> dict[str, str]:
    """Make the files that are served; return their digests by name."""
    source = random.Random(scenario.name)
    names = ["file.bin"]
    if scenario.files > 1:
        names = [f"{number:03}.bin" for number in range(scenario.files)]
    for name in names:
        with open(root / name, "wb") as file:
            file.writelines(
                source.randbytes(min(_BLOCK, scenario.size - at))
                for at in range(0, scenario.size, _BLOCK)
            )
    return {name: digest(root / name) for name in names}


def _less(new: int | None, old: int | None) -> int | None:
    return None if new is None or old is None else new - old


def _last_words(said: Path) -> str:
    lines = said.read_text(errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else ""
