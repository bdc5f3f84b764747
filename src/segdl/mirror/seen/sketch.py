"""Quantiles of any number of figures, in bounded memory, whatever their order."""

from __future__ import annotations

import math
from collections.abc import Sequence

# Figures that share a bin differ by 2 % at most: what is told is off by 1 % at most.
_RATIO = math.log(1.02)
_LEAST, _MOST = 1e-6, 1e15


class Sketch:
    """Counts figures in bins whose bounds grow by a constant ratio.

    Attributes:
        count: how many figures there are.
        total: their sum.

    Example:
        >>> sketch = Sketch()
        >>> for figure in range(1, 1001):
        ...     sketch.add(figure)
        >>> round(sketch.quantile(0.5)), round(sketch.quantile(0.95))
        (497, 955)
    """

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self._bins: dict[int, int] = {}

    def add(self, figure: float) -> None:
        """Count a figure that is not negative."""
        place = math.floor(math.log(min(max(figure, _LEAST), _MOST)) / _RATIO)
        self._bins[place] = self._bins.get(place, 0) + 1
        self.count += 1
        self.total += figure

    def quantile(self, share: float) -> float | None:
        """Return the figure that `share` of them do not exceed; None where there are none."""
        wanted = max(1, math.ceil(share * self.count))
        for place in sorted(self._bins):
            wanted -= self._bins[place]
            if wanted <= 0:
                return math.exp((place + 0.5) * _RATIO)
        return None

    def up_to(self, bounds: Sequence[float]) -> list[int]:
        """Return how many figures do not exceed each of the ascending `bounds`."""
        return [
            sum(n for place, n in self._bins.items() if (place + 0.5) * _RATIO <= math.log(bound))
            for bound in bounds
        ]
