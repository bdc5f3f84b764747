"""Make docs/progress.svg and docs/bench.svg from real runs: a throttled server, a pseudo-terminal.

    python benchmarks/screenshot.py

Nothing is retouched; of `segdl bench` the command lines, which come last, are cut off.

Needs the `test` dependency group (pyte draws what the terminal would show).
"""

from __future__ import annotations

import fcntl
import os
import pty
import random
import select
import struct
import sys
import tempfile
import termios
import time
from html import escape
from pathlib import Path

import pyte

from segdl.bench.server import throttled_server

COLUMNS, LINES = 92, 10
SECONDS = 4.0
DOCS = Path(__file__).parent.parent / "docs"
_COLOURS = {
    "default": "#d6deeb",
    "black": "#45506b",
    "red": "#ef5350",
    "green": "#7fdb8e",
    "brown": "#e5c07b",
    "blue": "#82aaff",
    "magenta": "#c792ea",
    "cyan": "#7fdbca",
    "white": "#ffffff",
}
_WIDTH, _HEIGHT = 8.4, 18


def main() -> None:
    progress()
    bench()


def progress() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "debian-12-amd64.iso")
        file.write_bytes(random.Random(0).randbytes(1 << 20) * 48)
        with throttled_server(file, 1_100_000) as url:
            screen = _run([sys.executable, "-m", "segdl", "-d", folder + "/got", url], SECONDS)
    picture = _draw(screen, LINES, "segdl https://…/debian-12-amd64.iso")
    (DOCS / "progress.svg").write_text(picture, encoding="utf-8")


def bench() -> None:
    screen = _run([sys.executable, "-m", "segdl", "bench", "-q"], 600.0, lines=30)
    shown = next(n for n, line in enumerate(screen.display) if line.startswith("segdl get"))
    (DOCS / "bench.svg").write_text(_draw(screen, shown - 1, "segdl bench"), encoding="utf-8")


def _run(command: list[str], seconds: float, *, lines: int = LINES) -> pyte.Screen:
    """Run a command on a terminal, for so long at most, and return what it shows then."""
    screen = pyte.Screen(COLUMNS, lines)
    stream = pyte.ByteStream(screen)
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS=str(COLUMNS), LINES=str(lines))
        os.execv(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, COLUMNS, 0, 0))
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                stream.feed(os.read(terminal, 65536))
            except OSError:
                # It has ended.
                break
    os.kill(child, 9)
    os.waitpid(child, 0)
    os.close(terminal)
    return screen


def _draw(screen: pyte.Screen, lines: int, command: str) -> str:
    """Return a picture of the first lines of a screen, and of the command that made them."""
    width, height = COLUMNS * _WIDTH + 24, lines * _HEIGHT + 62
    rows = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" '
        'font-family="ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace" font-size="14">',
        f'<rect width="{width:.0f}" height="{height}" rx="8" fill="#0b1526"/>',
        *(
            f'<circle cx="{20 + 18 * index}" cy="16" r="5" fill="{colour}"/>'
            for index, colour in enumerate(("#ef5350", "#e5c07b", "#7fdb8e"))
        ),
        f'<text x="12" y="46" fill="{_COLOURS["green"]}">$ '
        f'<tspan fill="{_COLOURS["default"]}">{escape(command)}</tspan></text>',
    ]
    for line in range(lines):
        for start, text, colour in _runs(screen, line):
            x, y = 12 + start * _WIDTH, 46 + (line + 1) * _HEIGHT
            rows.append(
                f'<text x="{x:.1f}" y="{y}" fill="{colour}" xml:space="preserve" '
                f'textLength="{len(text) * _WIDTH:.1f}">{escape(text)}</text>'
            )
    return "\n".join([*rows, "</svg>", ""])


def _runs(screen: pyte.Screen, line: int) -> list[tuple[int, str, str]]:
    """Return the text of a line in pieces of one colour: column, text, colour."""
    pieces: list[tuple[int, str, str]] = []
    for column in range(COLUMNS):
        cell = screen.buffer[line][column]
        colour = _COLOURS.get(cell.fg) or (f"#{cell.fg}" if len(cell.fg) == 6 else "#d6deeb")
        if pieces and pieces[-1][2] == colour:
            start, text, _ = pieces[-1]
            pieces[-1] = (start, text + cell.data, colour)
        else:
            pieces.append((column, cell.data, colour))
    return [piece for piece in pieces if piece[1].strip()]


if __name__ == "__main__":
    main()
