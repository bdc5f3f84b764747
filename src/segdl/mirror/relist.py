"""Whether a list has to be read again, once its files are here, to know that it is as it was."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Generator
from typing import TypeAlias

from segdl.engine.run import Run
from segdl.mirror.listing import Found
from segdl.mirror.options import MirrorOptions
from segdl.mirror.profiles import Profiles
from segdl.mirror.walk import walk

# Device, number, size, nanoseconds since 1970 of its last change and of its attributes' last.
_Identity: TypeAlias = tuple[int, int, int, int, int]


class Listing:
    """The list of a mirror, which is read anew for each round. One thread at a time uses it.

    Args:
        run: the surroundings.
        options: the mirror.
        say: takes lines for the operator, from any threads at once.
    """

    def __init__(self, run: Run, options: MirrorOptions, say: Callable[[str], None]) -> None:
        self._run = run
        self._options = options
        self._say = say
        self._profiles = Profiles(options.hosts, options.listing.source, say)
        self._before: _Identity | None = None
        self._leads_on = False

    def read(self) -> Generator[Found, None, None]:
        """Yield what it names, as :func:`segdl.mirror.walk.walk` does."""
        self._before, self._leads_on = self._identity(), False
        options = self._options
        yield from walk(
            self._run,
            options.listing,
            self._say,
            profiles=self._profiles,
            on_further=self._lead_on,
        )

    def has_to_be_read_again(self) -> bool:
        """Tell whether only reading it tells that it is as it was, and that can be done.

        What comes by a pipe can be read one time only. A file of its own need not be where
        nothing of it changed, as far as its file system tells.
        """
        source = self._options.listing.source
        if "://" in source or self._leads_on:
            return True
        if source == "-" or (os.path.exists(source) and not os.path.isfile(source)):
            return False
        return self._before is None or self._before != self._identity()

    def _lead_on(self) -> None:
        self._leads_on = True

    def _identity(self) -> _Identity | None:
        source = self._options.listing.source
        try:
            told = os.stat(source)
        except OSError:
            return None
        if not stat.S_ISREG(told.st_mode):
            return None
        return told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns
