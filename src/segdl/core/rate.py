"""How fast bytes may come: the arithmetic of a limit that several connections share.

A limit holds where bytes arrive, which is not where they are read: the kernel takes in what
its receive buffer holds before anybody asks. So a response is charged for what the server
*may send*: for its window when the request goes out, then for as much as was read, which is
what the window opens by. Beside what is paid for, a second may see

    0.05 of the rate    that is made up for after a late wake-up (`CATCH_UP`)
    0.05                in the read that goes beyond, and those under way (`_READS`)
    0.05                in windows that fill at once after a stall (`_WINDOWS`)

which is well below a quarter. More is possible where the windows have to be larger: on long
ways, or below the least sizes.
"""

from __future__ import annotations

from typing import NamedTuple

from segdl.core.credit import Credit

# Seconds of the rate that a pause leaves to be made up for.
CATCH_UP = 0.05
# Parts of a second's bytes, all connections together.
_READS = 0.05
_WINDOWS = 0.05
_LEAST_READ = 1024
# A TLS record comes whole or not at all: nothing smaller can be asked for.
TLS_RECORD = 16 * 1024
_LEAST_WINDOW = 4096
# What a kernel lets a connection take in at first.
KERNEL_WINDOW = 128 * 1024
# What the buffer that a head is read through takes in of the body.
_HEAD_BUFFER = 8 * 1024
# A connection carries a window a round trip, and with small packets half of that fits.
_ROUND_TRIPS = 4.0


class Bucket(NamedTuple):
    """What was let through and not yet paid for by time.

    Attributes:
        level: bytes; below 0 is what may be caught up.
        at: seconds, when that was so.
    """

    level: float = 0.0
    at: float = 0.0

    def at_time(self, now: float, rate: int | None) -> Bucket:
        """Return what is left of it at `now`, after `rate` bytes a second (None: no limit).

        Example:
            >>> Bucket(1000.0, at=0.0).at_time(2.0, rate=400)
            Bucket(level=200.0, at=2.0)
        """
        if rate is None:
            return Bucket(0.0, now)
        paid = rate * max(0.0, now - self.at)
        return Bucket(max(self.level - paid, -CATCH_UP * rate), now)

    def pause(self, rate: int) -> float:
        """Return the seconds until more may be let through.

        Example:
            >>> Bucket(200.0).pause(rate=400), Bucket(-5.0).pause(rate=400)
            (0.5, 0.0)
        """
        return self.level / rate if self.level >= 1 else 0.0

    def plus(self, count: int) -> Bucket:
        """Let `count` bytes through; fewer than 0 are given back."""
        return Bucket(self.level + count, self.at)


class Terms(NamedTuple):
    """What one connection gets.

    Attributes:
        rate: bytes a second of the whole run; None is no limit.
        share: the connection's part of it, above 0, at most 1.
    """

    rate: int | None
    share: float

    def read(self, *, tls: bool) -> int | None:
        """Return the most bytes for one read; None is no limit.

        Example:
            >>> Terms(2_000_000, 1 / 8).read(tls=False), Terms(2_000_000, 1 / 8).read(tls=True)
            (12500, 16384)
        """
        if self.rate is None:
            return None
        least = TLS_RECORD if tls else min(_LEAST_READ, self.rate // 4 + 1)
        return max(least, int(self.rate * self.share * _READS))

    def window(self, round_trip: float) -> int | None:
        """Return the bytes that may wait to be read; None is no limit.

        Args:
            round_trip: seconds to the server and back.

        Example:
            >>> Terms(2_000_000, 1 / 8).window(0.0), Terms(2_000_000, 1 / 8).window(0.1)
            (12500, 100000)
            >>> Terms(100_000, 1 / 8).window(0.0)
            4096
        """
        if self.rate is None:
            return None
        seconds = max(_WINDOWS, _ROUND_TRIPS * round_trip)
        return max(_LEAST_WINDOW, int(self.rate * self.share * seconds))

    def next_window(self, paid: int, round_trip: float, *, tls: bool) -> int:
        """Return the window from the next read on: it grows by no more than that may bring.

        Args:
            paid: bytes of the window that were charged.
            round_trip: seconds to the server and back.
            tls: as of `read`.

        Example:
            >>> Terms(2_000_000, 1 / 8).next_window(12_500, 0.1, tls=False)
            25000
        """
        wanted, step = self.window(round_trip), self.read(tls=tls)
        return paid if wanted is None or step is None else min(wanted, paid + step)

    def opening(self, *, tls: bool) -> Credit:
        """Return what the first bytes of a response are charged as.

        Example:
            >>> Terms(2_000_000, 1 / 8).opening(tls=False)
            Credit(with_head=6250, window=12500, ahead=None)
        """
        window = self.window(0.0)
        if window is None:
            return Credit(0, KERNEL_WINDOW)
        window = min(window, KERNEL_WINDOW)
        # At first a kernel offers half of what it will take in.
        return Credit(TLS_RECORD if tls else min(window // 2, _HEAD_BUFFER), window)

    def advance(self, *, tls: bool) -> int:
        """Return the bytes to charge before a request goes out.

        At most a second's: at a very low limit nothing would be read for minutes, else.

        Example:
            >>> Terms(2_000_000, 1 / 8).advance(tls=False), Terms(1000, 1 / 8).advance(tls=False)
            (18750, 1000)
        """
        return 0 if self.rate is None else min(self.opening(tls=tls).opening, self.rate)


class Claim(NamedTuple):
    """A place in the queue: whoever got least goes first, files before connections.

    Attributes:
        file: bytes that the connection's file got.
        connection: bytes that the connection got.
        number: tells connections apart.

    Example:
        >>> busy, idle = Claim(900, 100, 1), Claim(300, 300, 2)
        >>> min(busy, idle) is idle
        True
    """

    file: float
    connection: float
    number: int


def joining(got: float, others: float) -> float:
    """Return what someone who comes (back) to the queue counts as having got.

    Time spent elsewhere is not made up for: `others` is what those who stayed got.

    Example:
        >>> joining(100, 5000), joining(6000, 5000)
        (5000, 6000)
    """
    return max(got, others)
