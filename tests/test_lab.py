"""The lab's pure parts: what is measured is decided by these."""

from __future__ import annotations

import doctest
import os
import random
import shlex
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

from lab import link, measure, page, results, rounds, server
from lab.network import netem_command, tbf_command
from lab.scenario import GIB, MIB, Link, Scenario, Server, Tool
from lab.scenarios import SCENARIOS
from lab.targets import Limit, Ratio, Run, Share, Summary, Target, Verdict, summary, verdicts

OURS = Tool("segdl -j 8", "segdl", "segdl {url}", "-j 8")
ARIA = Tool("aria2c", "segmented", "aria2c {url}")
PLACES = ("url", "second", "urls", "mirrors", "list", "dir", "name", "cacert")
CURL = Tool("curl", "single", "curl {url}")


def scenario(*targets: Target, size: int = 100_000_000, at: Server | None = None) -> Scenario:
    return Scenario("x", "X", size, (OURS, ARIA, CURL), targets, (at or Server(),))


def run(wall: float, *, right: bool = True, cpu: float = 1.0, refusals: int = 0) -> Run:
    return Run(wall, cpu, 10 * MIB, right, 0 if right else 1, "", 8, refusals, 100, 110)


def some(wall: float, *, cpu: float = 1.0) -> Summary:
    return summary([run(wall, cpu=cpu)])


def judge(
    target: Target, ours: Summary, aria: Summary, curl: Summary, *, size: int = MIB
) -> Verdict:
    by_name = {OURS.name: ours, ARIA.name: aria, CURL.name: curl}
    return verdicts(scenario(target, size=size), by_name, {})[0]


@pytest.mark.parametrize("module", [link, measure, results, rounds, server])
def test_examples(module: ModuleType) -> None:
    told = doctest.testmod(module)
    assert told.attempted
    assert not told.failed


def test_a_summary_has_medians_of_times_and_the_most_of_the_rest() -> None:
    told = summary([run(1.0, refusals=3), run(9.0, cpu=5.0), run(2.0, right=False)])
    assert told == Summary(wall=2.0, cpu=1.0, memory=10 * MIB, refusals=3, right=False)


@pytest.mark.parametrize(
    ("target", "ours", "got", "met"),
    [
        (Ratio("segdl -j 8", 1.0), 4.0, "1.00 x curl", True),
        (Ratio("segdl -j 8", 1.0), 4.1, "1.02 x curl", False),
        (Ratio("segdl -j 8", 0.9, ("segmented",)), 4.5, "0.90 x aria2c", True),
        (Ratio("segdl -j 8", 0.9, ("aria2c",)), 4.6, "0.92 x aria2c", False),
        (Limit("segdl -j 8", "wall", 4.0), 4.0, "4.00 s", True),
        (Limit("segdl -j 8", "wall", 4.0), 4.01, "4.01 s", False),
        (Share("segdl -j 8", 0.95, of=("aria2c", "curl")), 20 / 9, "100%", True),
        (Share("segdl -j 8", 0.95, of=("aria2c", "curl")), 2.4, "93%", False),
    ],
)
def test_targets(target: Target, ours: float, got: str, *, met: bool) -> None:
    verdict = judge(target, some(ours), some(5.0), some(4.0))
    assert (verdict.got, verdict.met) == (got, met)


def test_a_share_of_the_link() -> None:
    target, at = Share("segdl -j 8", 0.75), Server(Link(rate=80, rtt=0.1))
    slow = verdicts(scenario(target, at=at), {OURS.name: some(13.4)}, {})[0]
    quick = verdicts(scenario(target, at=at), {OURS.name: some(13.3)}, {})[0]
    assert (slow.got, slow.met, quick.met) == ("75%", False, True)


def test_cpu_is_counted_a_gib_and_refusals_in_the_worst_run() -> None:
    quick = some(1.0)
    cpu = judge(Limit(OURS.name, "cpu", 1.0), some(1.0, cpu=0.6), quick, quick, size=GIB // 2)
    assert (cpu.got, cpu.met) == ("1.20 CPU-s a GiB", False)
    worst = summary([run(1.0, refusals=21), run(1.0), run(1.0)])
    refused = judge(Limit(OURS.name, "refusals", 20), worst, quick, quick)
    assert (refused.got, refused.met) == ("21 refusals", False)


def test_a_rival_with_wrong_bytes_is_no_rival() -> None:
    wrong = summary([run(0.1, right=False)])
    verdict = judge(Ratio(OURS.name, 1.0), some(4.0), some(5.0), wrong)
    assert (verdict.got, verdict.met) == ("0.80 x aria2c", True)
    nobody = judge(Ratio(OURS.name, 1.0), some(4.0), wrong, wrong)
    assert nobody.met is None


def test_wrong_bytes_of_our_own_miss_every_target() -> None:
    wrong = summary([run(0.1, right=False)])
    for target in (Ratio(OURS.name, 1.0), Limit(OURS.name, "wall", 9.0)):
        assert judge(target, wrong, some(1.0), some(1.0)).met is False


def test_what_cannot_be_run_is_neither_met_nor_missed() -> None:
    told = verdicts(scenario(Ratio(OURS.name, 1.0)), {ARIA.name: some(1.0)}, {OURS.name: "why"})
    assert told == [Verdict(OURS.name, "at most 1 x the best other tool", "why", None)]


def test_rivals_far_behind_run_once_unless_a_target_names_them() -> None:
    tools = (OURS, ARIA, CURL)
    runs = {OURS.name: [run(90.0)], ARIA.name: [run(10.0)], CURL.name: [run(31.0)]}
    assert rounds.matters(scenario(Ratio(OURS.name, 1.0)), tools, runs) == (OURS, ARIA)
    named = scenario(Ratio(OURS.name, 1.0, ("curl",)))
    assert rounds.matters(named, tools, runs) == tools
    runs[ARIA.name] = [run(1.0, right=False)]
    assert rounds.matters(scenario(Ratio(OURS.name, 1.0)), tools, runs) == tools


def test_scenarios_are_sound() -> None:
    assert len({each.name for each in SCENARIOS}) == len(SCENARIOS)
    for each in SCENARIOS:
        names = {tool.name for tool in each.tools}
        assert len(names) == len(each.tools)
        assert {target.tool for target in each.targets} <= names
        everything = {name: some(1.0) for name in names}
        assert all(verdict.met is not None for verdict in verdicts(each, everything, {}))
        for tool in each.tools:
            places = {name: ["x"] for name in PLACES}
            assert "{" not in shlex.join(measure.words(tool.command, places))


def test_nginx_is_told_what_the_scenario_says(tmp_path: Path) -> None:
    asked = Server(http="map $a $b { default 1; }", server="limit_rate $b;", tls=True)
    text = server.configuration(asked, tmp_path / "root", tmp_path)
    http, _, block = text.partition("  server {")
    assert "map $a $b" in http
    assert "limit_rate $b;" in block
    assert "listen 8080 ssl" in block
    assert f"root {tmp_path}/root;" in block
    assert "ssl" not in server.configuration(Server(), tmp_path, tmp_path)


def test_netem_has_room_for_the_queue_and_what_is_under_way() -> None:
    link_200 = Link(rate=200, rtt=0.08, loss=0.005)
    words = " ".join(netem_command("far0", link_200, loss=link_200.loss))
    assert words == (
        "tc qdisc add dev far0 root netem delay 40000us rate 200mbit loss 0.5% limit 2000"
    )
    assert "loss" not in netem_command("lab0", link_200, loss=0.0)


def test_tbf_lets_large_packets_through_whole_and_queues_ten_milliseconds() -> None:
    words = " ".join(tbf_command("far0", Link(rate=1000)))
    assert words == "tc qdisc add dev far0 root tbf rate 1000mbit burst 131072 limit 1250000"
    assert "burst 131072 limit 131072" in " ".join(tbf_command("far0", Link(rate=1)))


@pytest.mark.parametrize(
    ("link", "words"),
    [
        (Link(rate=1000), "nginx behind 1000 Mbit/s, a queue of 1220 KiB"),
        (Link(rate=float("inf")), "nginx behind a veth pair"),
        (
            Link(rate=8, rtt=0.1, loss=0.005),
            (
                "nginx behind 8 Mbit/s, 100 ms there and back, 0.5% of its packets lost, "
                "a queue of 97 KiB"
            ),
        ),
    ],
)
def test_links_in_words(link: Link, words: str) -> None:
    assert results.describe(Server(link)) == words


def test_commands_run_beside_each_other_until_all_have_ended(tmp_path: Path) -> None:
    met, said = tmp_path / "met", tmp_path / "said"
    os.mkfifo(met)
    # Neither end of a pipe opens before the other one does.
    commands = [["sh", "-c", f"echo a > {met}; exit 3"], ["sh", "-c", f"cat {met}"]]
    cost = measure.measure(commands, said, 60.0)
    assert (cost.exit, said.read_text()) == (3, "a\n")


def test_commands_are_killed_once_it_is_enough(tmp_path: Path) -> None:
    begun, said = tmp_path / "begun", tmp_path / "said"
    command = ["sh", "-c", f": > {begun}; exec sleep 600"]
    cost = measure.measure([command, ["true"]], said, 60.0, enough=begun.exists)
    assert cost.exit == -9
    impatient = measure.measure([["sleep", "600"]], said, 0.0)
    assert impatient.exit is None


@given(
    st.lists(st.tuples(st.floats(0, 0.01), st.integers(40, 1500)), max_size=200),
    st.integers(3000, 50_000),
)
def test_a_pipe_keeps_its_rate_its_order_and_its_queue(
    packets: list[tuple[float, int]], queue: int
) -> None:
    rate, delay = 1e6, 0.04
    pipe = link.Pipe(rate, delay, 0.0, queue, random.random)
    now, last, free = 0.0, 0.0, 0.0
    for pause, size in packets:
        now += pause
        at = pipe.arrival(now, size)
        waits = max(0.0, free - now)
        assert (at is None) == (waits * rate > queue)
        if at is not None:
            free = max(now, free) + size / rate
            assert at == pytest.approx(free + delay)
            assert at >= last
            last = at
    assert pipe.carried + pipe.dropped == len(packets)


def test_a_pipe_loses_its_share() -> None:
    pipe = link.Pipe(1e9, 0.0, 0.005, 10**9, random.Random(1).random)
    for number in range(100_000):
        pipe.arrival(number / 1000, 1500)
    assert 400 < pipe.lost < 600
    assert pipe.carried == 100_000 - pipe.lost


def test_results_come_back_from_json_and_onto_the_page(tmp_path: Path) -> None:
    hostile = Scenario(
        "x", "<b>&", MIB, (OURS, ARIA, CURL), (Ratio(OURS.name, 1.0), Ratio(CURL.name, 1.0))
    )
    told = results.gather(
        hostile,
        {OURS.name: [run(1.0), run(3.0)], ARIA.name: [run(1.5)]},
        {CURL.name: "<not> installed"},
        when="2024-02-29T12:00:00+00:00",
        machine={"cores": "2"},
        versions={"curl": "curl 8"},
    )
    assert results.load(results.save(told, tmp_path)) == told
    text = page.render([told])
    assert "<b>&" not in text
    assert "<not>" not in text
    assert "1.33 x aria2c" in text
    assert "://" not in text.replace("http://www.w3.org", "")
