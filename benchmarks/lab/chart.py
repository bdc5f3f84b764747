"""One scenario as bars: how long each tool took."""

from __future__ import annotations

from html import escape

from lab.results import Contender, Result

_WIDTH, _ROW, _LABEL, _VALUE = 860, 26, 220, 150


def chart(result: Result) -> str:
    """Return an SVG: a bar is a median, a dot a run; dashed where a file was not right."""
    shown = [each for each in result.contenders if each.runs]
    if not shown:
        return '<p class="soft">Nothing of this could be run.</p>'
    longest = max(run.wall for each in shown for run in each.runs)
    height = _ROW * len(shown) + 8
    bars = "".join(_bar(each, number, longest) for number, each in enumerate(shown))
    axis = f'<line class="axis" x1="{_LABEL}" y1="0" x2="{_LABEL}" y2="{height}"/>'
    title = escape(f"Wall clock of {result.title}")
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{title}">{bars}{axis}</svg>'
    )


def _bar(contender: Contender, number: int, longest: float) -> str:
    told = contender.summary
    scale = (_WIDTH - _LABEL - _VALUE) / longest
    top = number * _ROW + 4
    kind = "ours" if contender.kind == "segdl" else "others"
    value = f"{told.wall:.2f} s"
    if not told.right:
        right = sum(run.right for run in contender.runs)
        kind, value = "wrong", f"{value}, right {right} of {len(contender.runs)}"
    end = _LABEL + max(run.wall for run in contender.runs) * scale
    dots = "".join(
        f'<circle class="run" cx="{_LABEL + run.wall * scale:.1f}" cy="{top + 9}" r="3"/>'
        for run in contender.runs
    )
    return (
        f'<text x="{_LABEL - 8}" y="{top + 14}" text-anchor="end">{escape(contender.name)}</text>'
        f'<rect class="{kind}" x="{_LABEL}" y="{top}" width="{told.wall * scale:.1f}" '
        f'height="18" rx="2"/>{dots}'
        f'<text class="value" x="{end + 10:.1f}" y="{top + 14}">{escape(value)}</text>'
    )
