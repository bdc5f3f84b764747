"""Values of benchmarks that never ran."""

from __future__ import annotations

from typing import Any

from segdl.bench.contenders import Contender, LeftOut
from segdl.bench.job import Command, Job
from segdl.bench.report import Report, Run, Setting
from segdl.bench.trace import Stretch
from segdl.core.checksum import Checksum
from segdl.options import NetworkOptions

MIB = 1024**2
RIGHT, WRONG = "a" * 64, "b" * 64


def job(url: str = "https://h.example/a.iso", **fields: Any) -> Job:
    kept: dict[str, Any] = {"size": 64 * MIB, "part": None, "network": NetworkOptions()}
    return Job(url=url, public=url.partition("?")[0], **(kept | fields))


def contender(tool: str = "segdl", connections: int | None = 1) -> Contender:
    count = "auto" if connections is None else connections
    return Contender(
        label=f"{tool} -j {count}",
        tool=tool,
        connections=connections,
        command=Command(program=(f"/bin/{tool}",), name=tool, arguments=("-j", str(count))),
    )


def run(index: int, number: int, seconds: float, **fields: Any) -> Run:
    kept: dict[str, Any] = {
        "size": 64 * MIB,
        "digest": RIGHT,
        "error": "",
        "exit_code": 0,
        "cpu": 0.25,
        "memory": 20 * MIB,
    }
    return Run(contender=index, round=number, seconds=seconds, **(kept | fields))


def failed(index: int, number: int, code: int, error: str = "exit code") -> Run:
    return run(index, number, 1.0, size=0, digest="", error=error, exit_code=code)


def report(
    contenders: list[Contender],
    runs: list[Run],
    *,
    rounds: int = 1,
    left_out: tuple[LeftOut, ...] = (),
    name: str = "a.iso",
    url: str = "https://h.example/a.iso",
) -> Report:
    return Report(
        setting=Setting(
            url=url,
            name=name,
            size=64 * MIB,
            length=64 * MIB,
            rounds=rounds,
            began="2024-02-29T12:00:00+00:00",
            machine="A machine",
        ),
        contenders=tuple(contenders),
        versions={each.tool: f"{each.tool} 1.0" for each in contenders},
        left_out=left_out,
        runs=tuple(runs),
        digest=Checksum("sha256", RIGHT),
    )


def stretches(*totals: float, connections: int = 1) -> tuple[Stretch, ...]:
    """A second each, the speed shared equally."""
    return tuple(
        Stretch(0.5 + n, 1.5 + n, (total / connections,) * connections)
        for n, total in enumerate(totals)
    )
