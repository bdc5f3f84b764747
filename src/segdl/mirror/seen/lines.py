"""What of a mirror run deserves a line of its own; of what comes by the thousand, some."""

from __future__ import annotations

from collections import defaultdict

from segdl.core.text import counted, printable
from segdl.mirror.happenings import GaveUp, Happening, Lost, Paused, Round, Said, Taken
from segdl.mirror.seen.board import Board
from segdl.mirror.seen.hosts import MOST_HOSTS
from segdl.progress.events import Busy, Note

LEFT_OUT = "more such lines are left out: the log and the report have them"

# Lines of one kind that may come at once, and seconds after which one more may.
_BURST = 20
_REFILL = 6.0
# Seconds of a pause below which nobody wants to read of it.
_WORTH_A_LINE = 5.0
# Characters of a line.
_LONGEST = 1000


class Allowance:
    """Says what is too much: a burst is fine, and then one now and then.

    Example:
        >>> allowance = Allowance(burst=2, refill=10.0)
        >>> [allowance.take(now) for now in (0.0, 1.0, 2.0, 11.0, 12.0)]
        [True, True, False, True, False]
    """

    def __init__(self, burst: int = _BURST, refill: float = _REFILL) -> None:
        self._burst = float(burst)
        self._refill = refill
        self._left = float(burst)
        self._then = 0.0

    def take(self, now: float) -> bool:
        """Tell whether one more is fine at `now`, in seconds."""
        self._left = min(self._burst, self._left + max(0.0, now - self._then) / self._refill)
        self._then = max(now, self._then)
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Lines:
    """Makes lines of happenings. `pauses`: whether hosts that are paused get one."""

    def __init__(self, board: Board, *, pauses: bool) -> None:
        self._board = board
        self._pauses = pauses
        self._allowances: dict[type, Allowance] = defaultdict(Allowance)
        self._left_out: set[type] = set()
        self._paused_until: dict[str, float] = {}

    def of(self, happening: Happening) -> tuple[str, str] | None:
        """Return a line and its style; None where there is none to be written."""
        match happening:
            case Said(text=text):
                return printable(text, _LONGEST), ""
            case Round(number=number) if number > 1:
                return f"round {number}: the list is read again", ""
            case GaveUp(host=host, files=files, message=message):
                waiting = f"{counted(files, 'file')} wait{'s' if files == 1 else ''}"
                line = f"{host} is given up: {waiting} for the next run: {message}"
                return printable(line, _LONGEST), "red"
            case Lost(path=path, message=message, hint=hint):
                # Most messages name the file, or its URL.
                words = message if path in message else f"{path}: {message}"
                return self._some(Lost, f"failed: {words}{hint and f'; {hint}'}", "red")
            case Paused(host=host, seconds=seconds, reason=reason) if self._pauses:
                return self._pause(host, seconds, reason)
            case Busy(file=file, status=status, seconds=seconds) if self._pauses:
                taken = self._taken(file)
                host = taken.host if taken else ""
                return self._pause(host, seconds, f"the server answered {status}")
            case Note(file=file, text=text):
                taken = self._taken(file)
                return self._some(Note, f"{taken.path}: {text}" if taken else text, "")
            case _:
                return None

    def _taken(self, file: int) -> Taken | None:
        """Return what a file is, as long as it is at work."""
        with self._board.read() as (tally, _):
            work = tally.work.get(file)
            return work.taken if work else None

    def _pause(self, host: str, seconds: float, reason: str) -> tuple[str, str] | None:
        """Tell of a pause that begins, not of each answer that makes it longer."""
        now = self._board.now
        if not host or seconds < _WORTH_A_LINE or now < self._paused_until.get(host, now):
            return None
        if len(self._paused_until) >= MOST_HOSTS:
            self._paused_until.clear()
        self._paused_until[host] = now + seconds
        return self._some(Paused, f"{host} is paused for {seconds:.0f} s: {reason}", "")

    def _some(self, kind: type, line: str, style: str) -> tuple[str, str] | None:
        if self._allowances[kind].take(self._board.now):
            return printable(line, _LONGEST), style
        if kind not in self._left_out:
            self._left_out.add(kind)
            return LEFT_OUT, "dim"
        return None
