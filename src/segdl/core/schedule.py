"""Which limit is in force when: what `--limit-rate` says, read and looked up.

A time is one of the wall's clock, local to the machine: a rule for 02:00-03:00 holds for two
hours on the night when clocks go back, and not at all on the one when they go forward.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from segdl.core.size import read_size
from segdl.core.text import printable
from segdl.errors import UsageError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WHOLE_DAY = 24 * 60

_HINT = "write it as 2M, or as 'mon-fri 08:00-18:00=2M,sat=500K,unlimited'"
_WHEN = re.compile(r"(?:([a-z]+)(?:\s*-\s*([a-z]+))?)?\s*(?:([0-9:]+)\s*-\s*([0-9:]+))?", re.ASCII)


class Rule(NamedTuple):
    """A limit and when it holds.

    Attributes:
        days: on which it begins; Monday is 0.
        begin: minute of the day.
        end: minute of the day, not in it; of the next day where it is not behind `begin`.
        rate: bytes a second; None is no limit.
    """

    days: frozenset[int]
    begin: int
    end: int
    rate: int | None

    def holds(self, weekday: int, minute: int) -> bool:
        """Tell whether it is in force.

        Example:
            >>> night = Rule(frozenset({4}), 22 * 60, 6 * 60, None)  # Friday 22:00 to 06:00
            >>> night.holds(4, 22 * 60), night.holds(5, 5 * 60), night.holds(4, 5 * 60)
            (True, True, False)
        """
        if self.begin < self.end:
            return weekday in self.days and self.begin <= minute < self.end
        evening = weekday in self.days and minute >= self.begin
        return evening or ((weekday - 1) % 7 in self.days and minute < self.end)


class Schedule(NamedTuple):
    """Limits over the week.

    Attributes:
        rules: the first that holds counts.
        otherwise: bytes a second where none holds; None is no limit.
    """

    rules: tuple[Rule, ...] = ()
    otherwise: int | None = None

    @property
    def limits(self) -> bool:
        """Whether there is ever a limit."""
        return self.otherwise is not None or any(rule.rate is not None for rule in self.rules)

    def rate_at(self, weekday: int, minute: int) -> int | None:
        """Return the bytes a second that are allowed; None is no limit.

        Args:
            weekday: Monday is 0.
            minute: of the day, from 0.
        """
        for rule in self.rules:
            if rule.holds(weekday, minute):
                return rule.rate
        return self.otherwise


def parse_schedule(limit: int | str | None) -> Schedule:
    """Read a limit: bytes a second, or ``[DAYS] [HH:MM-HH:MM]=RATE`` rules and a bare rate.

    Rules are separated by commas, and the first that holds counts; the bare rate holds where
    no rule does. ``0`` and ``unlimited`` are no limit.

    Raises:
        UsageError: it makes no sense.

    Example:
        >>> parse_schedule("2M").rate_at(0, 0)
        2097152
        >>> office = parse_schedule("mon-fri 08:00-18:00=2M, 10M")
        >>> [office.rate_at(day, 9 * 60) for day in (4, 5)]
        [2097152, 10485760]
    """
    if limit is None:
        return Schedule()
    if isinstance(limit, int):
        if limit < 0:
            raise UsageError(f"a rate is not less than 0: {limit}", hint=_HINT)
        return Schedule(otherwise=limit or None)
    rules: list[Rule] = []
    bare: list[int | None] = []
    for text in limit.split(","):
        when, equals, rate = text.rpartition("=")
        if equals:
            rules.append(_rule(when.strip().lower(), _rate(rate)))
        else:
            bare.append(_rate(text))
    if len(bare) > 1:
        raise UsageError("two rates that hold at all times", hint=_HINT)
    return Schedule(tuple(rules), bare[0] if bare else None)


def _rate(text: str) -> int | None:
    if text.strip().lower() == "unlimited":
        return None
    rate = read_size(text)
    if rate is None or (rate == 0 and text.strip() != "0"):
        raise UsageError(f"{printable(text.strip(), 40)!r} is not a rate", hint=_HINT)
    return rate or None


def _rule(when: str, rate: int | None) -> Rule:
    parts = _WHEN.fullmatch(when)
    if parts is None or not when:
        raise UsageError(f"{printable(when, 40)!r} does not say when a rate holds", hint=_HINT)
    first, last, begins, ends = parts.groups()
    begin, end = (_minute(begins), _minute(ends)) if begins else (0, WHOLE_DAY)
    if begin in {end, WHOLE_DAY}:
        raise UsageError(f"{begins}-{ends} is no time: it ends where it begins", hint=_HINT)
    return Rule(_days(first, last), begin, end, rate)


def _days(first: str | None, last: str | None) -> frozenset[int]:
    if first is None:
        return frozenset(range(7))
    begin = _day(first)
    count = (_day(last or first) - begin) % 7 + 1
    return frozenset((begin + day) % 7 for day in range(count))


def _day(name: str) -> int:
    if name not in DAYS:
        known = f"days are {', '.join(DAYS)}"
        raise UsageError(f"{printable(name, 40)!r} is not a day", hint=known)
    return DAYS.index(name)


def _minute(text: str) -> int:
    hours, _, minutes = text.partition(":")
    if not (re.fullmatch("[0-9]{1,2}", hours) and re.fullmatch("[0-9]{2}", minutes)):
        raise UsageError(f"{printable(text, 40)!r} is not a time of day", hint="write it as 08:00")
    minute = int(hours) * 60 + int(minutes)
    if int(minutes) >= 60 or minute > WHOLE_DAY:
        raise UsageError(f"{text!r} is not a time of day", hint="from 00:00 to 24:00")
    return minute
