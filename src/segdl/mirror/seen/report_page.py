"""A mirror's report as one page: nothing in it comes from elsewhere, and nothing in it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from segdl.charts.page import details, document, facts, figure, items, legend, safe, table
from segdl.core.causes import CAUSES
from segdl.core.text import counted
from segdl.mirror.happenings import Lost
from segdl.mirror.seen.failures_list import NAME, failures_list
from segdl.mirror.seen.plots import (
    bytes_over_time,
    files_over_time,
    speeds_by_host,
    waits_by_host,
)
from segdl.mirror.seen.report import Host, Report
from segdl.progress.format import human_duration, human_rate, human_size

# Failures in the table, and in the list below it; the file that is written has all.
_MOST_ROWS = 200
_MOST_LISTED = 1_000


def page(report: Report) -> str:
    """Return the page: HTML with pictures in it, for light and dark."""
    return document(f"{report.name} - segdl mirror", _body(report))


def _body(report: Report) -> Iterator[str]:
    yield f'<header><p class="what">segdl mirror</p><h1>{safe(report.name)}</h1>'
    yield f'<p class="where">{safe(report.source)}</p></header>'
    kind = "good" if report.outcome == "equal" else "bad"
    yield f'<section class="finding {kind}"><p>{safe(finding(report))}</p>'
    yield f"{items(_remarks(report))}</section>"
    yield facts(_facts(report))
    yield from _throughput(report)
    yield from _hosts(report)
    yield from _troubles(report)
    if report.verified:
        bars = _bars(("files by digest", "files", ""), _verified(report))
        yield f"<section><h2>What was verified</h2>{bars}</section>"
    yield from _failures(report)
    if report.notes.lines:
        yield f"<section><h2>What was said</h2>{_notes(report)}</section>"
    yield f'<footer class="small">Made by segdl {safe(report.segdl)}, {safe(report.ended)}</footer>'


_CAPTION_BYTES = "Bytes that came over the network, a second, of all hosts."
_CAPTION_FILES = "Files that were done, a second."
_CAPTION_SPEEDS = (
    "The speed of a file is its bytes by the time from its first request to its end. Half of "
    "the files were no faster than p50, and one in twenty was faster than p95. Files that were "
    "here, unchanged or linked do not count."
)
_CAPTION_WAITS = (
    "Nothing is asked of a host that answered 429 or 503, or does not answer, until its time has "
    "come. A column is as high as the share of that stretch of time."
)
_HOSTS_HEAD = ("", "files", "failed", "bytes", "requests", "p50", "p95", "p50, s", "p95, s")
_WAITS_HEAD = ("", "retries", "429", "503", "pauses", "paused", "wait for the next run")


def finding(report: Report) -> str:
    """Return what came of the run, in a sentence."""
    files = report.files
    if report.outcome == "equal":
        if not files.listed:
            return "The list names no files."
        if files.listed == 1:
            return "The one file is as the list has it."
        return f"All {files.listed:,} files are as the list has them."
    whole = files.kept + files.fetched + files.unchanged + files.linked + files.repaired
    words = f"{whole:,} of {files.listed:,} files are as the list has them"
    if report.outcome == "interrupted":
        return f"Interrupted: {words}. The next run goes on from here."
    wrong = [f"{files.failed:,} failed" if files.failed else ""]
    wait = "waits" if files.put_off == 1 else "wait"
    wrong.append(f"{files.put_off:,} {wait} for the next run" if files.put_off else "")
    told = ", ".join(filter(None, wrong))
    return f"{words}; {told}." if told else f"{words}, but not all went well."


def _remarks(report: Report) -> Iterator[str]:
    if not report.list_complete:
        yield "The list could not be read to its end: nothing was deleted."
    if report.rounds > 1:
        yield f"The list was read {report.rounds} times."
    if report.files.removed:
        removed = counted(report.files.removed, "file")
        were = "was" if report.files.removed == 1 else "were"
        yield f"{removed} that the list no longer has {were} removed."


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    files, size = report.files, report.bytes
    brief = report.seconds < 60
    yield "time", f"{report.seconds:.1f} s" if brief else human_duration(report.seconds)
    yield "files fetched", f"{files.fetched + files.repaired:,}"
    yield "over the network", human_size(size.fetched)
    yield "on average", human_rate(report.bytes_per_second)
    yield "were here already", f"{files.kept:,}"
    for count, name in ((files.unchanged, "unchanged"), (files.linked, "linked or moved")):
        if count:
            yield name, f"{count:,}"
    yield "requests", f"{report.requests:,}"


def _throughput(report: Report) -> Iterator[str]:
    pictures = []
    if any(report.throughput.bytes):
        pictures.append((bytes_over_time(report), _CAPTION_BYTES))
    if any(report.throughput.files):
        pictures.append((files_over_time(report), _CAPTION_FILES))
    if pictures:
        yield "<section><h2>Throughput over time</h2>"
        for picture, caption in pictures:
            yield figure(f'<div class="wide big">{picture}</div>', caption)
        yield "</section>"


def _hosts(report: Report) -> Iterator[str]:
    if not report.hosts:
        return
    yield "<section><h2>Hosts</h2>"
    if speeds := speeds_by_host(report):
        yield legend(("p50", "p95"))
        yield figure(f'<div class="wide big">{speeds}</div>', _CAPTION_SPEEDS)
    yield table(_HOSTS_HEAD, map(_host_row, report.hosts), "numbers")
    yield "</section>"


def _host_row(host: Host) -> list[str]:
    speed, took = host.speed, host.seconds
    return [
        safe(host.host),
        f"{host.done:,}",
        _some(host.failed),
        human_size(host.fetched),
        f"{host.requests:,}",
        human_rate(speed.p50) if speed else "",
        human_rate(speed.p95) if speed else "",
        f"{took.p50:.2f}" if took else "",
        f"{took.p95:.2f}" if took else "",
    ]


def _wait_row(host: Host) -> list[str]:
    return [
        safe(host.host),
        _some(sum(host.retries.values())),
        _some(host.answers_429),
        _some(host.answers_503),
        _some(host.pauses),
        human_duration(host.paused_seconds) if host.pauses else "",
        _some(host.put_off),
    ]


def _troubles(report: Report) -> Iterator[str]:
    yield "<section><h2>Retries by cause</h2>"
    if report.retries:
        causes = sorted(report.retries.items(), key=lambda each: -each[1])
        yield _bars(("cause", "times", ""), [(CAUSES[cause], times) for cause, times in causes])
    else:
        yield '<p class="small">Nothing had to be asked for twice.</p>'
    yield "</section><section><h2>Waits</h2>"
    if waits := waits_by_host(report):
        yield figure(f'<div class="wide big">{waits}</div>', _CAPTION_WAITS)
    else:
        yield '<p class="small">No host was paused.</p>'
    troubled = [host for host in report.hosts if host.retries or host.pauses or host.put_off]
    if troubled:
        yield table(_WAITS_HEAD, map(_wait_row, troubled), "numbers")
    yield "</section>"


def _verified(report: Report) -> list[tuple[str, int]]:
    names = {"none": "no digest: size and validators only"}
    found = sorted(report.verified.items(), key=lambda each: -each[1])
    return [(names.get(name, name), count) for name, count in found]


def _bars(head: tuple[str, str, str], rows: Iterable[tuple[str, int]]) -> str:
    counted = list(rows)
    most = max((count for _, count in counted), default=1)
    return table(
        head,
        (
            [
                safe(name),
                f"{count:,}",
                f'<div class="bar c0" style="width:{100 * count / most:.1f}%"></div>',
            ]
            for name, count in counted
        ),
    )


def _failures(report: Report) -> Iterator[str]:
    failures = report.failures
    yield "<section><h2>Failures</h2>"
    if not failures.count:
        yield '<p class="small">None.</p></section>'
        return
    shown = failures.files[:_MOST_ROWS]
    yield table(("file", "host", "what happened"), map(_failure_row, shown), "told")
    more = failures.count - len(shown)
    if more:
        yield f'<p class="small">And {more:,} more.</p>'
    listed = "".join(failures_list(report, most=_MOST_LISTED))
    # Line ends are to stay; all else that could steer is gone from the list already.
    lines = "\n".join(map(safe, listed.splitlines()))
    yield details(f"As a list for segdl -i ({NAME})", f"<pre>{lines}</pre>")
    yield "</section>"


def _failure_row(lost: Lost) -> list[str]:
    words = f"{lost.message}; {lost.hint}" if lost.hint else lost.message
    return [
        safe(lost.path),
        safe(lost.host),
        safe(words),
    ]


def _notes(report: Report) -> str:
    lines = list(report.notes.lines)
    if report.notes.left_out:
        lines.append(f"and {report.notes.left_out:,} lines more")
    return details(f"{len(report.notes.lines):,} lines", items(lines))


def _some(count: int) -> str:
    return f"{count:,}" if count else ""
