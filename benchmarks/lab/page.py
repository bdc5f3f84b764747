"""The results as one page that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from lab.chart import chart
from lab.results import Contender, Result
from lab.scenario import GIB, MIB
from lab.targets import Verdict

PAGE = Path(__file__).parent.parent / "results" / "lab.html"
_CLASSES = {True: "met", False: "missed", None: "open"}
_HEADS = ("wall", "spread", "CPU a GiB", "memory", "requests", "refused", "on the wire", "lost")


def write(results: Sequence[Result], path: Path = PAGE) -> Path:
    """Write the page of these results; return where it is."""
    path.write_text(render(results), encoding="utf-8")
    return path


def render(results: Sequence[Result]) -> str:
    """Return the page."""
    css = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    body = [
        "<h1>The lab: segdl beside other tools</h1>",
        '<p class="soft">Real nginx servers; links with a rate, a queue of one bandwidth-delay '
        "product, delay and random loss; CUBIC on the servers' side. Tools take turns, every file "
        "is hashed, bars are medians and dots single rounds. Client and servers share the "
        "machine: compare tools of one scenario, and quote ratios.</p>",
        _overview(results),
        *(_section(result) for result in results),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>segdl: the lab</title>\n<style>\n{css}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _overview(results: Sequence[Result]) -> str:
    rows = "".join(
        f'<tr><td><a href="#{result.name}">{escape(result.title)}</a></td>'
        f"<td>{escape(verdict.tool)}</td><td>{escape(verdict.must)}</td>"
        f'<td class="{_CLASSES[verdict.met]}">{escape(verdict.got)}</td></tr>'
        for result in results
        for verdict in result.verdicts
    )
    return (
        '<section class="wide"><table><tr><th>scenario</th><th>what</th><th>must take</th>'
        f"<th>took</th></tr>{rows}</table></section>"
    )


def _section(result: Result) -> str:
    servers = "".join(f"<li><code>{escape(server)}</code></li>" for server in result.servers)
    around = ", ".join(f"{name} {value}" for name, value in result.machine.items())
    versions = "; ".join(result.versions.values())
    return (
        f'<section id="{result.name}"><h2>{escape(result.title)}</h2>'
        f"<ul>{''.join(_verdict(verdict) for verdict in result.verdicts)}</ul>"
        f"<figure>{chart(result)}</figure>"
        f"<details><summary>figures, commands, servers</summary>{_figures(result)}"
        f"{_commands(result)}<p>Servers:</p><ul>{servers}</ul>"
        f'<p class="soft">{escape(result.when)}; {escape(around)}. {escape(versions)}.</p>'
        "</details></section>"
    )


def _verdict(verdict: Verdict) -> str:
    text = f"{verdict.tool}: {verdict.must}; {verdict.got}"
    return f'<li class="{_CLASSES[verdict.met]}">{escape(text)}</li>'


def _figures(result: Result) -> str:
    heads = "".join(f'<th class="figure">{head}</th>' for head in _HEADS)
    rows = "".join(
        f"<tr><td>{escape(each.name)}</td>{_row(result, each)}</tr>" for each in result.contenders
    )
    return f'<div class="wide"><table><tr><th></th>{heads}</tr>{rows}</table></div>'


def _row(result: Result, contender: Contender) -> str:
    if contender.skipped:
        return f'<td colspan="{len(_HEADS)}">{escape(contender.skipped)}</td>'
    runs, told = contender.runs, contender.summary
    walls = [run.wall for run in runs]
    total = result.size * result.files
    lost = [run.lost for run in runs if run.lost is not None]
    figures = [
        f"{told.wall:.2f} s" if told.right else "not right",
        f"{min(walls):.2f}-{max(walls):.2f}",
        f"{told.cpu * GIB / total:.2f} s" if total >= MIB else f"({told.cpu:.2f} s)",
        f"{told.memory / MIB:.0f} MiB",
        f"{max(run.requests for run in runs)}",
        f"{told.refusals}",
        f"{max(run.wire for run in runs) / total:.3f} x" if total >= MIB else "-",
        f"{max(lost)} packets" if lost else "-",
    ]
    return "".join(f'<td class="figure">{figure}</td>' for figure in figures)


def _commands(result: Result) -> str:
    rows = "".join(f"<li><code>{escape(each.command)}</code></li>" for each in result.contenders)
    return f"<p>Commands:</p><ul>{rows}</ul>"
