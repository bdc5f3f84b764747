"""Documents of any size, one version and whole, into a file that nobody sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

from segdl.core.identity import Match, Version, compare
from segdl.core.spans import OPEN, Span
from segdl.core.url import Location
from segdl.engine.contact import Contact
from segdl.engine.contacts import Contacts
from segdl.engine.run import Run
from segdl.errors import NetworkError, RemoteChangedError, ServerError
from segdl.net.source import Source

_CHUNK = 1024 * 1024
_MOST_CHANGES = 3
# Seconds within which nobody overwrites what is being sent, and nobody need be asked again.
_MOMENT = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What came.

    Attributes:
        location: the URL that answered, after redirects.
        version: what its server says of it.
        size: bytes.
        framed: whether its end was told from a connection that broke.
    """

    location: Location
    version: Version
    size: int
    framed: bool


class _AnotherError(Exception):
    """What comes is of another version than what is held."""


def receive(run: Run, source: Source, number: int, out: IO[bytes], most: int) -> Received:
    """Write a document to `out`, whatever breaks meanwhile.

    Where a connection breaks, it goes on from there if its server can prove that it still
    has the same version; else it begins anew.

    Args:
        run: the surroundings.
        source: where it is.
        number: the file that it is about, for events.
        out: an empty file that can be cut; where this fails it has rubbish in it.
        most: bytes that it may have.

    Raises:
        NetworkError: no connection lasted within the retries.
        RemoteChangedError: it changes faster than it comes.
        ServerError: the server says no, or sends more than `most`.
        SegdlError: the server cannot be asked.
    """
    return _Receiving(run, source, number, out, most).all()


class _Receiving:
    """One document on its way. One thread uses it."""

    def __init__(self, run: Run, source: Source, number: int, out: IO[bytes], most: int) -> None:
        self._run = run
        self._source = source
        self._contacts = Contacts(run, source, number)
        self._out = out
        self._most = most
        self._size = 0
        self._version = Version()
        self._began = run.clock()

    def all(self) -> Received:
        tries = changes = 0
        while True:
            if not self._resumable:
                self._begin_anew()
            before = self._size
            # It had its tries already: what follows counts connections that did not last.
            contact = self._contacts.make(Span(before, OPEN) if before else None)
            try:
                return self._attempt(contact)
            except NetworkError:
                # Only bytes that need not come again are progress.
                kept = self._resumable and self._size > before
                tries = 1 if kept and not self._contacts.crawled else tries + 1
                if tries >= max(1, self._run.transfer.retries):
                    raise
                self._run.sleep(self._run.backoff(tries))
            except _AnotherError:
                changes += 1
                if changes >= _MOST_CHANGES:
                    raise RemoteChangedError(
                        f"{self._source.asked}: it keeps changing while it is fetched",
                        hint="try again when it has settled",
                    ) from None
                self._begin_anew()

    @property
    def _resumable(self) -> bool:
        return self._version.strong_etag is not None

    def _begin_anew(self) -> None:
        self._out.seek(0)
        self._out.truncate()
        self._size = 0
        self._began = self._run.clock()

    def _attempt(self, contact: Contact) -> Received:
        try:
            if contact.accept.start == 0:
                self._begin_anew()
                self._version = contact.version
            elif compare(self._version, contact.version) is not Match.SAME:
                raise _AnotherError
            framed = contact.framed
            whole = self._take(contact)
            if self._version.size not in {None, self._size}:
                raise NetworkError(f"{self._source.asked}: connection closed early")
            location = contact.location
            if whole:
                contact.finish()
        finally:
            contact.release()
        self._confirm(contact)
        return Received(location=location, version=self._version, size=self._size, framed=framed)

    def _take(self, contact: Contact) -> bool:
        """Take the body; tell whether it was read to its end."""
        if contact.accept.stop == 0:
            # The body of an answer that tells of an empty file is not the file's.
            return False
        while data := self._contacts.read(contact, _CHUNK):
            self._out.write(data)
            self._size += len(data)
            if self._size > self._most:
                raise ServerError(
                    f"{self._source.asked}: more than {self._most} bytes, which no list has"
                )
        return True

    def _confirm(self, contact: Contact) -> None:
        """See to it that what came slowly was not overwritten meanwhile, as far as that shows."""
        if not self._version.proves or self._run.clock() - self._began < _MOMENT:
            return
        try:
            seen = self._contacts.look(contact.ranges, once=True)
        except (NetworkError, ServerError):
            # It says nothing any more, so nothing against what it said before.
            return
        if compare(self._version, seen) is Match.DIFFERENT:
            raise _AnotherError
