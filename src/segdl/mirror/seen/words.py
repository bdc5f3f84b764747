"""What the figures of a run are called where people read them."""

from __future__ import annotations

from segdl.mirror.seen.tally import Tally
from segdl.progress.format import human_duration, human_rate, human_size, percent


def share_of(tally: Tally) -> tuple[int, int | None]:
    """Return how much is through, of how much: bytes, or files where the list lacks sizes.

    How much there is is None until the list was read.
    """
    if tally.reading:
        return 0, None
    if tally.expected_bytes() and tally.files_left() and not tally.unsized:
        # Sizes are what the list says: only files tell that all is done.
        expected = tally.expected_bytes()
        return min(tally.settled_bytes(), expected - 1), expected
    return tally.listed.files - tally.files_left(), tally.listed.files


def percent_of(tally: Tally) -> str:
    """Return how much is through, in percent; empty until the list was read."""
    done, whole = share_of(tally)
    return "" if whole is None else f"{percent(done, whole)}%"


def expected_of(tally: Tally) -> str:
    """Return how many bytes there are; with ``~`` where some sizes are guessed."""
    return f"{'~' if tally.unsized else ''}{human_size(tally.expected_bytes())}"


def count_of(tally: Tally) -> str:
    """Return how many files are through, of how many."""
    return f"{tally.listed.files - tally.files_left():,} of {tally.listed.files:,} files"


def troubles_of(tally: Tally) -> str:
    """Return how many files are not what they should be; empty where all are."""
    facts = [_some(tally.failed, "failed"), _some(tally.put_off, "put off")]
    return ", ".join(filter(None, facts))


def facts_of(tally: Tally) -> str:
    """Return what else is known."""
    facts = [
        f"{len(tally.work)} at work",
        _some(tally.kept.files, "were here already"),
        _some(tally.done["unchanged"], "unchanged"),
        _some(tally.done["linked"], "linked"),
        _some(tally.done["repaired"], "repaired"),
        _some(tally.removed.files, "removed"),
        _some(sum(tally.retries.values()), "retries"),
        f"round {tally.round}" if tally.round > 1 else "",
        "the list is being read" if tally.reading else "",
    ]
    return ", ".join(filter(None, facts))


def status_line(tally: Tally, now: float) -> str:
    """Return one line that tells how far a run is."""
    size = human_size(tally.settled_bytes())
    if not tally.reading:
        size += f" of {expected_of(tally)}"
    left = tally.seconds_left(now)
    facts = [
        f"{percent_of(tally)} done" if percent_of(tally) else "",
        count_of(tally),
        size,
        human_rate(tally.speed(now)),
        "" if left is None else f"{human_duration(left)} left",
        troubles_of(tally),
        facts_of(tally),
        _paused(tally, now),
    ]
    return ", ".join(filter(None, facts))


def summary(tally: Tally, now: float) -> str:
    """Return one line that says what came of a run.

    Example:
        >>> summary(Tally(), 3.0)
        '0 of 0 files, 0 B fetched in 0:03'
    """
    got = f"{human_size(tally.fetched)} fetched in {human_duration(now)}"
    if tally.fetched and now > 0:
        got += f", {human_rate(tally.fetched / now)}"
    # What an earlier round did may not be listed any more.
    whole = min(tally.kept.files + tally.files_done, tally.named.files)
    facts = [
        f"{whole:,} of {tally.named.files:,} files",
        got,
        troubles_of(tally),
        _some(tally.kept.files, "were here already"),
        _some(tally.done["unchanged"], "unchanged"),
        _some(tally.done["linked"], "linked"),
        _some(tally.done["repaired"], "repaired"),
        _some(tally.removed.files, "removed"),
    ]
    return ", ".join(filter(None, facts))


def _paused(tally: Tally, now: float) -> str:
    hosts = [host.name for host in tally.hosts.all(now) if host.paused_until > now]
    more = f" and {len(hosts) - 3} more" if len(hosts) > 3 else ""
    return f"paused: {' '.join(hosts[:3])}{more}" if hosts else ""


def _some(count: int, what: str) -> str:
    return f"{count:,} {what}" if count else ""
