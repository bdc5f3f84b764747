"""Reports of several runs made one: of the shards of a mirror, for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import TypeVar

from segdl.mirror.seen.report import (
    SCHEMA_VERSION,
    Bytes,
    Failures,
    Files,
    Host,
    Notes,
    Outcome,
    Quantiles,
    Report,
    Throughput,
    Waits,
)
from segdl.mirror.seen.timeline import Timeline
from segdl.version import __version__

T = TypeVar("T")
K = TypeVar("K", bound=str)

_STRETCHES = 600
_MOST_FAILURES, _MOST_NOTES = 10_000, 1_000
_WORST_FIRST: tuple[Outcome, ...] = ("interrupted", "unequal", "equal")


def merge(reports: Sequence[Report]) -> Report:
    """Make one report of several, at least one.

    Quantiles are means of theirs, weighted by what they count: near enough where shards are
    alike, and no more than that.
    """
    first = min(reports, key=lambda each: each.began)
    last = max(reports, key=lambda each: each.ended)
    seconds = max(
        (_moment(each) - _moment(first)).total_seconds() + each.seconds for each in reports
    )
    fetched = sum(each.bytes.fetched for each in reports)
    outcomes = {each.outcome for each in reports}
    failures = [file for each in reports for file in each.failures.files]
    lines = [line for each in reports for line in each.notes.lines]
    return Report(
        v=SCHEMA_VERSION,
        segdl=__version__,
        name=first.name,
        source=first.source,
        began=first.began,
        ended=last.ended,
        seconds=round(seconds, 3),
        outcome=next(each for each in _WORST_FIRST if each in outcomes),
        exit_code=next((each.exit_code for each in reports if each.exit_code), 0),
        rounds=max(each.rounds for each in reports),
        list_complete=all(each.list_complete for each in reports),
        files=_sum(Files, [each.files for each in reports]),
        bytes=_sum(Bytes, [each.bytes for each in reports]),
        bytes_per_second=round(fetched / seconds) if seconds > 0 else 0,
        requests=sum(each.requests for each in reports),
        verified=_counts([each.verified for each in reports]),
        retries=_counts([each.retries for each in reports]),
        restarts=sum(each.restarts for each in reports),
        hosts=_hosts(reports, first),
        throughput=_throughput(reports, first),
        failures=Failures(
            count=sum(each.failures.count for each in reports),
            left_out=sum(each.failures.left_out for each in reports)
            + max(0, len(failures) - _MOST_FAILURES),
            files=tuple(failures[:_MOST_FAILURES]),
        ),
        notes=Notes(
            left_out=sum(each.notes.left_out for each in reports)
            + max(0, len(lines) - _MOST_NOTES),
            lines=tuple(lines[:_MOST_NOTES]),
        ),
    )


def _offset(report: Report, first: Report) -> float:
    """Return how many seconds after another one a run began."""
    return (_moment(report) - _moment(first)).total_seconds()


def _moment(report: Report) -> datetime:
    return datetime.fromisoformat(report.began.replace("Z", "+00:00"))


def _counts(all_of_them: Sequence[dict[K, int]]) -> dict[K, int]:
    names = sorted({name for each in all_of_them for name in each})
    return {name: sum(each.get(name, 0) for each in all_of_them) for name in names}


def _sum(kind: type[T], values: Sequence[T]) -> T:
    """Return the sums, field by field."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: sum(getattr(each, name) for each in values) for name in names})


def _hosts(reports: Sequence[Report], first: Report) -> tuple[Host, ...]:
    found: dict[str, list[tuple[float, Host]]] = {}
    for report in reports:
        offset = _offset(report, first)
        for host in report.hosts:
            found.setdefault(host.host, []).append((offset, host))
    merged = [_host(name, hosts) for name, hosts in found.items()]
    return tuple(sorted(merged, key=lambda host: -host.fetched))


def _host(name: str, found: Sequence[tuple[float, Host]]) -> Host:
    hosts = [host for _, host in found]
    paused = Timeline(_STRETCHES)
    for offset, host in found:
        _add(paused, offset, host.waits.width, host.waits.paused)
    return Host(
        host=name,
        done=sum(host.done for host in hosts),
        failed=sum(host.failed for host in hosts),
        put_off=sum(host.put_off for host in hosts),
        fetched=sum(host.fetched for host in hosts),
        requests=sum(host.requests for host in hosts),
        speed=_quantiles([host.speed for host in hosts]),
        seconds=_quantiles([host.seconds for host in hosts]),
        retries=_counts([host.retries for host in hosts]),
        answers_429=sum(host.answers_429 for host in hosts),
        answers_503=sum(host.answers_503 for host in hosts),
        pauses=sum(host.pauses for host in hosts),
        paused_seconds=round(sum(host.paused_seconds for host in hosts), 3),
        waits=Waits(width=paused.width, paused=tuple(round(each, 3) for each in paused.sums)),
    )


def _quantiles(found: Sequence[Quantiles | None]) -> Quantiles | None:
    there = [each for each in found if each is not None and each.count]
    count = sum(each.count for each in there)
    if not count:
        return None
    return Quantiles(
        count=count,
        p50=round(sum(each.p50 * each.count for each in there) / count, 3),
        p95=round(sum(each.p95 * each.count for each in there) / count, 3),
    )


def _throughput(reports: Sequence[Report], first: Report) -> Throughput:
    came, done = Timeline(_STRETCHES), Timeline(_STRETCHES)
    for report in reports:
        offset = _offset(report, first)
        _add(came, offset, report.throughput.width, report.throughput.bytes)
        _add(done, offset, report.throughput.width, report.throughput.files)
    while came.width < done.width:
        came.widen()
    while done.width < came.width:
        done.widen()
    reached = max(len(came.sums), len(done.sums))
    return Throughput(
        width=came.width,
        bytes=tuple(round(each) for each in _padded(came.sums, reached)),
        files=tuple(round(each) for each in _padded(done.sums, reached)),
    )


def _padded(sums: list[float], length: int) -> list[float]:
    return sums + [0.0] * (length - len(sums))


def _add(line: Timeline, offset: float, width: float, sums: Sequence[float]) -> None:
    for place, figure in enumerate(sums):
        line.add(offset + place * width, offset + (place + 1) * width, figure)
