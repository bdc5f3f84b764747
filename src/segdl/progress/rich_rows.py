"""What the live area shows: rows of text, made from states and the size of the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from segdl.progress.format import human_size, percent
from segdl.progress.rich_cells import (
    AMOUNT,
    LEFT,
    PERCENT,
    SPEED,
    UNICODE,
    Layout,
    Look,
    bar,
    file_row,
    layout_of,
    line,
    row,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segdl.progress.events import SegmentState
    from segdl.progress.state import FileState

# Rows in all, however tall the terminal is.
_MAX_ROWS = 20


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
        rows.append(file_row(state, state.name, layout, now))
        share = _segment_rows(state, layout, spare // (len(shown) - index), now)
        spare -= len(share)
        rows.extend(share)
        if state.number in with_status:
            rows.append(line(f"  {statuses[state.number]}", "yellow", width))
    if len(shown) < len(files):
        rows.append(line(f"and {len(files) - len(shown)} more files", "dim", width))
    return rows


def _layout(files: Sequence[FileState], width: int, look: Look) -> Layout:
    sizes = [f.size for f in files]
    sizes += [s.stop - s.start for f in files for s in f.segments if s.stop is not None]
    return layout_of(max((cell_len(f.name) for f in files), default=0), sizes, width, look)


def _status(state: FileState, now: float) -> str:
    return "; ".join(filter(None, (state.wait_text(now), state.retry_text(now))))


def _segment_rows(state: FileState, layout: Layout, room: int, now: float) -> list[Text]:
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
    rows.append(line(f"  {len(rest)} more segments: {', '.join(facts)}", "dim", layout.width))
    return rows


def _segment_row(state: FileState, segment: SegmentState, layout: Layout, now: float) -> Text:
    size = None if segment.stop is None else segment.stop - segment.start
    done = segment.done if size is None else min(segment.done, size)
    cells = {PERCENT: "", AMOUNT: human_size(done), SPEED: "", LEFT: ""}
    if size is not None:
        cells[PERCENT] = f"{percent(done, size)}%"
        cells[AMOUNT] += f"/{human_size(size)}"
    style = "blue"
    if _is_done(segment):
        style = "green"
        cells[layout.word_column] = "done"
    elif not segment.active:
        style = "bright_black"
        cells[layout.word_column] = "retrying" if state.is_retrying(segment) else "waiting"
    drawn = bar(done, size, layout, now, style)
    return row(f"  {state.label(segment)}", drawn, cells, layout, all_style="dim")


def _is_done(segment: SegmentState) -> bool:
    return segment.stop is not None and segment.done >= segment.stop - segment.start


def _dullness(segment: SegmentState) -> tuple[bool, bool, int]:
    return (_is_done(segment), not segment.active, segment.start)
