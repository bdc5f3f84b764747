"""Whether a download has the digests that it must have."""

from __future__ import annotations

from types import TracebackType

from segdl.core.checksum import Checksum, Claim
from segdl.core.identity import Version
from segdl.engine.claims import claims_of, tell_unchecked
from segdl.engine.hasher import Hasher
from segdl.engine.task import Task
from segdl.errors import ChecksumMismatchError, Instead
from segdl.progress.events import Verifying
from segdl.store.faults import shown
from segdl.store.layout import Layout, growing
from segdl.store.workplace import Workplace

_TELL_EVERY = 32 * 1024 * 1024


def mismatch(
    what: str, claim: Claim, hexdigest: str, hint: str, instead: Instead | None = None
) -> ChecksumMismatchError:
    """Return the error for a file whose digest is not the one that it is said to have."""
    according = f" as {claim.source} says" if claim.source else ""
    return ChecksumMismatchError(
        f"{what}: its {claim.checksum.algorithm} is {hexdigest}, "
        f"not {claim.checksum.hexdigest}{according}",
        hint=hint,
        instead=instead,
    )


def mismatch_at(
    place: Workplace, what: str, claim: Claim, hexdigest: str, hint: str
) -> ChecksumMismatchError:
    """Return the same, which says also where the bytes of the file are, if any are kept."""
    if place.parts.is_empty():
        return mismatch(what, claim, hexdigest, hint)
    hint = f"{hint} (the bytes are kept in {shown(place.parts.whole)})"
    return mismatch(what, claim, hexdigest, hint, instead="fresh")


class Verification:
    """Hashes a download while it comes in. One thread uses it, and leaves it at the end."""

    def __init__(self, task: Task, place: Workplace) -> None:
        self._task = task
        self._place = place
        self._version = Version()
        self._claims: tuple[Claim, ...] = ()
        self._hasher: Hasher | None = None
        self._hashed: Layout | None = None

    def __enter__(self) -> Verification:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._hasher is not None:
            self._hasher.stop()

    def expect(self, version: Version) -> bool:
        """Hash from now on for what this version must have; tell whether that is anything."""
        self._version = version
        self._claims = claims_of(self._task, version)
        algorithms = frozenset(claim.checksum.algorithm for claim in self._claims)
        current = self._hashed is self._place.parts
        if self._hasher is not None and not (current and self._hasher.algorithms == algorithms):
            self._hasher.stop()
            self._hasher = None
        if self._hasher is None and algorithms:
            # Starting over may change the layout.
            self._hashed = self._place.parts
            self._hasher = Hasher(growing(self._place.parts), algorithms)
        return bool(algorithms)

    def begin_again(self) -> None:
        """Hash from the beginning: bytes of the joined file were replaced."""
        if self._hasher is not None:
            self._hasher.stop()
            self._hasher = Hasher(growing(self._place.parts), self._hasher.algorithms)

    def check(self, size: int) -> Checksum | None:
        """Hash what is left of the joined file, and compare.

        Returns the digest that it has, where one was expected.

        Raises:
            ChecksumMismatchError: it is not the one expected.
        """
        tell_unchecked(self._task, self._version)
        if self._hasher is None:
            return None
        due = 0

        def tell(done: int) -> None:
            nonlocal due
            self._task.run.check_cancelled()
            if done >= due or done == size:
                due = done + _TELL_EVERY
                self._task.run.emit(Verifying(self._task.number, done, size))

        digests = self._hasher.finish(size, tell)
        for claim in self._claims:
            digest = digests[claim.checksum.algorithm]
            if digest != claim.checksum.hexdigest:
                raise self._mismatch(claim, digest)
        return self._claims[0].checksum

    def _mismatch(self, claim: Claim, digest: str) -> ChecksumMismatchError:
        doubt = "check the digest" if claim is self._task.claim else "one of the two is wrong"
        name = shown(self._place.target.path)
        return mismatch_at(self._place, name, claim, digest, doubt)
