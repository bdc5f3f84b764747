"""The benchmark of `segdl mirror`: what it decides, not what it measures."""

from __future__ import annotations

import doctest
import json
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

from lab import measure
from lab.targets import Verdict
from mirroring import lists, main, results, tree
from mirroring.peers import PEERS, WHICH, Kind
from mirroring.results import Contender, Pass, Result, Turn
from mirroring.table import table
from mirroring.targets import judge

DONE = Pass(10.0, 5.0, 2**20, 0, 40, 0, 0, 0, 1_010, 1_000, missing=0, wrong=0, others=0)
KILLED = replace(DONE, exit=-9, payload=500, missing=None, wrong=None, others=None)
TURN = Turn(DONE, replace(DONE, requests=20), KILLED, replace(DONE, payload=500))
TREE = tree.Tree((tree.Item("north/00/a", 400, "a"), tree.Item("south/00/b", 600, "b")))


def contender(
    name: str, kind: Kind, *turns: Turn, bare: bool = False, skipped: str = ""
) -> Contender:
    commands = {which: (f"{name} --{which}",) for which in WHICH}
    return Contender(name, kind, commands, "", bare, turns, skipped)


def first(wall: float, *, missing: int = 0) -> Turn:
    return replace(TURN, first=replace(DONE, wall=wall, missing=missing))


def again(requests: int, *, wrong: int = 0) -> Turn:
    return replace(TURN, again=replace(DONE, requests=requests, wrong=wrong))


def judged(ours: Turn, *others: Turn, bare: bool = False) -> list[Verdict]:
    rivals = (contender(f"other {n}", "list", turn) for n, turn in enumerate(others))
    return list(judge([contender("segdl", "segdl", ours, bare=bare), *rivals], TREE))


def test_examples() -> None:
    told = doctest.testmod(results)
    assert told.attempted
    assert not told.failed


@pytest.mark.parametrize(
    ("ours", "others", "got", "met"),
    [
        (first(10.0), [first(10.0), first(11.0)], "1.00 x other 0", True),
        (first(10.2), [first(11.0), first(10.0)], "1.02 x other 1", False),
        (first(10.2), [first(10.0, missing=1), first(11.0)], "0.93 x other 1", True),
        (first(1.0, missing=1), [first(10.0)], "not every file was right", False),
        (first(1.0), [first(10.0, missing=1)], "none of them ended well", None),
    ],
)
def test_the_first_run_is_held_against_the_best_that_was_right(
    ours: Turn, others: list[Turn], got: str, met: bool | None
) -> None:
    verdict = judged(ours, *others)[0]
    assert (verdict.got, verdict.met) == (got, met)


@pytest.mark.parametrize(
    ("ours", "others", "got", "met"),
    [
        (again(3), [again(4), again(5)], "3; other 0 4", True),
        (again(4), [again(4), again(5)], "4; other 0 4", False),
        (again(4), [again(2, wrong=1), again(5)], "4; other 1 5", True),
        (again(0, wrong=1), [again(4)], "not every file was right", False),
    ],
)
def test_the_second_run_asks_less_than_any_that_was_right(
    ours: Turn, others: list[Turn], got: str, met: bool
) -> None:
    verdict = judged(ours, *others)[1]
    assert (verdict.got, verdict.met) == (got, met)


@pytest.mark.parametrize(("requests", "met"), [(2, True), (3, False)])
def test_a_bare_list_takes_one_request_a_file(requests: int, met: bool) -> None:
    assert judged(again(requests), again(0), bare=True)[1].met is met


@pytest.mark.parametrize(
    ("payload", "missing", "got", "met"),
    [
        (505, 0, "1.0%", True),
        (506, 0, "1.2%", False),
        (500, 1, "not every file was right", False),
    ],
)
def test_what_a_kill_costs(payload: int, missing: int, got: str, met: bool) -> None:
    resumed = replace(DONE, payload=payload, missing=missing)
    verdict = judged(replace(TURN, resumed=resumed), TURN)[2]
    assert (verdict.got, verdict.met) == (got, met)


def test_what_is_not_there_is_neither_met_nor_missed() -> None:
    told = list(judge([contender("segdl", "segdl", skipped="why")], TREE))
    assert told == [Verdict("segdl", "be there", "why", None)]


def test_a_tool_that_is_wrong_is_said_to_be(tmp_path: Path) -> None:
    liar = replace(DONE, missing=1, wrong=2)
    result = Result(
        when="2024-02-29T12:00:00+00:00",
        scale=1.0,
        files=2,
        total=1_000,
        server="nginx",
        machine={"cores": "2"},
        versions={"curl": "curl 8"},
        contenders=(
            contender("segdl", "segdl", TURN, first(20.0)),
            contender("liar", "list", replace(TURN, again=liar)),
            contender("failed", "list", replace(TURN, resumed=replace(liar, exit=8))),
            contender("grumbler", "index", replace(TURN, first=replace(DONE, exit=8))),
            contender("absent", "index", skipped="not installed"),
        ),
        verdicts=(Verdict("segdl", "be quick", "1.5 x", met=False),),
    )
    path = tmp_path / "mirror.json"
    results.save(result, path)
    assert results.load(path) == result
    rows = {row.split(" | ")[0].strip("| "): row for row in table(result).splitlines()}
    assert "**WRONG**: 3 files, in spite of exit 0" in rows["liar"]
    assert "**WRONG**: 3 files, exit 8" in rows["failed"]
    assert "10.0 s, exit 8" in rows["grumbler"]
    assert "not installed" in rows["absent"]
    assert {row.count("|") for row in table(result).splitlines() if row.startswith("|")} == {5, 11}
    assert "; medians of 2 rounds: " in table(result)
    assert "; one round: " in table(replace(result, contenders=result.contenders[1:2]))


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ([], results.PATH),
        (["--rate", "400", "--rtt", "20"], results.FAR),
        (["--scale", "0.1"], None),
        (["--rtt", "20", "curl -Z -K"], None),
    ],
)
def test_only_a_whole_run_becomes_the_results(arguments: list[str], path: Path | None) -> None:
    assert main._usual_output(main._parser().parse_args(arguments)) == path


def test_a_tree_is_the_same_every_time_and_half_of_it_on_each_server(tmp_path: Path) -> None:
    small = tree._plan(1.0)
    assert len(small) == 10_050
    assert sum(path.startswith("north/") for path, _ in small) == 5_025
    assert len({Path(path).parent for path, _ in small}) == 100
    assert {size for path, size in small if path.endswith(".iso")} == {100_000_000}


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, tree.Tree]:
    monkeypatch.setattr(tree, "_LARGE_SIZE", 3_000_000)
    return tmp_path, tree.make(tmp_path, 0.001)


def test_a_folder_is_compared_by_digests(made: tuple[Path, tree.Tree]) -> None:
    root, whole = made
    assert tree.compare(root, whole) == tree.Findings(missing=0, wrong=0, others=0)
    (root / whole.items[0].path).unlink()
    with open(root / whole.items[1].path, "r+b") as file:
        file.write(b"no")
    (root / "north/part.segdl").touch()
    assert tree.compare(root, whole) == tree.Findings(missing=1, wrong=1, others=1)


def test_every_list_names_every_file_once(made: tuple[Path, tree.Tree]) -> None:
    root, whole = made
    tops = {"north": "http://198.18.0.2:8080", "south": "http://198.18.1.2:8080"}
    places = lists.write(root, whole, tops, Path("/got"))
    urls = [f"{tops[item.side]}/{item.path}" for item in whole.items]
    for (path,) in places.values():
        assert re.findall(r'http://[^"\s]+', Path(path).read_text()) == urls
    told = [json.loads(line) for line in Path(places["jsonl"][0]).read_text().splitlines()]
    assert [(each["dest"], each["sha256"]) for each in told] == [
        (item.path, item.sha256) for item in whole.items
    ]
    sums = (root / "south" / tree.SUMS).read_text()
    assert [line.split("  ") for line in sums.splitlines()] == [
        [item.sha256, item.path.removeprefix("south/")] for item in whole.of("south")
    ]


def test_commands_have_no_place_that_nothing_fills() -> None:
    assert len({peer.name for peer in PEERS}) == len(PEERS)
    places = {name: ["x"] for name in ("dir", "north", "south", *lists.LISTS)}
    for peer in PEERS:
        for which in WHICH:
            for command in peer.commands(which):
                assert "{" not in shlex.join(measure.words(command, places))
