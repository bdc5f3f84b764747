"""The chaos run: that it sees what is wrong, and nothing else."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

from chaos.lists import KINDS, TREE, Kind, in_scope, lists_of
from chaos.promises import Run, Snapshot, broken, look, unfinished
from chaos.runs import Runner
from chaos.server import Day, Servers
from chaos.stub import SINS
from chaos.weather import Weather, forecast
from chaos.world import World

STUB = Path(__file__).parent.parent / "benchmarks" / "chaos" / "stub.py"
CALM = Weather(0)


# -- the world --


@settings(deadline=None)
@given(st.integers(), st.lists(st.sampled_from(["change", "lose", "grow"]), max_size=30))
def test_the_past_is_kept(seed: int, events: list[str]) -> None:
    chance = random.Random(seed)
    world = World(chance)
    seen = [world.files()]
    for event in events:
        if event == "change":
            world.change(chance)
        elif event == "lose":
            world.lose(chance, 0.3)
        else:
            world.grow(chance)
        seen.append(world.files())
    for path in world.paths_ever():
        for moment, files in enumerate(seen):
            assert world.during(path, moment, moment) == {files.get(path)}
        assert world.during(path, 0, world.moment) == {files.get(path) for files in seen}


def test_a_seed_says_everything() -> None:
    def story(seed: int) -> tuple[object, ...]:
        chance = random.Random(seed)
        world = World(chance)
        told = [world.change(chance) for _ in range(20)]
        paths = set(world.files())
        return told, world.files(), forecast(chance, lists_of("index", paths), paths)

    assert story(7) == story(7)
    assert story(7) != story(8)


# -- what is seen --


@pytest.fixture
def world() -> World:
    return World(random.Random(1))


def whole(world: World, kind: Kind = "jsonl") -> Snapshot:
    return Snapshot(
        {path: file.sha256 for path, file in world.files().items() if in_scope(kind, path)}
    )


def run(world: World, *, code: int = 0, first: int = 0, **more: object) -> Run:
    done = Run(Day(CALM, "jsonl"), first, world.moment, code, None, "", 0.25)
    return replace(done, **more)  # type: ignore[arg-type]


def without(snapshot: Snapshot, *paths: str, trash: bool = True) -> Snapshot:
    kept = {path: sha for path, sha in snapshot.files.items() if path not in paths}
    gone = frozenset((path, snapshot.files[path]) for path in paths) if trash else frozenset()
    return replace(snapshot, files=kept, trash=gone)


def test_a_whole_folder_is_right(world: World) -> None:
    after = whole(world)
    assert not broken(world, run(world), Snapshot({}), after)
    assert not unfinished(world, run(world), after, "")


@pytest.mark.parametrize(
    ("name", "sha", "seen"),
    [
        ("00/001-file.bin", "0" * 64, "WRONG BYTES in 00/001-file.bin"),
        ("00/unheard-of", "0" * 64, "00/unheard-of is there, and never was on a server"),
        ("00/unheard-of.corrupt", "0" * 64, "00/unheard-of.corrupt is there, and belongs"),
    ],
)
@pytest.mark.parametrize("code", [0, 3, -9])
def test_what_no_server_had_is_seen(
    world: World, name: str, sha: str, seen: str, code: int
) -> None:
    after = Snapshot({**whole(world).files, name: sha})
    signal = "KILL" if code < 0 else None
    found = broken(world, run(world, code=code, signal=signal), whole(world), after)
    assert found[0].startswith(seen)


def test_an_older_version_is_no_wrong_bytes_but_no_success_either(world: World) -> None:
    before = whole(world)
    chance = random.Random(3)
    while whole(world).files.keys() != before.files.keys() or whole(world) == before:
        world = World(random.Random(1))
        world.change(chance)
    now = world.moment
    assert not broken(world, run(world, code=4, first=now), before, before)
    (found,) = broken(world, run(world, code=0, first=now), before, before)
    assert found.endswith("is not what it is on the server")
    # It was so when this run began.
    assert not broken(world, run(world, code=0, first=0), before, before)


def test_what_the_list_has_may_not_go(world: World) -> None:
    path = min(world.files())
    after = without(whole(world), path)
    found = broken(world, run(world, code=6), whole(world), after)
    assert found == [f"LOST {path}: the list had it all the time"]
    assert f"{path} is missing" in broken(world, run(world), whole(world), after)


@pytest.fixture
def less() -> tuple[World, Snapshot, Snapshot, set[str]]:
    """A world that lost some files; folders before and after a run that took them out."""
    world = World(random.Random(1))
    before = whole(world)
    world.lose(random.Random(1), 0.2)
    gone = set(before.files) - set(world.files())
    return world, before, without(before, *gone), gone


Less = tuple[World, Snapshot, Snapshot, set[str]]


@pytest.mark.parametrize("code", [0, 6, -9, 130])
def test_what_the_list_no_longer_has_may_go(less: Less, code: int) -> None:
    world, before, after, _ = less
    signal = {-9: "KILL", 130: "INT"}.get(code)
    assert not broken(world, run(world, code=code, signal=signal, first=1), before, after)


def test_it_must_go_where_the_run_says_that_all_is_well(less: Less) -> None:
    world, before, _, gone = less
    found = broken(world, run(world, first=1), before, before)
    assert found == [
        f"{path} is still there, and the list does not have it" for path in sorted(gone)
    ]
    assert not broken(world, run(world, code=4, first=1), before, before)


def test_it_must_be_in_the_trash(less: Less) -> None:
    world, before, _, gone = less
    after = without(before, *gone, trash=False)
    found = broken(world, run(world, first=1), before, after)
    assert found == [f"LOST {path}: it is not in the trash" for path in sorted(gone)]


@pytest.mark.parametrize(
    ("code", "most", "seen"),
    [
        (3, 0.25, "9 files deleted by a run that failed (exit 3)"),
        (0, 0.1, "9 files deleted, of which 5 were allowed"),
    ],
)
def test_it_may_not_go_where_something_failed_nor_too_much(
    less: Less, code: int, most: float, seen: str
) -> None:
    world, before, after, _ = less
    done = run(world, first=1, code=code, max_delete=most)
    assert broken(world, done, before, after) == [seen]


def test_it_may_not_go_where_a_list_could_not_be_had(less: Less) -> None:
    world, before, after, _ = less
    day = Day(CALM, "jsonl", ended_well={"/a": True, "/b": False})
    (found,) = broken(world, run(world, first=1, day=day), before, after)
    assert found == "9 files deleted though /b could not be had"


@pytest.mark.parametrize(
    ("code", "signal", "said", "fine"),
    [
        (3, None, "", True),
        (1, None, "", False),
        (2, None, "", False),
        (-9, None, "", False),
        (-9, "KILL", "", True),
        (130, "INT", "", True),
        (130, "KILL", "", False),
        (143, "TERM", "", True),
        (-11, "KILL", "", False),
        (3, None, "Traceback (most recent call last)", False),
        (3, None, "segdl: internal error: KeyError", False),
    ],
)
def test_how_a_run_may_end(
    world: World, code: int, signal: str | None, said: str, fine: bool
) -> None:
    done = run(world, code=code, signal=signal, said=said)
    assert (not broken(world, done, whole(world), whole(world))) is fine


def test_in_the_end_nothing_is_left_over(world: World) -> None:
    path = min(world.files())
    after = replace(
        whole(world),
        files={**whole(world).files, f"{path}.corrupt": "0"},
        parts=frozenset({f"{path}.segdl"}),
    )
    done = run(world)
    assert unfinished(world, done, after, "") == [
        f"parts are left: {path}.segdl",
        f"{path}.corrupt is left and was never reported",
    ]
    assert len(unfinished(world, done, after, f"kept as {Path(path).name}.corrupt")) == 1


def test_a_folder_as_it_is_on_the_disk(tmp_path: Path) -> None:
    for name in ("a/b", "a/b.corrupt", "a/c.segdl/0.part", ".segdl/ledger", ".segdl/link-3"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    kept = tmp_path / ".segdl/trash/20240229T120000Z/d/e"
    kept.parent.mkdir(parents=True)
    kept.write_text("e")
    (tmp_path / "a/link").symlink_to("b")
    seen = look(tmp_path)
    assert set(seen.published) == {"a/b"}
    assert seen.corrupt == {"a/b.corrupt"}
    assert seen.parts == {"a/c.segdl"}
    assert seen.others == {".segdl/link-3", "a/link"}
    assert [path for path, _ in seen.trash] == ["d/e"]


# -- a mirror that keeps its promises, and others that do not --


class Stubbed:
    """A world, its servers, and one mirror that is kept by the stub."""

    def __init__(self, folder: Path, servers: Servers, world: World) -> None:
        self.world = world
        self._runner = Runner([sys.executable, str(STUB)], world, servers, folder, folder / "said")
        self._folder = folder / "mirror"

    def run(self, kind: Kind, weather: Weather = CALM) -> list[str]:
        """Run once; return what is broken after it."""
        before = look(self._folder)
        done = self._runner.run(Day(weather, kind), self._folder, max_delete=1.0)
        after = look(self._folder)
        found = broken(self.world, done, before, after)
        return found if done.code else found + unfinished(self.world, done, after, "")


@pytest.fixture
def stubbed(tmp_path: Path) -> Iterator[Stubbed]:
    world = World(random.Random(1))
    with Servers(world) as servers:
        yield Stubbed(tmp_path, servers, world)


@pytest.mark.parametrize("kind", KINDS)
def test_an_honest_mirror_breaks_nothing(stubbed: Stubbed, kind: Kind) -> None:
    some = forecast(random.Random(2), lists_of(kind, stubbed.world.files()), ())
    assert not stubbed.run(kind, replace(some, faulty=0.5, signal=None, gone=frozenset()))
    assert not stubbed.run(kind)
    stubbed.world.lose(random.Random(1), 0.3)
    assert not stubbed.run(kind, Weather(1, unlistable=frozenset(lists_of(kind, ["00/x"]))))
    assert not stubbed.run(kind, Weather(1, signal="KILL", signal_at=3))
    assert not stubbed.run(kind)


@pytest.mark.parametrize("sin", SINS)
def test_a_mirror_that_sins_is_found_out(
    stubbed: Stubbed, sin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIN", sin)
    found = stubbed.run("index", Weather(1, faulty=1.0))
    found += stubbed.run("index")
    stubbed.world.lose(random.Random(1), 0.1)
    found += stubbed.run("index", Weather(1, unlistable=frozenset({f"{TREE}02/deep/"})))
    found += stubbed.run("index")
    words = {
        "deletes-blindly": "could not be had",
        "deletes-for-good": "not in the trash",
        "believes-anything": "WRONG BYTES",
        "publishes-early": "WRONG BYTES",
        "never-deletes": "is still there",
        "leaves-parts": "parts are left",
    }
    assert any(words[sin] in each for each in found), found
