"""The pictures of a mirror's report. No text goes in unescaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from segdl.charts import svg
from segdl.core.text import counted, printable
from segdl.mirror.seen.report import Host, Report
from segdl.progress.format import human_duration, human_rate

_WIDTH = 860.0
_HEIGHT, _SMALL = 300.0, 150.0
_LEFT, _RIGHT = 86.0, 16.0
# Rows of pictures that have one a host.
_ROW = 26.0
_MOST_ROWS = 30
_NAMES = 210.0
_LONGEST_NAME = 34
# Bytes a second that the scale goes up to at least: there is no half a byte.
_LEAST_SPEED = 10.0


def bytes_over_time(report: Report) -> str:
    """Return the picture of the bytes a second of all hosts over the run."""
    speeds = _per_second(report, report.throughput.bytes)
    frame = svg.Frame(_LEFT, 14.0, _WIDTH - _RIGHT, _HEIGHT - 30)
    marks = svg.speed_ticks(max(_LEAST_SPEED, *speeds))
    shapes = [*svg.speed_axis(frame, marks), *_area(report, frame, speeds, marks[-1])]
    shapes += svg.time_axis(frame, _seconds(report))
    return svg.picture(_WIDTH, _HEIGHT, "Bytes a second over time", shapes)


def files_over_time(report: Report) -> str:
    """Return the picture of the files a second over the run."""
    rates = _per_second(report, report.throughput.files)
    frame = svg.Frame(_LEFT, 14.0, _WIDTH - _RIGHT, _SMALL - 30)
    marks = svg.ticks(max(rates, default=1.0), 3)
    shapes = []
    for mark in marks:
        y = frame.y(mark / marks[-1])
        shapes.append(svg.line(frame.left, y, frame.right, y, "grid" if mark else "axis"))
        shapes.append(svg.text(frame.left - 8, y + 4, f"{mark:g}/s" if mark else "0", anchor="end"))
    shapes += _area(report, frame, rates, marks[-1])
    shapes += svg.time_axis(frame, _seconds(report))
    return svg.picture(_WIDTH, _SMALL, "Files a second over time", shapes)


def speeds_by_host(report: Report) -> str:
    """Return the picture of each host's speed a file, from p50 to p95; empty where unknown."""
    hosts = [host for host in report.hosts if host.speed is not None][:_MOST_ROWS]
    if not hosts:
        return ""
    height = _ROW * len(hosts) + 44
    frame = svg.Frame(_NAMES, 8.0, _WIDTH - 30, height - 36)
    marks = svg.speed_ticks(max(_LEAST_SPEED, *(host.speed.p95 for host in hosts if host.speed)))
    shapes = []
    for mark in marks:
        x = frame.x(mark / marks[-1])
        shapes.append(svg.line(x, frame.top, x, frame.bottom, "grid" if mark else "axis"))
        words = human_rate(mark).replace(".0 ", " ") if mark else "0"
        shapes.append(svg.text(x, frame.bottom + 18, words))
    for number, host in enumerate(hosts):
        shapes += _range(frame, host, frame.top + _ROW * (number + 0.5), marks[-1])
    return svg.picture(_WIDTH, height, "Speed of a file by host: p50 and p95", shapes)


def waits_by_host(report: Report) -> str:
    """Return the picture of when hosts were paused; empty where none was."""
    hosts = [host for host in report.hosts if host.paused_seconds > 0]
    hosts = sorted(hosts, key=lambda host: -host.paused_seconds)[:_MOST_ROWS]
    if not hosts:
        return ""
    height = _ROW * len(hosts) + 38
    frame = svg.Frame(_NAMES, 4.0, _WIDTH - 30, height - 34)
    shapes: list[str] = []
    for number, host in enumerate(hosts):
        shapes += _lane(report, frame, host, frame.top + _ROW * number)
    shapes.append(svg.line(frame.left, frame.bottom, frame.right, frame.bottom, "axis"))
    shapes += svg.time_axis(frame, _seconds(report))
    return svg.picture(_WIDTH, height, "When hosts were paused", shapes)


def _seconds(report: Report) -> float:
    return max(report.seconds, 0.001)


def _per_second(report: Report, sums: Sequence[int]) -> list[float]:
    """Return the rate of each stretch: the last one may not be over."""
    width = report.throughput.width
    lengths = [min(width, report.seconds - at * width) for at in range(len(sums))]
    return [each / max(length, 0.2 * width) for each, length in zip(sums, lengths, strict=True)]


def _area(report: Report, frame: svg.Frame, rates: Sequence[float], most: float) -> Iterator[str]:
    """Yield steps, one a stretch, and what is under them."""
    seconds, width = _seconds(report), report.throughput.width
    steps: list[tuple[float, float]] = []
    for at, rate in enumerate(rates):
        y = frame.y(rate / most)
        steps.append((frame.x(min(1.0, at * width / seconds)), y))
        steps.append((frame.x(min(1.0, (at + 1) * width / seconds)), y))
    if steps:
        ground = [(steps[-1][0], frame.bottom), (steps[0][0], frame.bottom)]
        yield svg.path([*steps, *ground], "area", closed=True)
        yield svg.path(steps, "series s0")


def _range(frame: svg.Frame, host: Host, y: float, most: float) -> Iterator[str]:
    assert host.speed is not None
    low, high = frame.x(host.speed.p50 / most), frame.x(host.speed.p95 / most)
    name = printable(host.host, _LONGEST_NAME)
    yield svg.text(frame.left - 10, y + 4, name, "name", "end")
    yield svg.line(low, y, high, y, "range s0")
    told = f"{name}, {counted(host.speed.count, 'file')}"
    yield svg.dot(low, y, 5, "median c0", f"{told}: p50 {human_rate(host.speed.p50)}")
    yield svg.dot(high, y, 5, "median c1", f"{told}: p95 {human_rate(host.speed.p95)}")


def _lane(report: Report, frame: svg.Frame, host: Host, top: float) -> Iterator[str]:
    name = printable(host.host, _LONGEST_NAME)
    top, bottom = top + 5, top + _ROW - 5
    yield svg.text(frame.left - 10, (top + bottom) / 2 + 4, name, "name", "end")
    told = f"{name}: paused {host.pauses} times, {human_duration(host.paused_seconds)}"
    yield svg.box(frame.left, top, frame.right, bottom, "lane", told)
    seconds, width = _seconds(report), host.waits.width
    for at, paused in enumerate(host.waits.paused):
        if paused > 0:
            start, share = at * width / seconds, min(1.0, paused / width)
            stop = min(1.0, start + width / seconds)
            # As high as the share of the stretch that it was paused.
            edge = bottom - share * (bottom - top)
            yield svg.box(frame.x(min(1.0, start)), edge, frame.x(stop), bottom, "wait", told)
