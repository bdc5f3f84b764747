"""The plots of a report: speed by number of connections, and over time by connection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from segdl.bench.report import Report, Run
from segdl.bench.trace import Stretch
from segdl.charts import svg
from segdl.charts.page import legend
from segdl.core.text import human_size

_WIDTH, _HEIGHT = 860.0, 340.0
_FRAME = svg.Frame(78.0, 14.0, _WIDTH - 16, _HEIGHT - 46)
_PANEL_WIDTH, _PANEL_HEIGHT = 420.0, 190.0
_PANEL = svg.Frame(78.0, 30.0, _PANEL_WIDTH - 12, _PANEL_HEIGHT - 28)
# Room between the points of several tools with the same number of connections.
_ASIDE = 7.0
AUTO = "auto"


@dataclass(frozen=True, slots=True)
class _Point:
    """A contender in the plot: its column, and its place in the report."""

    column: int
    index: int


def tools(report: Report) -> list[str]:
    """Return the names of the programs in the order of their colours: segdl is first."""
    return list(dict.fromkeys(contender.tool for contender in report.contenders))


def legend_of(report: Report) -> str:
    """Return the names of the programs with their colours, as HTML; nothing for only one."""
    names = tools(report)
    return legend(names) if len(names) > 1 else ""


def by_connections(report: Report) -> str:
    """Return the picture of speed by number of connections.

    A point is the median, the line through it goes from the lowest to the highest of the
    spread, a faint dot is a run.
    """
    columns = _columns(report)
    rates = [run.rate for index in range(len(report.contenders)) for run in report.good(index)]
    marks = svg.speed_ticks(max(rates, default=1.0))
    shapes = list(svg.speed_axis(_FRAME, marks))
    for number, column in enumerate(columns):
        shapes.append(svg.text(_x(number, len(columns)), _FRAME.bottom + 18, column))
    middle = (_FRAME.left + _FRAME.right) / 2
    shapes.append(svg.text(middle, _HEIGHT - 6, "connections", "name"))
    names = tools(report)
    # segdl is drawn last, above the others.
    for number in reversed(range(len(names))):
        aside = _ASIDE * (number - (len(names) - 1) / 2)
        shapes += _series(report, columns, names[number], number, aside, marks[-1])
    return svg.picture(_WIDTH, _HEIGHT, "Speed by number of connections", shapes)


def over_time(report: Report) -> list[str]:
    """Return a picture for each number of connections: speed over time, by connection.

    It is that of the median run. Speeds have the same scale in all of them.
    """
    runs = {
        index: run
        for index, contender in enumerate(report.contenders)
        if contender.own and (run := report.typical(index)) is not None and run.speeds
    }
    most = max(
        (sum(stretch.speeds) for run in runs.values() for stretch in run.speeds), default=1.0
    )
    marks = svg.speed_ticks(most)
    return [_panel(report.contenders[index].label, run, marks) for index, run in runs.items()]


def _columns(report: Report) -> list[str]:
    counts = {each.connections for each in report.contenders if each.connections is not None}
    free = any(each.connections is None for each in report.contenders)
    return [str(count) for count in sorted(counts)] + ([AUTO] if free else [])


def _x(column: int, columns: int) -> float:
    return _FRAME.x((column + 0.5) / columns)


def _series(
    report: Report, columns: Sequence[str], tool: str, colour: int, aside: float, most: float
) -> Iterator[str]:
    points = [
        _Point(columns.index(AUTO if each.connections is None else str(each.connections)), index)
        for index, each in enumerate(report.contenders)
        if each.tool == tool and report.rate(index) is not None
    ]
    points.sort(key=lambda point: point.column)

    def place(point: _Point, rate: float) -> tuple[float, float]:
        return _x(point.column, len(columns)) + aside, _FRAME.y(rate / most)

    joined = [
        place(point, rate.median)
        for point in points
        if columns[point.column] != AUTO and (rate := report.rate(point.index)) is not None
    ]
    if len(joined) > 1:
        yield svg.path(joined, f"series s{colour}")
    for point in points:
        rate = report.rate(point.index)
        assert rate is not None
        x, low = place(point, rate.low)
        _, high = place(point, rate.high)
        yield svg.line(x, low, x, high, f"whisker s{colour}")
        for run in report.good(point.index):
            hint = f"{report.contenders[point.index].label}, round {run.round}"
            yield svg.dot(*place(point, run.rate), 2, f"run c{colour}", f"{hint}: {_told(run)}")
        hint = f"{report.contenders[point.index].label}: {human_size(rate.median)}/s"
        yield svg.dot(*place(point, rate.median), 4.5, f"median c{colour}", hint)


def _told(run: Run) -> str:
    return f"{human_size(run.rate)}/s, {run.seconds:.2f} s"


def _panel(label: str, run: Run, marks: Sequence[float]) -> str:
    frame, end = _PANEL, run.speeds[-1].stop
    shapes = [svg.text(frame.left, 16, label, "title", "start")]
    shapes.append(svg.text(frame.right, 16, _told(run), "name", "end"))
    shapes += svg.speed_axis(frame, marks)
    most = max(run.seconds, end)
    lanes = max((len(stretch.speeds) for stretch in run.speeds), default=0)
    for lane in range(lanes):
        shapes += _band(frame, run.speeds, lane, most, marks[-1])
    shapes += svg.time_axis(frame, most)
    title = f"{label}: speed over time by connection"
    return svg.picture(_PANEL_WIDTH, _PANEL_HEIGHT, title, shapes)


def _band(
    frame: svg.Frame, speeds: Sequence[Stretch], lane: int, seconds: float, most: float
) -> Iterator[str]:
    """Yield what one connection adds, on top of those before it."""
    upper: list[tuple[float, float]] = []
    lower: list[tuple[float, float]] = []
    for stretch in speeds:
        below = sum(stretch.speeds[:lane])
        above = below + (stretch.speeds[lane] if lane < len(stretch.speeds) else 0.0)
        for moment in (stretch.start, stretch.stop):
            x = frame.x(moment / seconds)
            upper.append((x, frame.y(above / most)))
            lower.append((x, frame.y(below / most)))
    yield svg.path([*upper, *reversed(lower)], f"band b{lane % 2}", closed=True)
