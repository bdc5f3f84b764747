"""What rows of a live area are put together from: a label, a bar, columns of figures.

Rows are put together by hand: a table of widgets would take ten times the
processor time, which belongs to the download. All text from outside goes in as
:class:`rich.text.Text`, never as markup.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from segdl.progress.format import human_duration, human_rate, human_size, percent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from segdl.progress.state import FileState

# Cells of a bar below which a column of numbers gives way to it.
_MIN_BAR = 10
# Below this width everything moves closer together, in favour of the bars.
WIDE = 100
# Columns right of the bar, and their widths in cells; later sets are for narrower terminals.
# Room is fixed, not measured, so that nothing moves sideways while numbers change.
PERCENT, AMOUNT, SPEED, LEFT = "percent", "amount", "speed", "left"
_WITH_WORD = len("99+ days left")
_COLUMNS = (
    {PERCENT: 4, AMOUNT: 0, SPEED: 12, LEFT: _WITH_WORD},
    {PERCENT: 4, AMOUNT: 0, SPEED: 12, LEFT: 8},
    {PERCENT: 4, SPEED: 12, LEFT: 10},
    {PERCENT: 4, LEFT: len("connecting")},
    {PERCENT: 4},
)


@dataclass(frozen=True, slots=True)
class Look:
    """The characters of bars: done, its half cell, and the rest."""

    full: str
    half: str
    rest: str


UNICODE = Look(full="━", half="╸", rest="─")
ASCII = Look(full="=", half=">", rest="-")


@dataclass(frozen=True, slots=True)
class Layout:
    """How many cells each column has."""

    width: int
    label: int
    bar: int
    gap: int
    columns: dict[str, int]
    look: Look

    @property
    def word_column(self) -> str:
        """The column where a word may stand for a speed."""
        return SPEED if SPEED in self.columns else LEFT


def layout_of(
    label: int, sizes: Iterable[int | None], width: int, look: Look, *, share: float = 0.25
) -> Layout:
    """Return the columns of rows that are `width` cells wide.

    Args:
        label: cells that labels would like to have.
        sizes: bytes of what the rows are about.
        width: cells of a row.
        look: of the bars.
        share: of a wide row that labels get at most.
    """
    gap = 2 if width >= WIDE else 1
    label = max(6, min(label, int(width * (share if width >= WIDE else 0.8 * share))))
    written = [len(human_size(size)) for size in sizes if size is not None]
    amount = len("1023.9 MiB") + (len("/") + max(written) if written else 0)
    for template in _COLUMNS:
        columns = {c: amount if c == AMOUNT else cells for c, cells in template.items()}
        bar = width - label - gap - sum(gap + cells for cells in columns.values())
        if bar >= _MIN_BAR:
            break
    return Layout(width, label, max(1, bar), gap, columns, look)


def file_row(state: FileState, label: str, layout: Layout, now: float, word: str = "") -> Text:
    """Return the row that tells how far a file is; `word` stands where its speed would."""
    whole = state.size is not None and state.done >= state.size
    cells = {PERCENT: "", AMOUNT: human_size(state.done), SPEED: "", LEFT: ""}
    if state.size is not None:
        cells[PERCENT] = f"{percent(state.done, state.size)}%"
        cells[AMOUNT] += f"/{human_size(state.size)}"
    if state.phase == "downloading":
        if (speed := state.speed(now)) is not None:
            cells[SPEED] = human_rate(speed)
        if state.size is None and AMOUNT not in layout.columns:
            cells[LEFT] = human_size(state.done)
        elif (left := state.seconds_left(now)) is not None:
            cells[LEFT] = time_left(left, layout)
    elif state.phase == "connecting":
        cells[AMOUNT] = ""
    if word or state.phase != "downloading":
        cells[layout.word_column] = word or state.phase
    drawn = bar(state.done, state.size, layout, now, "green" if whole else "cyan")
    return row(label, drawn, cells, layout, label_style="bold")


def time_left(seconds: float, layout: Layout) -> str:
    """Return how long it takes still, in as many words as there is room for."""
    word = " left" if layout.columns.get(LEFT) == _WITH_WORD else ""
    return f"{human_duration(seconds)}{word}"


def row(
    label: str,
    bar: Text,
    cells: dict[str, str],
    layout: Layout,
    *,
    label_style: str = "",
    all_style: str = "",
) -> Text:
    """Return a row: a label that is cut where it is too long, a bar, the columns there are."""
    made = Text(style=all_style, no_wrap=True, overflow="crop", end="")
    if cell_len(label) > layout.label:
        label = f"{set_cell_size(label, layout.label - 1).rstrip()}…"
    made.append(set_cell_size(label, layout.label), style=label_style)
    made.append(" " * layout.gap)
    made.append_text(bar)
    for column, width in layout.columns.items():
        made.append(" " * layout.gap)
        made.append(cells[column].rjust(width))
    return made


def bar(done: int, size: int | None, layout: Layout, now: float, style: str) -> Text:
    """Return a bar, full only where `done` is all; of no known size, one that wanders."""
    look, width = layout.look, layout.bar
    if size is None:
        block = max(1, width // 4)
        way = width - block
        # There and back again, ten cells a second.
        at = abs((now * 10 + way) % (2 * way) - way) if way else 0
        before = int(at)
        return Text.assemble(
            (look.rest * before, "bright_black"),
            (look.full * block, style),
            (look.rest * (way - before), "bright_black"),
        )
    halves = 2 * width if done >= size else done * 2 * width // size
    full, half = divmod(halves, 2)
    return Text.assemble(
        (look.full * full + look.half * half, style),
        (look.rest * (width - full - half), "bright_black"),
    )


def line(text: str, style: str, width: int) -> Text:
    """Return a row of nothing but text, cut where it is too long."""
    made = Text(text, style=style, no_wrap=True, end="")
    made.truncate(width, overflow="ellipsis")
    return made
