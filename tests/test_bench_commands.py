"""What programs a benchmark runs: command lines, secrets, sizes, and what events tell."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segdl.bench.contenders import LeftOut, peer_contenders
from segdl.bench.job import GUARD, Command, Job, default_cap, environment, interleaved
from segdl.bench.own import own_command
from segdl.bench.peers import PEERS
from segdl.bench.prepare import Plan, Wishes, plan
from segdl.bench.report import agreed
from segdl.bench.runner import patience
from segdl.bench.trace import Events, Moment, Stretch, connections_used, stretches
from segdl.cli.getparser import get_parser
from segdl.core.checksum import parse_checksum
from segdl.engine.inspect import RemoteFile
from segdl.errors import UsageError
from segdl.options import NetworkOptions
from support.benching import MIB, RIGHT, WRONG, contender, failed, job, report, run

MARK = "s3cr3t"
SIGNED = f"https://h.example/a.iso?sig={MARK}"
SECRET_HEADERS = NetworkOptions(headers=(("X-Api-Key", MARK), ("Authorization", f"Bearer {MARK}")))


# -- who goes when, and how much --


@given(st.integers(1, 9), st.integers(1, 9))
def test_everybody_runs_once_a_round(rounds: int, count: int) -> None:
    order = list(interleaved(rounds, count))
    assert sorted(order) == [(number, index) for number in range(rounds) for index in range(count)]
    assert [number for number, _ in order] == sorted(number for number, _ in order)


@given(st.integers(0, 10_000))
def test_the_usual_size_needs_no_question(runs: int) -> None:
    cap = default_cap(runs)
    assert 32 * MIB <= cap <= 256 * MIB
    assert cap % MIB == 0
    assert cap * runs <= GUARD or cap == 32 * MIB


def wishes(url: str = "https://h.example/a.iso", **fields: Any) -> Wishes:
    kept: dict[str, Any] = {
        "network": NetworkOptions(),
        "connections": ("1", "8"),
        "against": (),
        "rounds": 3,
        "most": None,
        "checksum": None,
    }
    return Wishes(url=url, **(kept | fields))


def remote(size: int | None = 10 * 1024 * MIB, *, ranges: bool = True) -> RemoteFile:
    return RemoteFile(
        url="https://h.example/a.iso",
        final_url="https://h.example/a.iso",
        name="a.iso",
        size=size,
        etag=None,
        last_modified=None,
        media_type="",
        ranges=ranges,
        digests=(),
    )


@pytest.mark.parametrize(
    ("fields", "size", "length"),
    [
        ({}, 10 * 1024 * MIB, 170 * MIB),
        ({}, 10 * MIB, 10 * MIB),
        ({}, 170 * MIB, 170 * MIB),
        ({"rounds": 100}, 10 * 1024 * MIB, 32 * MIB),
        ({"most": 5}, 10 * MIB, 5),
        ({"most": 0}, 10 * 1024 * MIB, 10 * 1024 * MIB),
        ({"most": 20 * MIB}, 10 * MIB, 10 * MIB),
        # A digest is of the whole file.
        ({"checksum": parse_checksum(f"sha256={RIGHT}")}, 10 * 1024 * MIB, 10 * 1024 * MIB),
        ({}, None, None),
        ({"most": 5}, None, None),
    ],
)
def test_how_much_is_fetched(fields: dict[str, Any], size: int | None, length: int | None) -> None:
    made = plan(wishes(**fields), remote(size))
    assert made.job.length == length
    assert made.runs == 2 * made.wishes.rounds
    assert made.total == (None if length is None else length * made.runs)


def test_without_ranges_there_is_one_connection_and_no_part() -> None:
    made = plan(wishes(most=5, against=("aria2c",)), remote(ranges=False))
    assert [each.label for each in made.contenders if each.own] == ["segdl -j 1"]
    assert made.job.part is None
    assert made.left_out[0] == LeftOut(
        "more than one connection", "the server does not send parts of this file"
    )


def test_what_cannot_be_measured() -> None:
    with pytest.raises(UsageError, match="is empty"):
        plan(wishes(), remote(0))
    with pytest.raises(UsageError, match="--max-bytes fetches a part"):
        plan(wishes(checksum=parse_checksum(f"sha256={RIGHT}"), most=5), remote())


def test_user_and_password_leave_the_url() -> None:
    made: Plan = plan(wishes(f"https://me:{MARK}@h.example/a.iso?x"), remote())
    assert (made.job.url, made.job.user) == ("https://h.example/a.iso?x", ("me", MARK))
    assert made.job.credentials
    assert made.job.signed


# -- command lines --


def test_own_command_lines() -> None:
    assert own_command(job(), "8").shown == (
        "segdl get --progress json -j 8 -o file https://h.example/a.iso"
    )
    network = NetworkOptions(
        cacert=Path("ca.pem"), netrc=True, insecure=True, stall_timeout=5, proxy="http://p"
    )
    command = own_command(job(part=100, network=network), "2")
    shown = f"--range 0-99 --cacert {Path.cwd()}/ca.pem --netrc --insecure --stall-timeout 5.000000"
    assert command.shown == (
        f"segdl get --progress json -j 2 {shown} -o file https://h.example/a.iso"
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"url": SIGNED},
        {"network": SECRET_HEADERS},
        {"user": ("me", f"{MARK}:/@ é\udcff")},
        {"url": SIGNED, "network": SECRET_HEADERS, "user": ("me", MARK)},
        {"network": NetworkOptions(proxy=f"http://me:{MARK}@p.example:1")},
    ],
)
def test_secrets_are_in_no_arguments(fields: dict[str, Any]) -> None:
    work = job(**fields)
    told = [own_command(work, "8")]
    for peer in PEERS.values():
        if not peer.objection(work, 1):
            arguments, stdin = peer.build(work, 1)
            told.append(
                Command(program=(), name=peer.name, arguments=tuple(arguments), stdin=stdin)
            )
    for command in told:
        assert MARK not in " ".join(command.argv)
        assert MARK not in command.shown
        assert MARK not in repr(command)
        if work.credentials or work.signed:
            assert MARK in command.stdin
            assert command.shown.endswith("  # with the URL on standard input")
    assert {command.name for command in told} >= {"segdl", "curl"}
    assert MARK not in repr(work)


def test_own_list_is_what_segdl_reads() -> None:
    from segdl.cli.inputfile import parse_list

    work = job(SIGNED, network=SECRET_HEADERS, user=("m:e", "p@ss/é\udcff w"))
    (request,) = parse_list(own_command(work, "1").stdin.splitlines(), Path())
    assert not isinstance(request, Exception)
    from segdl.core.url import parse_url

    location = parse_url(request.url)
    assert location.url == SIGNED
    assert location.user is not None
    assert location.user[0] == "m:e"
    assert request.headers == SECRET_HEADERS.headers
    assert request.name == "file"


def test_own_options_are_those_of_get() -> None:
    network = NetworkOptions(
        cookies=Path("c"),
        cacert=Path("a"),
        cert=Path("b"),
        key=Path("k"),
        netrc=True,
        location_trusted=True,
        insecure=True,
        connect_timeout=1,
        stall_timeout=2,
    )
    arguments = own_command(job(part=7, network=network), "3").arguments
    assert arguments[0] == "get"
    options = get_parser().read(arguments[1:])
    assert (options.connections, str(options.range), options.output) == ("3", "0-6", "file")
    assert (options.connect_timeout, options.stall_timeout) == (1, 2)
    assert all((options.netrc, options.location_trusted, options.insecure))
    assert options.key == Path("k").absolute()


NETWORKS = {
    "cacert": NetworkOptions(cacert=Path("/ca.pem")),
    "client": NetworkOptions(cert=Path("/c.pem"), key=Path("/k.pem")),
    "insecure": NetworkOptions(insecure=True),
}
LINES = {
    "aria2c": (
        "--no-conf --no-netrc -q -x4 -s4 -k1M --follow-torrent=false --follow-metalink=false "
        "{} -o file https://h.example/a.iso"
    ),
    "axel": "-q -n4 {} -o file https://h.example/a.iso",
    "curl": "-q -sSfL -o file {} https://h.example/a.iso",
    "wget": "--no-config --no-netrc -q -O file {} https://h.example/a.iso",
    "wget2": (
        "--no-config --no-netrc -q --http2=off -O file {} --chunk-size=16777216 --max-threads=4 "
        "https://h.example/a.iso"
    ),
    "lftp": '--norc -c {}pget -n 4 "https://h.example/a.iso" -o file',
}
WORDS = {
    "aria2c": (
        "--ca-certificate /ca.pem",
        "--certificate /c.pem --private-key /k.pem",
        "--check-certificate=false",
    ),
    "axel": (None, None, "-k"),
    "curl": ("--cacert /ca.pem", "--cert /c.pem --key /k.pem", "-k"),
    "wget": (
        "--ca-certificate /ca.pem",
        "--certificate /c.pem --private-key /k.pem",
        "--no-check-certificate",
    ),
    "lftp": (
        'set ssl:ca-file "/ca.pem"; ',
        'set ssl:cert-file "/c.pem"; set ssl:key-file "/k.pem"; ',
        'set ssl:verify-certificate "no"; ',
    ),
}
WORDS["wget2"] = WORDS["wget"]


@pytest.mark.parametrize("name", PEERS)
def test_command_lines_of_peers(name: str) -> None:
    peer = PEERS[name]
    cases = zip((None, *NETWORKS), ("", *WORDS[name]), strict=True)
    for case, words in cases:
        work = job(network=NETWORKS[case]) if case else job()
        if words is None:
            assert "no certificates" in peer.objection(work, 4)
            continue
        assert not peer.objection(work, 4 if peer.flag else 1)
        arguments, stdin = peer.build(work, 4)
        assert " ".join(arguments).replace("  ", " ") == LINES[name].format(words).replace(
            "  ", " "
        )
        assert stdin == ""


@pytest.mark.parametrize(
    ("name", "fields", "connections", "why"),
    [
        ("aria2c", {}, 17, "at most 16 connections"),
        ("aria2c", {"part": 5}, 4, "cannot fetch a part"),
        ("axel", {"part": 5}, 1, "cannot fetch a part"),
        ("lftp", {"part": 5}, 1, "cannot fetch a part"),
        ("wget2", {"part": 5}, 1, "cannot fetch a part"),
        ("wget", {"network": SECRET_HEADERS}, 1, "only curl can be given credentials"),
        ("aria2c", {"user": ("a", "b")}, 1, "only curl can be given credentials"),
        ("lftp", {"network": NetworkOptions(netrc=True)}, 1, "only curl can be given"),
        ("wget", {"network": NetworkOptions(cookies=Path("c"))}, 1, "only curl can be given"),
        ("axel", {"url": SIGNED}, 1, "others see the query"),
        ("wget", {"network": NetworkOptions(proxy="socks5://p")}, 1, "SOCKS"),
        ("wget2", {"size": None}, 4, "without the file's size"),
        ("axel", {"network": NetworkOptions(cacert=Path("ca.pem"))}, 1, "takes no certificates"),
        ("wget", {"network": NetworkOptions(cacert=Path("/"))}, 1, "folder of authorities"),
    ],
)
def test_why_a_peer_is_left_out(
    name: str, fields: dict[str, Any], connections: int, why: str
) -> None:
    assert why in PEERS[name].objection(job(**fields), connections)


def test_a_peer_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    found, left_out = peer_contenders(job(), ["aria2c", "curl"], [1, 8, 32])
    assert not found
    assert left_out == [
        LeftOut("aria2c", "it is not installed"),
        LeftOut("aria2c -x32", "it takes at most 16 connections"),
        LeftOut("curl", "it is not installed"),
    ]


def test_one_proxy_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://other")
    monkeypatch.setenv("no_proxy", "h.example")
    same = environment(NetworkOptions())
    assert (same["HTTPS_PROXY"], same["no_proxy"]) == ("http://other", "h.example")
    given = environment(NetworkOptions(proxy="http://p"))
    proxies = {name: text for name, text in given.items() if "PROXY" in name.upper()}
    assert proxies == dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://p")
    without = environment(NetworkOptions(proxy=""))
    assert [name for name in without if "PROXY" in name.upper()] == ["no_proxy"]
    assert without["PYTHONPATH"].split(os.pathsep)[0].endswith("src")


def test_patience() -> None:
    assert (patience(0), patience(7), patience(60)) == (60, 70, 600)


# -- events --


def line(**fields: object) -> bytes:
    return json.dumps({"v": 1, "file": 1, **fields}).encode() + b"\n"


def segment(start: int, done: int, *, active: bool = True) -> dict[str, object]:
    return {"start": start, "stop": None, "done": done, "active": active}


def test_events_are_read() -> None:
    events = Events()
    events.line(0.1, line(event="probing", url="x"))
    events.line(0.2, line(event="started", size=100))
    events.line(0.5, line(event="progress", done=7, segments=[segment(0, 7)]))
    events.line(0.6, line(event="progress", segments="nonsense"))
    events.line(0.7, b"[]\n")
    assert events.moments == [Moment(0.2, {}), Moment(0.5, {0: (7, True)})]
    assert (events.done, events.failure) == (7, "")
    events.line(0.8, line(event="failed", message="no", exit_code=4))
    assert events.failure == "no"
    other = Events()
    other.line(0.1, b"segdl: bad option\n")
    assert other.failure == "segdl: bad option"


def test_a_connection_keeps_its_place() -> None:
    moments = [
        Moment(0, {}),
        Moment(1, {0: (10, True), 100: (20, True)}),
        # The first ends, and its connection begins another.
        Moment(2, {0: (15, False), 100: (40, True), 200: (5, True)}),
        Moment(3, {0: (15, False), 100: (60, True), 200: (15, True)}),
        # The second waits: its place is kept for it.
        Moment(4, {0: (15, False), 100: (60, True), 200: (25, True)}),
        # What went back to the beginning brought nothing; what comes at once is one with it.
        Moment(5, {100: (10, True), 200: (35, True)}),
        Moment(5, {100: (10, True), 200: (36, True)}),
    ]
    assert stretches(moments) == (
        Stretch(0, 1, (10.0, 20.0)),
        Stretch(1, 2, (10.0, 20.0)),
        Stretch(2, 3, (10.0, 20.0)),
        Stretch(3, 4, (10.0,)),
        Stretch(4, 5, (11.0,)),
    )
    assert stretches([]) == ()


def test_moments_that_are_near_each_other_are_one() -> None:
    moments = [Moment(n / 16, {0: (n, True)}) for n in range(10)]
    found = stretches([Moment(-1.0, {}), *moments])
    assert [(each.start, each.stop) for each in found] == [
        *((-1, 0), (0, 0.125), (0.125, 0.25), (0.25, 0.375), (0.375, 0.5625))
    ]
    brought = sum((each.stop - each.start) * sum(each.speeds) for each in found)
    assert brought == pytest.approx(9)
    assert stretches(moments[:2]) == ()


@given(
    st.lists(
        st.dictionaries(
            st.integers(0, 5), st.tuples(st.integers(0, 99), st.booleans()), max_size=5
        ),
        max_size=8,
    )
)
def test_no_byte_is_counted_twice(states: list[dict[int, tuple[int, bool]]]) -> None:
    moments = [Moment(float(number), state) for number, state in enumerate(states)]
    for before, after, stretch in zip(moments, moments[1:], stretches(moments), strict=False):
        moved = sum(
            max(0, done - before.segments.get(start, (0, False))[0])
            for start, (done, _) in after.segments.items()
        )
        assert sum(stretch.speeds) == pytest.approx(moved)


def test_connections_used() -> None:
    assert connections_used([]) is None
    assert connections_used([Stretch(3.0, 3.9, (1.0,))]) is None
    # Bursts that take turns are connections that work at the same time.
    turns = [Stretch(n / 4, (n + 1) / 4, (0.0,) * (n % 4) + (1.0,)) for n in range(8)]
    assert connections_used(turns) == 4
    assert connections_used([*turns[:4], *(Stretch(n, n + 1, (1.0,)) for n in (1, 2))]) == 1
    # A moment without any at the beginning is none of theirs.
    assert connections_used([Stretch(0, 5, ()), Stretch(5, 6, (1.0, 1.0)), Stretch(6, 9, ())]) == 2


# -- right and wrong --


def test_digests() -> None:
    assert agreed([]) == ""
    assert agreed([(True, ""), (False, "x")]) == "x"
    assert agreed([(True, "a"), (True, "b"), (True, "a"), (False, "b")]) == "a"


def test_exit_codes() -> None:
    both = [contender(), contender("axel", 8)]
    assert report(both, [run(0, 1, 1.0), run(1, 1, 1.0)]).exit_code == 0
    # Another program's failure is its own, its wrong bytes are not.
    assert report(both, [run(0, 1, 1.0), failed(1, 1, 22)]).exit_code == 0
    wrong = report(both, [run(0, 1, 1.0), run(1, 1, 0.1, digest=WRONG)])
    assert (wrong.exit_code, wrong.wrong) == (
        5,
        ["axel -j 8 made a file that is not like the others."],
    )
    assert wrong.rate(1) is None
    for code, expected in ((4, 4), (3, 3), (-9, 1), (None, 1)):
        ended = report(both, [failed(0, 1, code), run(1, 1, 1.0)])  # type: ignore[arg-type]
        assert ended.exit_code == expected


def test_who_is_typical() -> None:
    made = report([contender()], [run(0, n, n) for n in (1, 2, 3, 4)], rounds=4)
    assert made.typical(0) is made.runs[2]
    assert made.group(0).speeds == tuple(64 * MIB / n for n in (1, 2, 3, 4))


def test_a_job_tells_what_it_fetches() -> None:
    whole: Job = job()
    assert (whole.length, whole.credentials, whole.signed) == (64 * MIB, False, False)
    assert job(part=5).length == 5
