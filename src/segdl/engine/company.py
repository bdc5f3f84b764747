"""Files of one origin that are at work at once, and their number of connections."""

from __future__ import annotations

import threading
from collections.abc import Hashable

from segdl.core.ramp import Ramp, Sample, ramp_sample, ramp_start
from segdl.core.ramp_files import ramp_among, ramp_aside, share, together

_NOTHING = Sample(now=0.0, received=0, streaming=0)
_BEGUN = _NOTHING._replace(asked=1)


class Company:
    """Finds one number for all of them. `_lock` owns every field.

    Each file joins before it is at work, tells what it sees, and leaves. One that has no
    connection, as it waits for another try, is not reckoned with meanwhile.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ramp = ramp_start(1)
        # In the order in which they joined.
        self._last: dict[Hashable, Sample] = {}
        self._gone = _NOTHING

    @property
    def ramp(self) -> Ramp:
        """What is known of the origin by those at work."""
        with self._lock:
            return self._ramp

    def join(self, file: Hashable, most: int, known: int | None) -> None:
        """Count a file in.

        Args:
            file: whatever stands for it.
            most: connections that it never gets more of; the same for each.
            known: how many were found to pay before; None where nobody knows.
        """
        with self._lock:
            if not self._last:
                self._ramp, self._gone = ramp_start(most, known), _NOTHING
            self._last[file] = _BEGUN
            self._count()

    def restart(self, most: int, known: int) -> None:
        """Have those at work go on with so many, whatever was found before."""
        with self._lock:
            self._ramp = ramp_start(most, known)
            self._count()

    def leave(self, file: Hashable) -> None:
        """Count a file out, if it is one of them."""
        with self._lock:
            last = self._last.pop(file, None)
            if last is not None:
                self._gone = together([last], self._gone)
                self._count()

    def tell(self, file: Hashable, sample: Sample, *, heeded: bool) -> Ramp:
        """Take what a file sees of its own connections; return what is known now.

        Args:
            file: one that joined.
            sample: see there.
            heeded: whether files have as many connections as is said here. Where they do not,
                what comes tells nothing of the number.
        """
        with self._lock:
            self._last[file] = sample
            self._count()
            total = together(tuple(self._last.values()), self._gone)
            self._ramp = (ramp_sample if heeded else ramp_aside)(self._ramp, total)
            return self._ramp

    def share(self, file: Hashable) -> int:
        """Return how many connections one of them should have at work."""
        with self._lock:
            files = self._busy()
            if file not in files:
                files.append(file)
            return share(ramp_among(self._ramp, len(files)), files.index(file))

    def _busy(self) -> list[Hashable]:
        return [file for file, last in self._last.items() if last.streaming or last.asked]

    def _count(self) -> None:
        self._ramp = ramp_among(self._ramp, max(1, len(self._busy())))
