"""Wrong pieces of a whole file, fetched again one by one."""

from __future__ import annotations

from collections import Counter

from segdl.core.checksum import Checksum, Claim
from segdl.core.hashing import new_hash
from segdl.core.pieces import PieceHasher, Pieces, piece_span, wrong_pieces
from segdl.core.selection import whole
from segdl.core.spans import Span
from segdl.engine.again import Again
from segdl.engine.claims import require_whole_size
from segdl.engine.distrust import Distrust
from segdl.engine.site import Site
from segdl.engine.sites import Sites
from segdl.engine.task import Task
from segdl.engine.verify import Verification, mismatch_at
from segdl.errors import (
    ChecksumMismatchError,
    IntegrityError,
    NetworkError,
    SegdlError,
    ServerError,
)
from segdl.progress.events import Note, Verifying
from segdl.store.faults import shown
from segdl.store.patch import Patch
from segdl.store.workplace import Workplace

_STEP = 1024 * 1024
_TELL_EVERY = 32 * 1024 * 1024


def verify(
    task: Task, place: Workplace, sites: Sites, verification: Verification, size: int
) -> tuple[Checksum | None, int]:
    """See to it that the joined file is what it should be; mend it where that can be done.

    Returns the digest that it has, where one was expected, and the bytes that were fetched
    again.

    Raises:
        IntegrityError: it is not; the bytes are kept.
        SegdlError: wrong pieces could not be fetched.
    """
    require_whole_size(task, size)
    pieces = task.pieces
    checksum, wrong = None, None
    try:
        checksum = verification.check(size)
    except ChecksumMismatchError as error:
        wrong = error
    if pieces is None and wrong is not None:
        return Distrust(task, place, sites, size).mend(verification, wrong)
    told = any(claim.checksum.proves for claim in task.claims)
    if pieces is None or (wrong is None and told):
        again = 0
    else:
        again = _repair(task, place, sites, pieces, size)
    if again:
        verification.begin_again()
        checksum = verification.check(size)
    elif wrong is not None:
        raise wrong
    return checksum, again


def _repair(task: Task, place: Workplace, sites: Sites, pieces: Pieces, size: int) -> int:
    """Fetch the pieces that are wrong again; return their bytes."""
    with Patch(place.parts.whole) as file:
        wrong = wrong_pieces(pieces, _digests(task, file, pieces, size))
        if not wrong:
            return 0
        repair = _Repair(task, place, sites, file, size)
        try:
            spans = [piece_span(pieces, index, size) for index in wrong]
            for index, span in zip(wrong, spans, strict=True):
                repair.mend(span, Checksum(pieces.algorithm, pieces.hexdigests[index]))
        finally:
            repair.end()
    were = "was" if len(wrong) == 1 else "were"
    text = f"{len(wrong)} of {len(pieces.hexdigests)} pieces {were} wrong: fetched again from "
    task.run.emit(Note(task.number, text + ", ".join(repair.helpers)))
    for host, count in repair.blamed.items():
        many = "piece that was" if count == 1 else "pieces that were"
        task.run.emit(Note(task.number, f"{host} sent {count} {many} wrong"))
    return sum(map(len, spans))


def _digests(task: Task, file: Patch, pieces: Pieces, size: int) -> dict[int, str]:
    hasher = PieceHasher(pieces)
    at = due = 0
    while data := file.read(at, _STEP):
        task.run.check_cancelled()
        hasher.update(data)
        at += len(data)
        if at >= due or at == size:
            due = at + _TELL_EVERY
            task.run.emit(Verifying(task.number, at, size))
    return hasher.finish()


class _Repair:
    """Replaces pieces of a file. One thread uses it, and ends it.

    Attributes:
        helpers: hosts that had a piece right, in the order of the first one.
        blamed: pieces that another one had right, by the host that brought them wrong.
    """

    def __init__(self, task: Task, place: Workplace, sites: Sites, file: Patch, size: int) -> None:
        self._task = task
        self._place = place
        self._sites = sites
        self._file = file
        self._again = Again(task, whole(size), size)
        self._out: set[Site] = set()
        self.helpers: dict[str, None] = {}
        self.blamed: Counter[str] = Counter()

    def end(self) -> None:
        """Let go of every connection."""
        self._again.end()

    def mend(self, span: Span, wanted: Checksum) -> None:
        """Fetch a piece until it has its digest.

        Raises:
            ChecksumMismatchError: nobody has it right.
            SegdlError: nobody sent it.
        """
        found: str | None = None
        failure: SegdlError | None = None
        for site in self._sites.to_ask_for(span):
            if site in self._out:
                continue
            try:
                found = self._fetch(site, span, wanted.algorithm)
            except (IntegrityError, NetworkError, ServerError) as error:
                self._out.add(site)
                failure = error
                continue
            if found == wanted.hexdigest:
                self._note(site, span)
                return
        if found is None and failure is not None:
            raise failure
        raise self._hopeless(span, wanted, found)

    def _note(self, site: Site, span: Span) -> None:
        self.helpers[site.host] = None
        bringer = self._sites.bringer(span)
        if bringer is not None and bringer is not site:
            self.blamed[bringer.host] += 1

    def _fetch(self, site: Site, span: Span, algorithm: str) -> str:
        """Write a piece as a site has it, and return its digest."""
        digest = new_hash(algorithm)
        others = set(self._sites.all) - self._out - {site}
        for at, data in self._again.fetch(site, span, once=bool(others)):
            self._file.write(at, data)
            digest.update(data)
        return digest.hexdigest()

    def _hopeless(self, span: Span, wanted: Checksum, found: str | None) -> ChecksumMismatchError:
        what = f"{shown(self._place.target.path)}: bytes {span.start}-{span.stop - 1}"
        claim = Claim(wanted, self._task.request.expected.source)
        hint = "nobody who was asked has them right: try again later"
        return mismatch_at(self._place, what, claim, found or "not known", hint)
