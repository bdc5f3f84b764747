"""A report on a terminal: a table with bars, and what was found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from segdl.bench.figures import Spread
from segdl.bench.report import Report
from segdl.bench.report_json import median_cpu, peak_memory
from segdl.core.text import human_size, printable

# Columns where no terminal says how many there are.
_WIDTH = 110
_MOST_LABEL = 24
_LEAST_BAR, _MOST_BAR = 10, 40
# Cells of each column, and the width of a terminal from which on it is shown.
_COLUMNS = {
    "median": (13, 0),
    "lowest to highest": (22, 72),
    "time": (8, 0),
    "CPU": (8, 90),
    "memory": (10, 100),
}
_GAP = 2
# What stands for speed up to the lowest of the spread, from there to the median, and beyond.
_UNICODE, _ASCII = "█▓░", "#=-"


def render(report: Report, stream: TextIO) -> str:
    """Return a report for people, with the colours and the width that `stream` has."""
    console = Console(file=stream, markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH
    unicode = console.encoding.startswith("utf")
    with console.capture() as captured:
        console.print(Text(subject(report)), soft_wrap=True)
        console.print()
        console.print(_table(report, console.width, _UNICODE if unicode else _ASCII))
        console.print()
        for line in _lines(report):
            # A terminal gets whole words; what is kept or searched, whole sentences.
            console.print(line, soft_wrap=not console.is_terminal)
        console.print()
        for contender in report.contenders:
            console.print(Text(contender.command.shown, style="dim"), soft_wrap=True)
    return captured.get().rstrip("\n")


def subject(report: Report) -> str:
    """Say what was fetched, as in "http://h/a.iso: the first 64.0 MiB of 3.2 GiB, 3 rounds"."""
    setting = report.setting
    what = "all of it" if setting.length is None else human_size(setting.length)
    if setting.size is not None and setting.length != setting.size:
        what = f"the first {what} of {human_size(setting.size)}"
    rounds = "one round" if setting.rounds == 1 else f"{setting.rounds} rounds"
    return f"{printable(setting.url, 2000)}: {what}, {rounds}"


def _lines(report: Report) -> Iterator[Text]:
    finding = report.finding
    yield Text(finding.text, style="bold")
    yield from map(Text, finding.notes)
    for sentence in report.wrong:
        yield Text(sentence, style="bold red")
    for label, error in report.errors:
        yield Text(f"{label}: {error}", style="red")
    for each in report.left_out:
        yield Text(f"{each.label} is left out: {each.reason}.", style="dim")


def _table(report: Report, width: int, look: str) -> Table:
    labels = min(_MOST_LABEL, max(len(contender.label) for contender in report.contenders))
    columns = {name: cells for name, (cells, least) in _COLUMNS.items() if width >= least}
    bar = width - labels - _GAP - sum(_GAP + cells for cells in columns.values())
    bar = max(_LEAST_BAR, min(_MOST_BAR, bar))
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", width=labels, no_wrap=True)
    table.add_column("", width=bar, no_wrap=True)
    for name, cells in columns.items():
        table.add_column(name, width=cells, no_wrap=True, justify="right")
    rates = [report.rate(index) for index in range(len(report.contenders))]
    scale = max((rate.high for rate in rates if rate), default=1.0)
    for index, (contender, rate) in enumerate(zip(report.contenders, rates, strict=True)):
        style = "bold green" if contender.label == report.finding.best else ""
        label = Text(contender.label, style=style, overflow="ellipsis")
        if rate is None:
            table.add_row(label, Text("failed", style="red"))
            continue
        cells_of = _cells(report, index, rate)
        table.add_row(
            label,
            _bar(rate, scale, bar, look, "cyan" if contender.own else "bright_black"),
            *(Text(cells_of[name], style=style if name == "median" else "") for name in columns),
        )
    return table


def _cells(report: Report, index: int, rate: Spread) -> dict[str, str]:
    typical, cpu, memory = (
        report.typical(index),
        median_cpu(report, index),
        peak_memory(report, index),
    )
    assert typical is not None
    return {
        "median": f"{human_size(rate.median)}/s",
        "lowest to highest": f"{human_size(rate.low)} to {human_size(rate.high)}",
        "time": f"{typical.seconds:.2f} s",
        "CPU": "" if cpu is None else f"{cpu:.2f} s",
        "memory": "" if memory is None else human_size(memory),
    }


def _bar(rate: Spread, scale: float, width: int, look: str, style: str) -> Text:
    ends: Sequence[int] = [
        max(1, round(speed / scale * width)) for speed in (rate.low, rate.median, rate.high)
    ]
    low, median, high = ends
    text = look[0] * low + look[1] * (median - low) + look[2] * (high - median)
    return Text(text, style=style)
