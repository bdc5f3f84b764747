"""One file, from its URL to its key in a bucket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

from segdl.core.checksum import Checksum
from segdl.core.identity import Match, Version, compare, is_page
from segdl.core.multipart import LEAST_PART, is_md5
from segdl.core.s3answer import Object
from segdl.core.s3url import S3Place
from segdl.core.spans import Span
from segdl.engine.claims import claims_of
from segdl.engine.contact import ONE_BYTE, Contact
from segdl.engine.download import is_held
from segdl.engine.ending import finished
from segdl.engine.opening import open_download
from segdl.engine.place import target_of
from segdl.engine.run import Run
from segdl.engine.task import Task
from segdl.engine.webpage import page_instead
from segdl.errors import TargetExistsError, UsageError
from segdl.options import Request, TransferOptions
from segdl.results import DownloadResult, Status
from segdl.s3.assemble import send_one_version
from segdl.s3.complete import complete
from segdl.s3.small import fetch_small
from segdl.s3.store import Store
from segdl.s3.unfinished import (
    CHECKSUM_KEY,
    SOURCE_KEY,
    VERSION_KEY,
    Unfinished,
    md5_of,
    metadata_of,
    source_key,
    version_of,
)


@dataclass(frozen=True, slots=True)
class _Small:
    """A file that is in the bucket: its version, what is there, and the digest that it has."""

    version: Version
    stored: Object
    checksum: Checksum | None


def check_transfer(transfer: TransferOptions) -> None:
    """Refuse what cannot be had of a bucket.

    Raises:
        UsageError: what is the matter.
    """
    if transfer.range is not None:
        raise UsageError("a bucket takes whole files", hint="leave out --range")
    if transfer.layout != "parts":
        raise UsageError("nothing lies in place in a bucket", hint="leave out --layout")
    if transfer.if_exists in {"rename", "resume"}:
        raise UsageError(
            f"--if-exists {transfer.if_exists} is not for buckets",
            hint="an object can be skipped or overwritten",
        )


class Uploader:
    """Sends files below one prefix: called as :func:`segdl.engine.download.download` is.

    Args:
        store: where it is.
        prefix: what keys begin with.
        known: tells what has a key; None asks the store.
        least: bytes; what is smaller is no upload in parts.
    """

    def __init__(
        self,
        store: Store,
        prefix: S3Place,
        known: Callable[[S3Place], Object | None] | None = None,
        least: int = LEAST_PART,
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._known = known
        self._least = least

    def __call__(self, run: Run, request: Request, number: int = 1) -> DownloadResult:
        """Send one file; returns when its key has it.

        Raises:
            UsageError: an option that a bucket cannot follow.
            SegdlError: its key has what it had; parts that are whole are kept.
        """
        check_transfer(run.transfer)
        upload = _Upload(self._store, self._prefix, self._known, number, self._least)
        return upload.carry_out(run, request)


class _Upload:
    """One file on its way. One thread uses it."""

    def __init__(
        self,
        store: Store,
        prefix: S3Place,
        known: Callable[[S3Place], Object | None] | None,
        number: int,
        least: int,
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._known = known
        self._number = number
        self._least = least
        self._looked: dict[S3Place, Object | None] = {}

    def carry_out(self, run: Run, request: Request) -> DownloadResult:
        def first(task: Task) -> Span:
            there = self._look(self._place(task, None)) is not None
            return ONE_BYTE if there and request.held is None else Span(0, self._least)

        with open_download(run, request, self._number, first) as (task, contact):
            place = self._place(task, contact)
            if not request.expected.page and is_page(contact.version):
                raise page_instead(task)
            found = self._look(place)
            if found is not None and is_held(request.held, contact):
                return _result(task, place, contact.version, found, status="skipped")
            wanted = task.claims[0].checksum if task.claims else None
            unfinished = Unfinished(self._store, place, self._number, wanted, self._least)
            if found and self._may_stay(task, unfinished, contact.version, found):
                return _result(task, place, contact.version, found, status="skipped")
            now, size = contact, contact.version.size
            if size is not None and size <= self._least:
                small = self._send_small(task, place, contact)
                if small is not None:
                    self._abort_begun(task, unfinished)
                    return _result(
                        task,
                        place,
                        small.version,
                        small.stored,
                        fetched=small.stored.size,
                        checksum=small.checksum,
                    )
                now = task.contacts.make(ONE_BYTE)
            if unfinished.note is None:
                unfinished.look()
            sent = send_one_version(task, self._store, unfinished, now)
            self._require_free(task, place)
            etag = complete(self._store, unfinished, self._number)
            return _result(
                task,
                place,
                sent.pin.version,
                Object(sent.size, etag),
                fetched=sent.fetched,
                checksum=sent.checksum,
            )

    def _place(self, task: Task, contact: Contact | None) -> S3Place:
        target = target_of(task.request, task.asked.path, contact)
        return self._prefix.below(PurePath(target.path))

    def _look(self, place: S3Place) -> Object | None:
        if place not in self._looked:
            known = self._known
            self._looked[place] = (
                known(place) if known else self._store.ask(self._number, lambda it: it.head(place))
            )
        return self._looked[place]

    def _may_stay(
        self, task: Task, unfinished: Unfinished, version: Version, found: Object
    ) -> bool:
        """Tell whether what has the key is the remote file, or is to be left as it is.

        Raises:
            TargetExistsError: it is something, and the user did not say what to do about it.
        """
        unfinished.look()
        note = unfinished.note
        published = note is not None and note.publishing == found.etag
        if published and note is not None and compare(note.state.version, version) is Match.SAME:
            # Killed in the moment between: that run was this command.
            unfinished.forget()
            return True
        policy = task.run.transfer.if_exists
        if policy == "error":
            raise _exists(unfinished.place, "exists")
        if policy == "skip":
            return True
        if policy == "overwrite":
            return False
        if _is_the_remote_file(task, version, found):
            return True
        raise _exists(unfinished.place)

    def _require_free(self, task: Task, place: S3Place) -> None:
        """Look once more before the key is taken.

        Raises:
            TargetExistsError: somebody else has it now.
        """
        if task.run.transfer.if_exists == "overwrite" or self._look(place) is not None:
            return
        del self._looked[place]
        if self._look(place) is not None:
            raise _exists(place, "was made by somebody else meanwhile")

    def _send_small(self, task: Task, place: S3Place, contact: Contact) -> _Small | None:
        """Send a file that memory can hold; None where it turned out to be no such file.

        Raises:
            SegdlError: it cannot be had, or is not what it should be.
        """
        fetched = fetch_small(task, contact, str(place))
        if fetched is None:
            return None
        self._require_free(task, place)
        version, data = fetched.version, fetched.data
        checksum = fetched.checksum if task.claims else None
        about = metadata_of(version, task.source.asked.public, checksum)
        media_type, md5 = version.media_type, md5_of(data)
        etag = self._store.ask(
            self._number,
            lambda client: client.put(place, data, md5, media_type=media_type, metadata=about),
        )
        return _Small(version, Object(len(data), etag), fetched.checksum)

    def _abort_begun(self, task: Task, unfinished: Unfinished) -> None:
        """Abort an upload of a file that is not sent in parts any more, where one is known."""
        if task.run.transfer.fresh and unfinished.note is None:
            unfinished.look()
        unfinished.clear()


def _result(
    task: Task,
    place: S3Place,
    version: Version,
    stored: Object,
    *,
    fetched: int = 0,
    status: Status = "complete",
    checksum: Checksum | None = None,
) -> DownloadResult:
    return finished(
        task,
        None,
        version,
        stored.size,
        fetched=fetched,
        status=status,
        checksum=checksum,
        place=str(place),
        stored=stored,
    )


def _is_the_remote_file(task: Task, version: Version, found: Object) -> bool:
    """Tell whether an object provably is what the server has."""
    if version.size is None or version.size != found.size:
        return False
    for claim in claims_of(task, version):
        if claim.checksum.algorithm == "md5" and is_md5(found.etag):
            return found.etag == claim.checksum.hexdigest
    kept = version_of(found.metadata.get(VERSION_KEY))
    digests = {str(claim.checksum) for claim in task.claims}
    if kept is None or not digests <= {found.metadata.get(CHECKSUM_KEY)}:
        return False
    # Validators are of one URL: two files of one size and time may have the same.
    came_from = found.metadata.get(SOURCE_KEY) == source_key(task.source.asked.public)
    same = kept.size == version.size and compare(kept, version) is Match.SAME
    return came_from and same and version.proves


def _exists(
    place: S3Place, why: str = "exists and is not provably the remote file"
) -> TargetExistsError:
    return TargetExistsError(f"{place} {why}", hint="see --if-exists (overwrite, skip)")
