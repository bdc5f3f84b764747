"""The one place where hash objects are made: hashlib's, and CRC-32C by a library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from segdl.errors import UsageError

if TYPE_CHECKING:
    from types import ModuleType

CRC32C = "crc32c"


class Hash(Protocol):
    """Takes the bytes of a file in order, and tells their digest at any time."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take the next bytes."""

    def hexdigest(self) -> str:
        """Return the digest of what was taken, in lower-case hexadecimal."""


def can_hash(algorithm: str) -> bool:
    """Tell whether `new_hash` makes an object for an algorithm that `parse_checksum` knows."""
    return algorithm != CRC32C or _library() is not None


def new_hash(algorithm: str) -> Hash:
    """Return an object that computes a digest.

    Args:
        algorithm: as hashlib names it, or ``crc32c``.

    Raises:
        UsageError: it takes a library that is not installed.

    Example:
        >>> new_hash("md5").hexdigest()
        'd41d8cd98f00b204e9800998ecf8427e'
    """
    if algorithm == CRC32C:
        return _Crc32c()
    # It takes a while to load, and many files have no digest.
    import hashlib

    return hashlib.new(algorithm, usedforsecurity=False)


def missing() -> UsageError:
    """Return the error for a CRC-32C that is asked for and cannot be computed."""
    return UsageError(
        "no crc32c can be computed: google-crc32c is missing, or lacks its compiled part",
        hint="install it: pip install 'segdl[crc32c]'",
    )


class _Crc32c:
    """CRC-32C as a hash object. Confined to who made it."""

    def __init__(self) -> None:
        library = _library()
        if library is None:
            raise missing()
        self._extend = library.extend
        self._sum: int = library.value(b"")

    def update(self, data: bytes | memoryview, /) -> None:
        # The library takes no view; bytes are not copied.
        self._sum = self._extend(self._sum, bytes(data))

    def hexdigest(self) -> str:
        return f"{self._sum:08x}"


def _library() -> ModuleType | None:
    """Return the library; None where it is missing, or too slow to hash what a link brings."""
    try:
        import google_crc32c
    except ImportError:
        return None
    # Where its import fails in another thread meanwhile, this one may get what there was of it.
    return google_crc32c if getattr(google_crc32c, "implementation", "") == "c" else None
