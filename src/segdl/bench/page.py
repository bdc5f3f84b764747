"""A report as one page: nothing in it comes from elsewhere, and nothing in it runs."""

from __future__ import annotations

from collections.abc import Iterator

from segdl.bench.plots import by_connections, legend_of, over_time, tools
from segdl.bench.report import Report, Run
from segdl.bench.report_json import median_cpu, peak_memory
from segdl.charts.page import details, document, facts, figure, items, safe, table
from segdl.core.text import human_size
from segdl.version import __version__


def page(report: Report) -> str:
    """Return the page: HTML with pictures in it, for light and dark."""
    return document(f"{report.setting.name} - segdl bench", _body(report))


def _body(report: Report) -> Iterator[str]:
    setting, finding = report.setting, report.finding
    yield f'<header><p class="what">segdl bench</p><h1>{safe(setting.name)}</h1>'
    yield f'<p class="where">{safe(setting.url)}</p></header>'
    yield f'<section class="finding"><p>{safe(finding.text)}</p>{items(_notes(report))}</section>'
    yield facts(_facts(report))
    yield "<section><h2>Speed by number of connections</h2>"
    yield legend_of(report)
    picture = f'<div class="wide big">{by_connections(report)}</div>'
    yield f"{figure(picture, _CAPTION_CONNECTIONS)}</section>"
    panels = over_time(report)
    if panels:
        yield "<section><h2>Speed over time, by connection</h2>"
        pictures = '<div class="panels">' + "\n".join(panels) + "</div>"
        yield f"{figure(pictures, _CAPTION_TIME)}</section>"
    yield "<section><h2>Figures</h2>"
    yield table(_HEAD, _rows(report))
    yield f'<p class="small">{_CAPTION_FIGURES}</p></section>'
    yield "<section><h2>How it was run</h2>"
    yield details("Command lines", items(each.command.shown for each in report.contenders))
    versions = [f"{tool}: {told or 'tells no version'}" for tool, told in report.versions.items()]
    yield details("Versions", items([*versions, setting.machine]))
    yield details("Every run", table(_RUN_HEAD, _run_rows(report)))
    yield "</section>"
    yield f'<footer class="small">Made by segdl {__version__}, {safe(setting.began)}</footer>'


_CAPTION_CONNECTIONS = (
    "A large dot is the median, a small one a run; the upright line goes from the lowest to "
    "the highest."
)
_CAPTION_TIME = (
    "Each band is a connection, on top of the others: the upper edge is the speed of all. The "
    "median run of each; speeds have one scale, times have their own. What is empty at the "
    "left and right is the program's start and end."
)
_CAPTION_FIGURES = (
    "Speed is bytes of the file by seconds of the whole program, start and end included. Every "
    "file was hashed; only runs with the right bytes count."
)
_HEAD = ("", "speed", "", "from", "to", "time", "CPU", "memory", "runs")
_RUN_HEAD = ("", "round", "time", "speed", "CPU", "what became of it")


def _notes(report: Report) -> Iterator[str]:
    yield from report.finding.notes
    yield from report.wrong
    for label, error in report.errors:
        yield f"{label}: {error}"
    for each in report.left_out:
        yield f"{each.label} is left out: {each.reason}."


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    setting = report.setting
    if setting.length is not None:
        whole = setting.length == setting.size
        size = "the whole file" if whole else f"first part of {human_size(setting.size or 0)}"
        yield size, human_size(setting.length)
    yield "rounds", str(setting.rounds)
    yield "runs", str(len(report.runs))
    right = sum(report.status(run) == "ok" for run in report.runs)
    yield "files with the right bytes", f"{right} of {len(report.runs)}"
    fastest = max((run.rate for run in report.runs if report.status(run) == "ok"), default=0.0)
    yield "the fastest run", f"{human_size(fastest)}/s"


def _rows(report: Report) -> Iterator[list[str]]:
    colours = {tool: number for number, tool in enumerate(tools(report))}
    rates = [report.rate(index) for index in range(len(report.contenders))]
    scale = max((rate.median for rate in rates if rate), default=1.0)
    for index, (contender, rate) in enumerate(zip(report.contenders, rates, strict=True)):
        label = safe(contender.label)
        if contender.label == report.finding.best:
            label = f"<strong>{label}</strong>"
        runs = f"{len(report.good(index))} of {len(report.of(index))}"
        if rate is None:
            yield [label, "failed", *[""] * 6, runs]
            continue
        typical, cpu = report.typical(index), median_cpu(report, index)
        memory = peak_memory(report, index)
        assert typical is not None
        width = f"{100 * rate.median / scale:.1f}%"
        yield [
            label,
            f"{human_size(rate.median)}/s",
            f'<div class="bar c{colours[contender.tool]}" style="width:{width}"></div>',
            human_size(rate.low),
            human_size(rate.high),
            f"{typical.seconds:.2f} s",
            "" if cpu is None else f"{cpu:.2f} s",
            "" if memory is None else human_size(memory),
            runs,
        ]


def _run_rows(report: Report) -> Iterator[list[str]]:
    for run in report.runs:
        yield [
            safe(report.contenders[run.contender].label),
            str(run.round),
            f"{run.seconds:.2f} s",
            "" if run.error else f"{human_size(run.rate)}/s",
            "" if run.cpu is None else f"{run.cpu:.2f} s",
            _fate(report, run),
        ]


def _fate(report: Report, run: Run) -> str:
    status = report.status(run)
    if status == "failed":
        return safe(run.error)
    digest = f"{report.digest.algorithm} {run.digest[:16]}…"
    return safe(digest if status == "ok" else f"other bytes: {digest}")
