"""An object that is not whole yet: its upload in parts, and a note of what it is to be.

The store's list of parts is the only record of progress. What names the remote version cannot
be asked of an upload until it is complete, so it is in a small object beside: ``KEY.segdl``.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from segdl.core.checksum import Checksum
from segdl.core.httpdate import parse_date
from segdl.core.identity import Version
from segdl.core.multipart import LEAST_PART, Stored, part_size, span_of, usable
from segdl.core.s3url import S3Place
from segdl.core.spans import OPEN, Span
from segdl.errors import SegdlError, ServerError
from segdl.s3.store import Store, note_of
from segdl.store.state import FORMAT, State, fields_of, load_version, read_state

VERSION_KEY = "segdl-version"
CHECKSUM_KEY = "segdl-checksum"
SOURCE_KEY = "segdl-source"
# What a store keeps with an object is 2 KB in all.
_MOST_METADATA = 1500


@dataclass(frozen=True, slots=True)
class Note:
    """What is written down beside an upload.

    Attributes:
        upload: what the store calls it.
        length: bytes of each part but the last.
        state: what the parts belong to.
        publishing: the ETag of the object that is about to be, or just was, completed.
    """

    upload: str
    length: int
    state: State
    publishing: str | None = None


class Unfinished:
    """The upload of one object. The file's own thread uses it.

    Attributes:
        place: the object.
        note: what is known of an upload that is under way; None where there is none.
        stored: its parts that are there, by number.
        checksum: the digest without which there will be no object.
        least: bytes of a part, at least, of an upload that is begun now.
    """

    def __init__(
        self,
        store: Store,
        place: S3Place,
        number: int,
        checksum: Checksum | None,
        least: int = LEAST_PART,
    ) -> None:
        self._store = store
        self.checksum = checksum
        self.least = least
        self._number = number
        self.place = place
        self.note: Note | None = None
        self.stored: dict[int, Stored] = {}

    @property
    def where(self) -> str:
        """What messages call it."""
        return f"the unfinished upload of {self.place}"

    @property
    def name(self) -> str:
        """What messages call the object."""
        return str(self.place)

    @property
    def parts(self) -> Unfinished:
        """What can be empty."""
        return self

    def is_empty(self) -> bool:
        """Tell whether no part is there."""
        return not self.stored

    def sizes(self) -> dict[int, int]:
        """Return the size of each part by where it starts."""
        assert self.note is not None
        size, length = self.note.state.version.size, self.note.length
        spans = [span_of(number, OPEN if size is None else size, length) for number in self.stored]
        return {span.start: len(span) for span in spans}

    def read(self, span: Span) -> bytes | None:  # noqa: ARG002
        """Return None: parts cannot be read before the upload is complete."""
        return None

    def look(self) -> None:
        """Find out what an earlier run left.

        Raises:
            SegdlError: the store cannot be asked.
        """
        place = self.place
        told = self._store.ask(self._number, lambda client: client.read(note_of(place)))
        note = None if told is None else _read(told)
        if note is None:
            return
        self.note = note
        listed: dict[int, Stored] = {}
        after: int | None = 0
        while after is not None:
            last, upload = after, note.upload
            page = self._store.ask(
                self._number,
                lambda client: client.parts(place, upload, last),  # noqa: B023
            )
            if page is None:
                # It was completed or aborted; the note tells which.
                if note.publishing is None:
                    self.forget()
                return
            listed |= page[0]
            after = page[1]
        size = note.state.version.size
        self.stored = usable(listed, OPEN if size is None else size, note.length)

    def state(self) -> State | None:
        """Return what the parts belong to, or None where that is not known."""
        return None if self.note is None else self.note.state

    def belongs_to(self, state: State) -> None:
        """Write down what the parts belong to; the upload is begun where there is none."""
        state = replace(state, boot=None)
        if self.note is not None and self.note.state == state:
            return
        if self.note is None:
            size = state.version.size
            length = part_size(OPEN if size is None else size, self.least)
            about = metadata_of(state.version, state.named_by, self.checksum)
            place, media_type = self.place, state.version.media_type
            upload = self._store.ask(
                self._number, lambda client: client.begin(place, media_type, about)
            )
            self._begun(Note(upload, length, state))
            return
        self._write(replace(self.note, state=state))

    def _begun(self, note: Note) -> None:
        """Write the first note of an upload; without one nobody would ever find it."""
        try:
            self._write(note)
        except ServerError:
            place, upload = self.place, note.upload
            with contextlib.suppress(SegdlError):
                self._store.ask(self._number, lambda client: client.abort(place, upload))
            raise

    def publishing(self, etag: str) -> None:
        """Write down that the upload is about to be completed to an object of this ETag."""
        assert self.note is not None
        self._write(replace(self.note, publishing=etag))

    def clear(self) -> None:
        """Throw the upload away."""
        if self.note is not None:
            place, upload = self.place, self.note.upload
            self._store.ask(self._number, lambda client: client.abort(place, upload))
            self.forget()

    def drop(self, spans: Iterable[Span]) -> None:
        """Have the parts fetched again that hold a byte of `spans`."""
        assert self.note is not None
        size, wrong = self.note.state.version.size, list(spans)
        for number in list(self.stored):
            part = span_of(number, OPEN if size is None else size, self.note.length)
            if any(part.start < s.stop and s.start < part.stop for s in wrong):
                del self.stored[number]

    def forget(self) -> None:
        """Remove the note: the upload is over."""
        place = self.place
        self._store.ask(self._number, lambda client: client.delete(note_of(place)))
        self.note = None
        self.stored = {}

    def _write(self, note: Note) -> None:
        told = {"segdl": FORMAT, **fields_of(note)}
        state = {"segdl": FORMAT, **fields_of(note.state)}
        data = json.dumps({**told, "state": state}, default=fields_of).encode("ascii")
        place, md5 = note_of(self.place), md5_of(data)
        self._store.ask(
            self._number,
            lambda client: client.put(place, data, md5, media_type="application/json"),
        )
        self.note = note


def md5_of(data: bytes | bytearray) -> str:
    """Return the MD5 of bytes as Content-MD5 has it."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode("ascii")


def metadata_of(version: Version, url: str, checksum: Checksum | None) -> dict[str, str]:
    """Return what is kept with an object: its version, when that was modified, its digest.

    rclone keeps that as seconds since 1970, too.

    Args:
        version: as the server of `url` named it.
        url: without user, password and query. There is no room for every one: its digest is kept.
        checksum: the object's.
    """
    modified = parse_date(version.last_modified)
    told = json.dumps(fields_of(version), default=fields_of)
    found = {VERSION_KEY: told} if len(told) <= _MOST_METADATA else {}
    found[SOURCE_KEY] = source_key(url)
    if modified is not None:
        found["mtime"] = f"{modified:.0f}"
    if checksum is not None:
        found[CHECKSUM_KEY] = str(checksum)
    return found


def source_key(url: str) -> str:
    """Return what an object's metadata calls the URL that it came from."""
    return hashlib.sha256(url.encode()).hexdigest()[:32]


def version_of(metadata: str | None) -> Version | None:
    """Read a version that `metadata_of` wrote; None where there is none that makes sense."""
    if metadata is None:
        return None
    try:
        told = json.loads(metadata)
        date = told.get("date")
        return replace(load_version(told), date=date if isinstance(date, float) else None)
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def _read(told: bytes) -> Note | None:
    try:
        found = json.loads(told)
        state = read_state(found["state"])
        upload, length, etag = found["upload"], found["length"], found["publishing"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    right = isinstance(upload, str) and isinstance(length, int) and length > 0
    if state is None or not right or not isinstance(etag, str | None):
        return None
    return Note(upload, length, state, etag)
