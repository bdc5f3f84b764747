"""Whether a list has to be read again, once its files are here, to know that it is as it was."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from typing import TypeAlias

from segdl.engine.run import Run
from segdl.errors import CancelledError, SegdlError
from segdl.mirror.documents import Documents, Kept
from segdl.mirror.fetcher import AT_ONCE, Asked, Fetcher
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
        self._documents = Documents()

    def read(self) -> Generator[Found, None, None]:
        """Yield what it names, as :func:`segdl.mirror.walk.walk` does."""
        self._before, self._documents = self._identity(), Documents()
        options = self._options
        yield from walk(
            self._run,
            options.listing,
            self._say,
            profiles=self._profiles,
            documents=self._documents,
        )

    def has_to_be_read_again(self) -> bool:
        """Tell whether only reading it tells that it is as it was, and that can be done.

        What comes by a pipe can be read one time only. A file of its own need not be where
        nothing of it changed, as far as its file system tells; nor what comes from servers, where
        every byte of it comes as it did before. What robots.txt said holds for the whole run (RFC
        9309, 2.4).

        Raises:
            CancelledError: the run is to end.
        """
        source = self._options.listing.source
        if "://" not in source:
            if source == "-" or (os.path.exists(source) and not os.path.isfile(source)):
                return False
            if self._before is None or self._before != self._identity():
                return True
        return not (self._documents.complete and self._come_as_before())

    def _come_as_before(self) -> bool:
        """Tell whether all documents are as they were; who reads them tells why they are not."""
        kept, delay = self._documents.kept, self._documents.delay
        if delay and len(kept) > 1:
            self._say(f"{len(kept)} pages are looked at again, one every {delay:g} s")
        # Who reads them anew has patience with their server.
        run = self._run._replace(transfer=replace(self._run.transfer, retries=1))
        asked = deque[tuple[Kept, Asked]]()
        with closing(Fetcher(run, self._options.listing, self._say, self._profiles)) as fetcher:
            fetcher.heed(delay)
            for document in kept:
                asked.append((document, fetcher.ask(document.asked)))
                if len(asked) == AT_ONCE and not _comes_as_before(fetcher, *asked.popleft()):
                    return False
            return all(_comes_as_before(fetcher, *each) for each in asked)

    def _identity(self) -> _Identity | None:
        source = self._options.listing.source
        try:
            told = os.stat(source)
        except OSError:
            return None
        if not stat.S_ISREG(told.st_mode):
            return None
        return told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns


def _comes_as_before(fetcher: Fetcher, document: Kept, asked: Asked) -> bool:
    try:
        with closing(fetcher.take(asked)) as opened:
            return document == Kept(document.asked, opened.document.url, opened.digest)
    except CancelledError:
        raise
    except SegdlError:
        return False
