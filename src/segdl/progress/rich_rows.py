"""What the live area shows: rows of text, made from states and the size of the terminal.

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
    from collections.abc import Sequence

    from segdl.progress.events import SegmentState
    from segdl.progress.state import FileState

# Rows in all, however tall the terminal is.
_MAX_ROWS = 20
# Cells of a bar below which a column of numbers gives way to it.
_MIN_BAR = 10
# Below this width everything moves closer together, in favour of the bars.
_WIDE = 100
# Columns right of the bar, and their widths in cells; later sets are for narrower terminals.
# Room is fixed, not measured, so that nothing moves sideways while numbers change.
_PERCENT, _AMOUNT, _SPEED, _LEFT = "percent", "amount", "speed", "left"
_WITH_WORD = len("99+ days left")
_COLUMNS = (
    {_PERCENT: 4, _AMOUNT: 0, _SPEED: 12, _LEFT: _WITH_WORD},
    {_PERCENT: 4, _AMOUNT: 0, _SPEED: 12, _LEFT: 8},
    {_PERCENT: 4, _SPEED: 12, _LEFT: 10},
    {_PERCENT: 4, _LEFT: len("connecting")},
    {_PERCENT: 4},
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
class _Layout:
    """How many cells each column has."""

    width: int
    label: int
    bar: int
    gap: int
    columns: dict[str, int]
    look: Look


def frame(
    files: Sequence[FileState], width: int, height: int, now: float, look: Look = UNICODE
) -> list[Text]:
    """Return the rows that tell most about `files`, as many as fit the terminal."""
    budget = max(1, min(_MAX_ROWS, height - 1))
    shown = files if len(files) <= budget else files[: budget - 1]
    layout = _layout(shown, width, look)
    statuses = {f.number: _status(f, now) for f in shown}
    spare = budget - len(shown) - (len(shown) < len(files))
    rows: list[Text] = []
    # What went wrong matters more than how each segment fares.
    with_status = [n for n, text in statuses.items() if text][: max(0, spare)]
    spare -= len(with_status)
    for index, state in enumerate(shown):
        rows.append(_total_row(state, layout, now))
        share = _segment_rows(state, layout, spare // (len(shown) - index), now)
        spare -= len(share)
        rows.extend(share)
        if state.number in with_status:
            rows.append(_line(f"  {statuses[state.number]}", "yellow", width))
    if len(shown) < len(files):
        rows.append(_line(f"and {len(files) - len(shown)} more files", "dim", width))
    return rows


def _layout(files: Sequence[FileState], width: int, look: Look) -> _Layout:
    names = max((cell_len(f.name) for f in files), default=0)
    gap = 2 if width >= _WIDE else 1
    label = max(6, min(names, width // (4 if width >= _WIDE else 5)))
    wholes = [f.size for f in files]
    wholes += [s.stop - s.start for f in files for s in f.segments if s.stop is not None]
    sizes = [len(human_size(whole)) for whole in wholes if whole is not None]
    amount = len("1023.9 MiB") + (len("/") + max(sizes) if sizes else 0)
    for template in _COLUMNS:
        columns = {c: amount if c == _AMOUNT else cells for c, cells in template.items()}
        bar = width - label - gap - sum(gap + cells for cells in columns.values())
        if bar >= _MIN_BAR:
            break
    return _Layout(width, label, max(1, bar), gap, columns, look)


def _status(state: FileState, now: float) -> str:
    return "; ".join(filter(None, (state.wait_text(now), state.retry_text(now))))


def _total_row(state: FileState, layout: _Layout, now: float) -> Text:
    whole = state.size is not None and state.done >= state.size
    cells = {_PERCENT: "", _AMOUNT: human_size(state.done), _SPEED: "", _LEFT: ""}
    if state.size is not None:
        cells[_PERCENT] = f"{percent(state.done, state.size)}%"
        cells[_AMOUNT] += f"/{human_size(state.size)}"
    if state.phase == "downloading":
        if (speed := state.speed(now)) is not None:
            cells[_SPEED] = human_rate(speed)
        if state.size is None and _AMOUNT not in layout.columns:
            cells[_LEFT] = human_size(state.done)
        elif (left := state.seconds_left(now)) is not None:
            word = " left" if layout.columns.get(_LEFT) == _WITH_WORD else ""
            cells[_LEFT] = f"{human_duration(left)}{word}"
    else:
        cells[_word_column(layout)] = state.phase
        if state.phase == "connecting":
            cells[_AMOUNT] = ""
    bar = _bar(state.done, state.size, layout, now, "green" if whole else "cyan")
    return _row(state.name, bar, cells, layout, label_style="bold")


def _segment_rows(state: FileState, layout: _Layout, room: int, now: float) -> list[Text]:
    """Return a row for each segment, or for the most telling ones and the number of the rest."""
    segments = state.segments
    # A single segment would only say again what the total says.
    if state.phase != "downloading" or len(segments) < 2 or room < 1:
        return []
    if len(segments) <= room:
        return [_segment_row(state, s, layout, now) for s in segments]
    chosen = sorted(segments, key=_dullness)[: room - 1]
    rows = [_segment_row(state, s, layout, now) for s in segments if s in chosen]
    rest = [s for s in segments if s not in chosen]
    done = sum(_is_done(s) for s in rest)
    facts = [f"{done} done"] if done else []
    if len(rest) > done:
        facts.append(f"{len(rest) - done} under way or waiting")
    rows.append(_line(f"  {len(rest)} more segments: {', '.join(facts)}", "dim", layout.width))
    return rows


def _segment_row(state: FileState, segment: SegmentState, layout: _Layout, now: float) -> Text:
    size = None if segment.stop is None else segment.stop - segment.start
    done = segment.done if size is None else min(segment.done, size)
    cells = {_PERCENT: "", _AMOUNT: human_size(done), _SPEED: "", _LEFT: ""}
    if size is not None:
        cells[_PERCENT] = f"{percent(done, size)}%"
        cells[_AMOUNT] += f"/{human_size(size)}"
    style = "blue"
    if _is_done(segment):
        style = "green"
        cells[_word_column(layout)] = "done"
    elif not segment.active:
        style = "bright_black"
        cells[_word_column(layout)] = "retrying" if state.is_retrying(segment) else "waiting"
    bar = _bar(done, size, layout, now, style)
    return _row(f"  {state.label(segment)}", bar, cells, layout, all_style="dim")


def _word_column(layout: _Layout) -> str:
    """Return the column where a word may stand for a speed."""
    return _SPEED if _SPEED in layout.columns else _LEFT


def _is_done(segment: SegmentState) -> bool:
    return segment.stop is not None and segment.done >= segment.stop - segment.start


def _dullness(segment: SegmentState) -> tuple[bool, bool, int]:
    return (_is_done(segment), not segment.active, segment.start)


def _row(
    label: str,
    bar: Text,
    cells: dict[str, str],
    layout: _Layout,
    *,
    label_style: str = "",
    all_style: str = "",
) -> Text:
    row = Text(style=all_style, no_wrap=True, overflow="crop", end="")
    if cell_len(label) > layout.label:
        label = f"{set_cell_size(label, layout.label - 1).rstrip()}…"
    row.append(set_cell_size(label, layout.label), style=label_style)
    row.append(" " * layout.gap)
    row.append_text(bar)
    for column, width in layout.columns.items():
        row.append(" " * layout.gap)
        row.append(cells[column].rjust(width))
    return row


def _bar(done: int, size: int | None, layout: _Layout, now: float, style: str) -> Text:
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


def _line(text: str, style: str, width: int) -> Text:
    line = Text(text, style=style, no_wrap=True, end="")
    line.truncate(width, overflow="ellipsis")
    return line
