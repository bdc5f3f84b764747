"""Two servers set up, and one turn of a tool in the midst of them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lab.measure import Cost, measure, words
from lab.network import Way, way
from lab.scenario import Link, Server
from lab.server import PORT, REFUSED, Answer, answers, nginx
from mirroring import lists
from mirroring.peers import Peer, Which
from mirroring.results import Pass, Turn
from mirroring.tree import SIDES, Tree, compare, make

_SETTLE = 0.5  # seconds for packets and log lines that are still under way
_LOOK = 0.05  # seconds between two looks at how much has come
_INDEX = "autoindex on; autoindex_exact_size on; etag on;"


@dataclass(frozen=True, slots=True)
class Setting:
    """Servers' files and links, ready to be used.

    Attributes:
        root: what is served; each server gives one side of it away.
        own: a folder with one for each server's own files.
        got: what the tools make; there only during a turn.
        rest: lists, and what tools say.
        places: what fills the commands' places.
        patience: seconds that a pass may take.
    """

    tree: Tree
    root: Path
    own: Path
    got: Path
    rest: Path
    ways: Sequence[Way]
    server: Server
    places: Mapping[str, Sequence[str]]
    segdl: str
    patience: float

    def turn(self, peer: Peer) -> Turn:
        """Let a tool mirror, mirror again, be killed, and mirror again."""
        with self._folder():
            first = self._look_at(self._pass(peer, "first"))
            again = self._look_at(self._pass(peer, "again"))
        with self._folder():
            killed = self._pass(peer, "first", enough=self._half())
            resumed = self._look_at(self._pass(peer, "resume"))
        return Turn(first, again, killed, resumed)

    @contextmanager
    def _folder(self) -> Iterator[None]:
        self.got.mkdir()
        try:
            yield
        finally:
            shutil.rmtree(self.got)

    def _pass(
        self,
        peer: Peer,
        which: Which,
        *,
        enough: Callable[[], bool] = lambda: False,
    ) -> Pass:
        commands = [words(command, self.places) for command in peer.commands(which)]
        if peer.kind == "segdl":
            commands = [[self.segdl, *command[1:]] for command in commands]
        said = self.rest / "said.txt"
        with ExitStack() as stack:
            for side, reached in zip(SIDES, self.ways, strict=True):
                own = self.own / side
                stack.enter_context(nginx(self.server, self.root, own, reached.prefix))
            cost = measure(commands, said, self.patience, enough=enough)
            time.sleep(_SETTLE)
        logs = (self.own / side / "access.log" for side in SIDES)
        answered = [answer for log in logs for answer in answers(log.read_text())]
        return self._told(cost, answered, said)

    def _told(self, cost: Cost, answered: Sequence[Answer], said: Path) -> Pass:
        paths = {f"/{item.path}" for item in self.tree.items}
        return Pass(
            wall=cost.wall,
            cpu=cost.cpu,
            memory=cost.memory,
            exit=cost.exit,
            requests=len(answered),
            heads=sum(answer.method == "HEAD" for answer in answered),
            unchanged=sum(answer.status == 304 for answer in answered),
            refusals=sum(answer.status in REFUSED for answer in answered),
            wire=sum(answer.wire for answer in answered),
            payload=sum(
                answer.sent
                for answer in answered
                if answer.path in paths and answer.status in (200, 206)
            ),
            said="" if cost.exit == 0 else _last_words(said),
        )

    def _look_at(self, done: Pass) -> Pass:
        found = compare(self.got, self.tree)
        return replace(done, missing=found.missing, wrong=found.wrong, others=found.others)

    def _half(self) -> Callable[[], bool]:
        """Tell, from the counters of the client's devices, when half of the bytes have come."""
        goal = self._received() + self.tree.total / 2
        looked = 0.0

        def enough() -> bool:
            nonlocal looked
            now = time.monotonic()
            if now - looked < _LOOK:
                return False
            looked = now
            return self._received() >= goal

        return enough

    def _received(self) -> int:
        return sum(reached.received() for reached in self.ways)


@contextmanager
def setting(
    ground: Path, scale: float, link: Link, *, segdl: str, patience: float
) -> Iterator[Setting]:
    """Set everything up in the folder `ground`."""
    root, own, got, rest = (ground / name for name in ("root", "servers", "got", "rest"))
    for folder in (root, rest, *(own / side for side in SIDES)):
        folder.mkdir(parents=True)
    tree = make(root, scale)
    with ExitStack() as stack:
        ways = [stack.enter_context(way(at, link, netem=False)) for at, _ in enumerate(SIDES)]
        tops = {
            side: f"http://{reached.address}:{PORT}"
            for side, reached in zip(SIDES, ways, strict=True)
        }
        places = {
            "dir": [str(got)],
            **{side: [f"{tops[side]}/{side}/"] for side in SIDES},
            **lists.write(rest, tree, tops, got),
        }
        server = Server(link, server=_INDEX)
        yield Setting(tree, root, own, got, rest, ways, server, places, segdl, patience)


def _last_words(said: Path) -> str:
    lines = said.read_text(errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else ""
