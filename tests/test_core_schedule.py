"""`--limit-rate` as it is written, and which rate holds when."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.schedule import DAYS, WHOLE_DAY, Rule, Schedule, parse_schedule
from segdl.core.size import parse_size, read_size
from segdl.errors import UsageError
from segdl.net.limiter import local_minute

if TYPE_CHECKING:
    from collections.abc import Iterator

PURE = settings(deadline=None, derandomize=True, max_examples=150)
K, M, G = 1024, 1024**2, 1024**3
MON, TUE, WED, THU, FRI, SAT, SUN = range(7)


@pytest.mark.parametrize(
    ("limit", "rate"),
    [
        (None, None),
        (0, None),
        ("0", None),
        ("unlimited", None),
        (" Unlimited ", None),
        (1, 1),
        (123_456, 123_456),
        ("1", 1),
        ("500K", 500 * K),
        ("500k", 500 * K),
        ("2M", 2 * M),
        ("1.5G", 1536 * M),
        ("0.5K", 512),
        ("2MiB", 2 * M),
    ],
)
def test_one_rate_at_all_times(limit: int | str | None, rate: int | None) -> None:
    schedule = parse_schedule(limit)
    assert {schedule.rate_at(day, minute) for day in range(7) for minute in (0, 719, 1439)} == {
        rate
    }
    assert schedule.limits is (rate is not None)


@pytest.mark.parametrize(
    ("limit", "day", "at", "rate"),
    [
        ("mon-fri 08:00-18:00=2M", MON, "07:59", None),
        ("mon-fri 08:00-18:00=2M", MON, "08:00", 2 * M),
        ("mon-fri 08:00-18:00=2M", FRI, "17:59", 2 * M),
        ("mon-fri 08:00-18:00=2M", FRI, "18:00", None),
        ("mon-fri 08:00-18:00=2M", SAT, "12:00", None),
        ("Mon-Fri 8:00-18:00=2M,10M", SAT, "12:00", 10 * M),
        ("10M, MON - FRI 08:00 - 18:00 = 2M", TUE, "12:00", 2 * M),
        # The first rule that holds counts.
        ("wed=1K,mon-fri=2K,3K", WED, "12:00", 1 * K),
        ("mon-fri=2K,wed=1K,3K", WED, "12:00", 2 * K),
        ("mon-fri=2K,wed=1K,3K", SUN, "12:00", 3 * K),
        # Every day, and round the end of the week.
        ("08:00-09:00=1K", SUN, "08:30", 1 * K),
        ("sat-mon=1K", SAT, "00:00", 1 * K),
        ("sat-mon=1K", MON, "23:59", 1 * K),
        ("sat-mon=1K", TUE, "00:00", None),
        # Over midnight: the day is the one on which it begins.
        ("fri 22:00-06:00=1K", FRI, "21:59", None),
        ("fri 22:00-06:00=1K", FRI, "22:00", 1 * K),
        ("fri 22:00-06:00=1K", SAT, "05:59", 1 * K),
        ("fri 22:00-06:00=1K", SAT, "06:00", None),
        ("fri 22:00-06:00=1K", FRI, "05:00", None),
        ("fri 22:00-06:00=1K", SAT, "22:00", None),
        ("sun 22:00-06:00=1K", MON, "03:00", 1 * K),
        ("22:00-06:00=1K", TUE, "03:00", 1 * K),
        ("22:00-24:00=1K", TUE, "23:59", 1 * K),
        ("22:00-24:00=1K", WED, "00:00", None),
        ("22:00-00:00=1K", TUE, "23:59", 1 * K),
        ("22:00-00:00=1K", WED, "00:00", None),
        # No limit within a rule.
        ("00:00-06:00=unlimited,1M", MON, "01:00", None),
        ("00:00-06:00=0,1M", MON, "06:00", 1 * M),
    ],
)
def test_rules(limit: str, day: int, at: str, rate: int | None) -> None:
    hour, minute = map(int, at.split(":"))
    assert parse_schedule(limit).rate_at(day, hour * 60 + minute) == rate


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        ("", "'' is not a rate"),
        ("fast", "'fast' is not a rate"),
        ("-1", "'-1' is not a rate"),
        ("2X", "'2X' is not a rate"),
        ("٣", "is not a rate"),
        ("9" * 400, "is not a rate"),
        ("0.0001", "is not a rate"),
        ("nan", "is not a rate"),
        ("1M,", "'' is not a rate"),
        ("1M,2M", "two rates that hold at all times"),
        ("mon=", "'' is not a rate"),
        ("=2M", "does not say when"),
        ("mon-=2M", "'mon-' does not say when"),
        ("mon tue=2M", "does not say when"),
        ("mon-fri 08:00=2M", "does not say when"),
        ("mon-fry=2M", "'fry' is not a day; days are mon, tue"),
        ("monday=2M", "'monday' is not a day"),
        ("08:00-25:00=2M", "'25:00' is not a time of day; from 00:00 to 24:00"),
        ("08:60-09:00=2M", "'08:60' is not a time of day"),
        ("8-18=2M", "'8' is not a time of day; write it as 08:00"),
        ("08:00:00-09:00=2M", "is not a time of day"),
        ("08:00-08:00=2M", "is no time"),
        ("24:00-08:00=2M", "is no time"),
        (-1, "not less than 0"),
        ("x\x1b[2J=1M", "does not say when"),
    ],
)
def test_what_makes_no_sense_is_refused(limit: int | str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_schedule(limit)
    assert says in str(caught.value)
    assert caught.value.hint
    assert "\x1b" not in str(caught.value)


@PURE
@given(st.text("mon-fri satu,=:0123456789KMG. \x00", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        schedule = parse_schedule(text)
    except UsageError:
        return
    assert isinstance(schedule, Schedule)


@st.composite
def rules(draw: st.DrawFn) -> tuple[str, Rule]:
    first, last = draw(st.integers(0, 6)), draw(st.integers(0, 6))
    begin = draw(st.integers(0, WHOLE_DAY - 1))
    end = draw(st.integers(0, WHOLE_DAY).filter(lambda end: end != begin))
    rate = draw(st.one_of(st.none(), st.integers(1, 10**9)))
    times = f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"
    text = f"{DAYS[first]}-{DAYS[last]} {times}={'unlimited' if rate is None else rate}"
    days = frozenset((first + day) % 7 for day in range((last - first) % 7 + 1))
    return text, Rule(days, begin, end, rate)


@PURE
@given(st.lists(rules(), min_size=1, max_size=4), st.integers(0, 7 * WHOLE_DAY - 1))
def test_a_week_is_as_if_its_minutes_were_painted(written: list[tuple[str, Rule]], at: int) -> None:
    week: dict[int, int | None] = {}
    for _, rule in reversed(written):
        length = (rule.end - rule.begin) % WHOLE_DAY or WHOLE_DAY
        for day in rule.days:
            begin = day * WHOLE_DAY + rule.begin
            week.update(
                (minute % (7 * WHOLE_DAY), rule.rate) for minute in range(begin, begin + length)
            )
    schedule = parse_schedule(",".join(text for text, _ in written) + ",777")
    assert schedule.rate_at(*divmod(at, WHOLE_DAY)) == week.get(at, 777)


@pytest.fixture
def central_europe(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # Without a data base of zones: forward on 28 March 2027 at 02:00, back on 31 October.
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone cannot be set here")
@pytest.mark.parametrize(
    ("night", "hours"),
    [
        (datetime(2027, 3, 27), 0),  # noqa: DTZ001 - of the local clock
        (datetime(2027, 6, 5), 1),  # noqa: DTZ001
        (datetime(2027, 10, 30), 2),  # noqa: DTZ001
    ],
)
def test_hours_are_those_of_the_wall_clock(
    central_europe: None, night: datetime, hours: int
) -> None:
    schedule = parse_schedule("sun 02:00-03:00=1K")
    noon = int((night + timedelta(hours=12)).timestamp())
    minutes = range(noon, noon + 24 * 3600, 60)
    limited = [schedule.rate_at(*local_minute(second)) for second in minutes].count(K)
    assert limited == hours * 60


def test_the_local_clock_is_now() -> None:
    before = time.time()
    seen = local_minute()
    assert seen in {local_minute(before), local_minute(time.time())}


def test_sizes() -> None:
    assert read_size("0") == 0
    assert read_size("1.5T") == 1536 * G
    assert read_size("8" * 21) is None
    assert read_size("4611686018427387904") is None
    for text in ("0", "", "1.M", "1e6", "٣K", "9" * 400, "-5K"):
        with pytest.raises(UsageError, match="is not a size"):
            parse_size(text)
