"""What the live area of a mirror run shows: files at work, hosts, totals, as rows of text."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from segdl.mirror.seen.hosts import HostTally
from segdl.mirror.seen.tally import Tally
from segdl.mirror.seen.words import (
    count_of,
    expected_of,
    facts_of,
    percent_of,
    share_of,
    troubles_of,
)
from segdl.mirror.seen.work import Work
from segdl.progress.format import human_duration, human_rate, human_size, printable
from segdl.progress.rich_cells import (
    AMOUNT,
    LEFT,
    PERCENT,
    SPEED,
    UNICODE,
    WIDE,
    Layout,
    Look,
    bar,
    file_row,
    layout_of,
    line,
    row,
    time_left,
)

_MOST_FILES = 20
_MOST_HOSTS = 10
# The totals.
_LAST_ROWS = 2
# From this height on, an empty row keeps the three blocks apart.
_AIRY = 24
# Seconds after which a file is more than one that flashes by.
_SETTLED = 1.0
# Paths have as much room as there is, and sizes as the longest need: files come and go, and
# nothing is to move sideways with them.
_LONGEST_LABEL = 48
_LONGEST_SIZE = int(1023.9 * 1024**2)


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    cells: int


_WORK, _FILES, _FAILED = _Column("at work", 7), _Column("files", 9), _Column("failed", 7)
_BYTES, _SPEED, _REASON = _Column("bytes", 10), _Column("speed", 12), _Column("", 24)
# Later ones are for narrower terminals.
_COLUMNS = (
    (_WORK, _FILES, _FAILED, _BYTES, _SPEED, _REASON),
    (_WORK, _FILES, _FAILED, _BYTES, _SPEED),
    (_FILES, _FAILED, _BYTES, _SPEED),
    (_FILES, _SPEED),
    (_SPEED,),
)
_LEAST_NAME = 16


def frame(tally: Tally, width: int, height: int, now: float, look: Look = UNICODE) -> list[Text]:
    """Return the rows that tell most about a run, as many as fit the terminal."""
    budget = max(1, height - 1)
    share = 1 / 3 if width >= WIDE else 1 / 2
    layout = layout_of(_LONGEST_LABEL, [_LONGEST_SIZE], width, look, share=share)
    if budget < _LAST_ROWS + 2:
        return _totals(tally, layout, now)[:budget]
    gap = [line("", "", width)] if height >= _AIRY else []
    room = budget - _LAST_ROWS - 2 * len(gap)
    hosts = _host_rows(tally.hosts.all(now), min(_MOST_HOSTS + 2, max(1, room // 3)), width, now)
    works = interesting(tally.work.values(), min(_MOST_FILES, room - len(hosts)), now)
    files = [_file_row(work, layout, now) for work in works]
    blocks = [block for block in (files, hosts, _totals(tally, layout, now)) if block]
    rows = blocks[0]
    for block in blocks[1:]:
        rows = rows + gap + block
    return rows


def interesting(works: Iterable[Work], most: int, now: float) -> list[Work]:
    """Return the files to show: those in trouble, then the large ones, in order of number."""

    def dullness(work: Work) -> tuple[bool, bool, int, int]:
        brief = now - work.since < _SETTLED
        return (not _trouble(work, now), brief, -(work.state.size or 0), work.taken.file)

    chosen = heapq.nsmallest(most, works, key=dullness)
    return sorted(chosen, key=lambda work: work.taken.file)


def _trouble(work: Work, now: float) -> str:
    if work.state.wait_text(now):
        return "waiting"
    return "retrying" if work.state.retry_text(now) else ""


def _file_row(work: Work, layout: Layout, now: float) -> Text:
    label = ending(printable(work.taken.path), layout.label)
    return file_row(work.state, label, layout, now, _trouble(work, now))


def ending(text: str, cells: int) -> str:
    """Return the end of a path, which tells more than its beginning.

    Example:
        >>> ending("pool/main/a/apt.deb", 12)
        '…n/a/apt.deb'
    """
    if cell_len(text) <= cells:
        return text
    tail = text[-cells:]
    while cell_len(tail) >= cells:
        tail = tail[1:]
    return f"…{tail}"


def _host_rows(hosts: list[HostTally], room: int, width: int, now: float) -> list[Text]:
    """Return a row a host, the others' sums in a row, and names of the columns."""
    if not hosts:
        return []
    named = [printable(host.name, 60) for host in hosts]
    name, columns = _host_columns(max(map(cell_len, named)), width)
    head = len(hosts) > 1 and room >= 3
    room -= head
    shown = hosts
    if len(hosts) > room:
        lively = heapq.nsmallest(max(1, room - 1), hosts, key=lambda host: _quiet(host, now))
        shown = [host for host in hosts if host in lively]
    rows = [_head_row(name, columns)] if head else []
    rows += [_host_row(host, name, columns, now) for host in shown]
    rest = [host for host in hosts if host not in shown]
    if rest and room > 1:
        rows.append(_rest_row(rest, name, columns, now))
    return rows


def _quiet(host: HostTally, now: float) -> tuple[bool, int]:
    busy = host.at_work or host.put_off or host.paused_until > now
    return (not busy, -host.fetched)


def _host_columns(longest: int, width: int) -> tuple[int, tuple[_Column, ...]]:
    for columns in _COLUMNS:
        room = width - sum(2 + column.cells for column in columns)
        if room >= min(_LEAST_NAME, longest):
            break
    return max(1, min(longest, room)), columns


def _head_row(name: int, columns: Iterable[_Column]) -> Text:
    made = Text("host".ljust(name), style="dim", no_wrap=True, end="")
    for column in columns:
        made.append(f"  {column.name.rjust(column.cells)}")
    return made


def _host_row(host: HostTally, name: int, columns: Iterable[_Column], now: float) -> Text:
    waits = host.paused_until - now
    paused = f"paused {human_duration(waits)}" if waits > 0 else ""
    if not paused and host.put_off:
        paused = "given up"
    speed = host.meter.speed(now) if host.at_work else None
    cells = {
        _WORK: str(host.at_work),
        _FILES: f"{host.done:,}",
        _FAILED: f"{host.failed + host.put_off:,}" if host.failed + host.put_off else "",
        _BYTES: human_size(host.fetched),
        _SPEED: paused or (human_rate(speed) if speed else ""),
        _REASON: printable(host.reason) if paused else "",
    }
    styles = {_FAILED: "red", _SPEED: "yellow" if paused else "", _REASON: "yellow"}
    return _cells(printable(host.name, 60), name, columns, cells, styles)


def _rest_row(
    hosts: Sequence[HostTally], name: int, columns: Iterable[_Column], now: float
) -> Text:
    failed = sum(host.failed + host.put_off for host in hosts)
    speed = sum(host.meter.speed(now) or 0.0 for host in hosts if host.at_work)
    cells = {
        _WORK: str(sum(host.at_work for host in hosts)),
        _FILES: f"{sum(host.done for host in hosts):,}",
        _FAILED: f"{failed:,}" if failed else "",
        _BYTES: human_size(sum(host.fetched for host in hosts)),
        _SPEED: human_rate(speed) if speed else "",
        _REASON: "",
    }
    return _cells(f"{len(hosts)} more", name, columns, cells, {_FAILED: "red"}, "dim")


def _cells(
    label: str,
    name: int,
    columns: Iterable[_Column],
    cells: dict[_Column, str],
    styles: dict[_Column, str],
    style: str = "",
) -> Text:
    made = Text(style=style, no_wrap=True, overflow="crop", end="")
    made.append(set_cell_size(ending(label, name), name))
    for column in columns:
        words = cells[column]
        if column is _REASON:
            words = set_cell_size(words, column.cells) if cell_len(words) > column.cells else words
        else:
            words = words.rjust(column.cells)
        made.append(f"  {words}", style=styles.get(column, ""))
    return made


def _totals(tally: Tally, layout: Layout, now: float) -> list[Text]:
    done, whole = share_of(tally)
    cells = {
        PERCENT: percent_of(tally),
        AMOUNT: human_size(tally.settled_bytes()),
        SPEED: human_rate(tally.speed(now)),
        LEFT: "",
    }
    if not tally.reading:
        cells[AMOUNT] += f"/{expected_of(tally)}"
    left = tally.seconds_left(now)
    if left is not None:
        cells[LEFT] = time_left(left, layout)
    style = "green" if whole is not None and done >= whole else "cyan"
    drawn = bar(done, whole, layout, now, style)
    return [
        row(count_of(tally), drawn, cells, layout, label_style="bold"),
        _facts(tally, layout.width),
    ]


def _facts(tally: Tally, width: int) -> Text:
    wrong, others = troubles_of(tally), facts_of(tally)
    made = Text(no_wrap=True, end="")
    made.append(f"{wrong}, " if wrong else "", style="red")
    made.append(others, style="dim")
    made.truncate(width, overflow="ellipsis")
    return made
