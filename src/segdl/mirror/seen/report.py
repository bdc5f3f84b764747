"""What is left of a run when it is over, as values: `docs/mirror-report.md` describes them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from itertools import accumulate, pairwise
from typing import Literal, TypeAlias

from segdl.core.causes import Cause
from segdl.mirror.happenings import Lost
from segdl.mirror.seen.hosts import HostTally
from segdl.mirror.seen.sketch import Sketch
from segdl.mirror.seen.tally import Tally
from segdl.mirror.seen.timeline import Timeline
from segdl.version import __version__

SCHEMA_VERSION = 1

Outcome: TypeAlias = Literal["equal", "unequal", "interrupted"]
_INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a tally does not know of its run.

    Attributes:
        name: what the mirror is called.
        source: the list, without secrets.
        began: when the run began.
        exit_code: what the run ends with.
    """

    name: str
    source: str
    began: datetime
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """How many files became what. All but `removed` are files of the list."""

    listed: int
    kept: int
    fetched: int
    unchanged: int
    linked: int
    repaired: int
    failed: int
    put_off: int
    removed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bytes:
    """The bytes of files, and `fetched`: those that came over the network."""

    listed: int
    kept: int
    done: int
    fetched: int
    removed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantiles:
    """What half of `count` figures do not exceed, and what 95 % of them do not."""

    count: int
    p50: float
    p95: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """When a host was paused: `paused[i]` seconds of those from `i * width` on."""

    width: float
    paused: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One host. Speeds are bytes a second of a file, `seconds` what a file took."""

    host: str
    done: int
    failed: int
    put_off: int
    fetched: int
    requests: int
    speed: Quantiles | None
    seconds: Quantiles | None
    retries: dict[Cause, int]
    answers_429: int
    answers_503: int
    pauses: int
    paused_seconds: float
    waits: Waits


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """Bytes that came, and files that were done, from `i * width` seconds on."""

    width: float
    bytes: tuple[int, ...]
    files: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Files that cannot be had; of `left_out` of them nothing else is known."""

    count: int
    left_out: int
    files: tuple[Lost, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What was said during the run; `left_out` lines are not here."""

    left_out: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A run that is over."""

    v: int
    segdl: str
    name: str
    source: str
    began: str
    ended: str
    seconds: float
    outcome: Outcome
    exit_code: int
    rounds: int
    list_complete: bool
    files: Files
    bytes: Bytes
    bytes_per_second: int
    requests: int
    verified: dict[str, int]
    retries: dict[Cause, int]
    restarts: int
    hosts: tuple[Host, ...]
    throughput: Throughput
    failures: Failures
    notes: Notes


def report_of(tally: Tally, now: float, about: About) -> Report:
    """Return the report of a run that ended after `now` seconds."""
    began = about.began.astimezone(timezone.utc)
    return Report(
        v=SCHEMA_VERSION,
        segdl=__version__,
        name=about.name,
        source=about.source,
        began=_written(began),
        ended=_written(began + timedelta(seconds=now)),
        seconds=round(now, 3),
        outcome=_outcome(tally, about.exit_code),
        exit_code=about.exit_code,
        rounds=tally.round,
        list_complete=tally.complete,
        files=Files(
            listed=tally.named.files,
            kept=tally.kept.files,
            fetched=tally.done["fetched"],
            unchanged=tally.done["unchanged"],
            linked=tally.done["linked"],
            repaired=tally.done["repaired"],
            failed=tally.failed,
            put_off=tally.put_off,
            removed=tally.removed.files,
        ),
        bytes=Bytes(
            listed=tally.named.bytes,
            kept=tally.kept.bytes,
            done=tally.done_bytes,
            fetched=tally.fetched,
            removed=tally.removed.bytes,
        ),
        bytes_per_second=round(tally.fetched / now) if now > 0 else 0,
        requests=tally.requests,
        verified={name or "none": count for name, count in sorted(tally.verified.items())},
        retries=dict(sorted(tally.retries.items())),
        restarts=tally.restarts,
        hosts=tuple(map(_host, sorted(tally.hosts.all(now), key=lambda host: -host.fetched))),
        throughput=_throughput(tally.bytes_over_time, tally.files_over_time),
        failures=Failures(
            count=tally.failed,
            left_out=max(0, tally.failed - len(tally.failures)),
            files=tuple(tally.failures.values()),
        ),
        notes=Notes(left_out=tally.said - len(tally.notes), lines=tuple(tally.notes)),
    )


def to_json(report: Report) -> dict[str, object]:
    """Return the documented, versioned form of a report."""
    told = asdict(report)
    for failure in told["failures"]["files"]:
        # The number of a file means nothing once the run is over.
        del failure["file"]
    return told


def _outcome(tally: Tally, exit_code: int) -> Outcome:
    if exit_code == _INTERRUPTED:
        return "interrupted"
    return "unequal" if exit_code or tally.failed or tally.put_off else "equal"


def _host(host: HostTally) -> Host:
    return Host(
        host=host.name,
        done=host.done,
        failed=host.failed,
        put_off=host.put_off,
        fetched=host.fetched,
        requests=host.requests,
        speed=_quantiles(host.speeds, 0),
        seconds=_quantiles(host.seconds, 3),
        retries=dict(sorted(host.retries.items())),
        answers_429=host.refusals[429],
        answers_503=host.refusals[503],
        pauses=host.pauses,
        paused_seconds=round(host.paused, 3),
        waits=Waits(
            width=host.pausing.width, paused=tuple(round(each, 3) for each in host.pausing.sums)
        ),
    )


def _quantiles(sketch: Sketch, digits: int) -> Quantiles | None:
    p50, p95 = sketch.quantile(0.5), sketch.quantile(0.95)
    if p50 is None or p95 is None:
        return None
    return Quantiles(count=sketch.count, p50=round(p50, digits), p95=round(p95, digits))


def _throughput(received: Timeline, done: Timeline) -> Throughput:
    """Return both over stretches of the same width."""
    while received.width < done.width:
        received.widen()
    while done.width < received.width:
        done.widen()
    reached = max(len(received.sums), len(done.sums))
    return Throughput(
        width=received.width,
        bytes=_whole(received.sums, reached),
        files=_whole(done.sums, reached),
    )


def _whole(sums: list[float], length: int) -> tuple[int, ...]:
    """Return `length` integers that add up to what `sums` do."""
    reached = [0, *map(round, accumulate(sums))]
    return (*(after - before for before, after in pairwise(reached)), *[0] * (length - len(sums)))


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
