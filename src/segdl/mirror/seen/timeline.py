"""What happened when, in a bounded number of stretches of time."""

from __future__ import annotations

import math


class Timeline:
    """Sums of a figure by stretches of equal width, from 0 s on.

    Where time outgrows them, two stretches become one of twice the width.

    Attributes:
        width: seconds of a stretch.
        sums: the sum of each stretch that was reached.

    Example:
        >>> line = Timeline(most=4)
        >>> for second in range(5):
        ...     line.add(second, second + 1, 10)
        >>> line.width, line.sums
        (2.0, [20.0, 20.0, 10.0])
    """

    def __init__(self, most: int, width: float = 1.0) -> None:
        self._most = most
        self.width = width
        self.sums: list[float] = []

    def add(self, start: float, stop: float, figure: float) -> None:
        """Spread a figure evenly over the seconds from `start` to `stop`."""
        start = max(0.0, start)
        stop = max(start, stop)
        while stop > self._most * self.width:
            self.widen()
        first = min(int(start / self.width), self._most - 1)
        last = max(first, math.ceil(stop / self.width) - 1)
        if last >= len(self.sums):
            self.sums.extend([0.0] * (last + 1 - len(self.sums)))
        if first == last:
            self.sums[first] += figure
            return
        rate = figure / (stop - start)
        for place in range(first, last + 1):
            begins = max(start, place * self.width)
            ends = min(stop, (place + 1) * self.width)
            self.sums[place] += rate * max(0.0, ends - begins)

    def widen(self) -> None:
        """Make one of two stretches each."""
        self.width *= 2
        odd = [*self.sums, 0.0]
        self.sums = [sum(odd[at : at + 2]) for at in range(0, len(self.sums), 2)]
