"""The command: arguments in, results and the table out."""

from __future__ import annotations

import argparse
import math
import shutil
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

from lab import sandbox
from lab.ground import folder_for, ground
from lab.machine import machine, versions
from lab.programs import LabError, as_installed
from lab.results import describe
from lab.rounds import turns
from lab.scenario import Link
from mirroring.peers import PEERS, WHICH, Peer
from mirroring.results import FAR, PATH, Contender, Pass, Result, Turn, fetched_again, save
from mirroring.setting import Setting, setting
from mirroring.table import table
from mirroring.targets import judge
from mirroring.tree import bytes_needed

_ROOM = 2.3  # the tree, what a tool makes of it, and parts that wait to be joined


def main(program: str) -> int:
    """Run the benchmark, or its inside; return the exit code."""
    parser = _parser()
    options = parser.parse_args()
    if options.rtt and math.isinf(options.rate):
        parser.error("--rtt takes a --rate: how much is under way depends on both")
    return sandbox.main(
        "mirror",
        program,
        sys.argv[1:],
        inside=options.inside is not None,
        folder=lambda: folder_for(_needed(options), options.dir),
        work=lambda: _run(options),
    )


def _parser() -> argparse.ArgumentParser:
    names = ", ".join(peer.name for peer in PEERS)
    parser = argparse.ArgumentParser(
        prog="mirror", description="`segdl mirror` beside other tools that mirror."
    )
    parser.add_argument("tools", nargs="*", metavar="TOOL", help=f"all unless named: {names}")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each tool (3)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the tree (1)")
    parser.add_argument(
        "--rate", type=_rate, default=1000.0, help="Mbit/s of each server (1000), or none"
    )
    parser.add_argument(
        "--rtt", type=float, default=0.0, help="ms there and back to each server (0 adds nothing)"
    )
    parser.add_argument("--patience", type=float, default=900.0, help="seconds a pass (900)")
    parser.add_argument("--dir", help="work on a file system made in here, not on a tmpfs")
    parser.add_argument("--segdl", help="the program (default: the one beside this Python)")
    usual = f"{PATH.name}, or {FAR.name} with --rtt"
    parser.add_argument("--output", type=Path, help=f"default for the whole: results/{usual}")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    return parser


def _rate(text: str) -> float:
    rate = math.inf if text == "none" else float(text)
    if not rate > 0:
        raise ValueError
    return rate


def _usual_output(options: argparse.Namespace) -> Path | None:
    """Return where the results of a whole run go; None for one that is not."""
    if options.scale != 1 or options.tools:
        return None
    return FAR if options.rtt else PATH


def _needed(options: argparse.Namespace) -> int:
    return round(bytes_needed(options.scale) * _ROOM)


def _run(options: argparse.Namespace) -> None:
    segdl = options.segdl or shutil.which("segdl", path=str(Path(sys.executable).parent)) or "segdl"
    as_installed(segdl)
    peers = _chosen(options.tools)
    skipped = {peer.name: reason for peer in peers if (reason := _left_out(peer, segdl))}
    for name, reason in skipped.items():
        print(f"{name}: left out, {reason}", flush=True)
    began = datetime.now(timezone.utc).isoformat(timespec="seconds")
    with (
        ground(Path(options.inside), _needed(options)) as place,
        setting(
            place,
            options.scale,
            Link(options.rate, options.rtt / 1000),
            segdl=segdl,
            patience=options.patience,
        ) as set_up,
    ):
        around = machine(place, links="TUN devices" if options.rtt else "a veth pair each")
        present = tuple(peer for peer in peers if peer.name not in skipped)
        done = _rounds(set_up, present, options.rounds)
    contenders = tuple(
        _contender(peer, done.get(peer.name, []), skipped.get(peer.name, "")) for peer in peers
    )
    result = Result(
        when=began,
        scale=options.scale,
        files=len(set_up.tree.items),
        total=set_up.tree.total,
        server=describe(set_up.server),
        machine=around,
        versions=versions(segdl),
        contenders=contenders,
        verdicts=tuple(judge(contenders, set_up.tree)),
    )
    output = options.output or _usual_output(options)
    if output:
        save(result, output)
    print("\n" + table(result))


def _contender(peer: Peer, done: list[Turn], skipped: str) -> Contender:
    commands = {which: peer.commands(which) for which in WHICH}
    return Contender(peer.name, peer.kind, commands, peer.notes, peer.bare, tuple(done), skipped)


def _chosen(names: list[str]) -> tuple[Peer, ...]:
    known = {peer.name: peer for peer in PEERS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise LabError(f"no such tool: {unknown[0]} (there are {', '.join(known)})")
    return tuple(known[name] for name in names) if names else PEERS


def _left_out(peer: Peer, segdl: str) -> str | None:
    """Tell why a tool cannot be run, if it cannot."""
    program = segdl if peer.kind == "segdl" else peer.first[0].split()[0]
    if shutil.which(program) is None:
        return f"{Path(program).name} is not installed"
    if peer.kind == "segdl":
        asked = subprocess.run([program, "mirror", "--help"], capture_output=True, check=False)
        if asked.returncode or b"--max-delete" not in asked.stdout:
            return "this segdl does not know mirror"
    return None


def _rounds(set_up: Setting, peers: tuple[Peer, ...], rounds: int) -> dict[str, list[Turn]]:
    done: dict[str, list[Turn]] = {peer.name: [] for peer in peers}
    for number in range(rounds):
        for peer in turns(peers, number):
            turn = set_up.turn(peer)
            done[peer.name].append(turn)
            _tell(number, peer, turn, set_up.tree.total)
    return done


def _tell(number: int, peer: Peer, turn: Turn, total: int) -> None:
    print(f"round {number + 1}  {peer.name}")
    for name in ("first", "again", "killed", "resumed"):
        print(f"   {name:8}{_line(getattr(turn, name))}")
    print(f"   fetched again {fetched_again(turn, total):.1%}", flush=True)


def _line(done: Pass) -> str:
    words = [
        f"{done.wall:7.2f} s {done.cpu:6.2f} CPU-s {done.memory / 2**20:5.0f} MiB",
        f"{done.requests:6} requests ({done.heads} HEAD, {done.unchanged} x 304)",
        f"{done.payload / 1e6:8.1f} MB of {done.wire / 1e6:.1f} MB sent",
    ]
    if done.exit != 0:
        words.append(f"exit {done.exit} {done.said}")
    if done.missing or done.wrong or done.others:
        words.append(f"{done.missing} missing, {done.wrong} WRONG, {done.others} others")
    return "  ".join(words)
