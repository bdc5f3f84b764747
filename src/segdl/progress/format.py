"""Numbers and texts as people read them. Units are 1024-based."""

from __future__ import annotations

from segdl.core.text import human_size, printable

__all__ = ["human_duration", "human_rate", "human_size", "percent", "printable"]


def human_rate(bytes_per_second: float) -> str:
    """Return a speed.

    Example:
        >>> human_rate(12_897_485)
        '12.3 MiB/s'
    """
    return f"{human_size(bytes_per_second)}/s"


def human_duration(seconds: float) -> str:
    """Return `seconds`, rounded to whole ones, as ``m:ss``, ``h:mm:ss`` or, from 100 h, in days.

    Example:
        >>> human_duration(42), human_duration(3723)
        ('0:42', '1:02:03')
    """
    minutes, second = divmod(max(0, int(seconds + 0.5)), 60)
    hours, minute = divmod(minutes, 60)
    if hours >= 100:
        return f"{hours // 24} days" if hours < 2400 else "99+ days"
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def percent(done: int, size: int) -> int:
    """Return how much of `size` is done, in whole percent: 100 only where all of it is.

    Example:
        >>> percent(999, 1000), percent(0, 0)
        (99, 100)
    """
    return 100 if done >= size else max(0, done * 100 // size)
