"""The value in the middle."""

from __future__ import annotations

from collections.abc import Sequence


def median(values: Sequence[float]) -> float | None:
    """Return the value in the middle; None where there are none.

    Example:
        >>> median([9.0, 1.0, 2.0]), median([1.0, 2.0]), median([])
        (2.0, 1.5, None)
    """
    # Importing the library's takes longer than a small file does.
    ordered, half = sorted(values), len(values) // 2
    if not ordered:
        return None
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
