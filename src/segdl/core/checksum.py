"""Digests: ``ALGO=HEX`` as a user or a list asks for them, and who says which."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from segdl.core.hashing import CRC32C, can_hash, missing
from segdl.errors import UsageError

# What `new_hash` calls an algorithm -> hexadecimal digits of its digest.
DIGITS = {
    "md5": 32,
    "sha1": 40,
    "sha224": 56,
    "sha256": 64,
    "sha384": 96,
    "sha512": 128,
    "blake2b": 128,
    "blake2s": 64,
    "sha3_256": 64,
    "sha3_512": 128,
    CRC32C: 8,
}
_STRONGEST_FIRST = (
    "sha512",
    "sha3_512",
    "blake2b",
    "sha384",
    "sha256",
    "sha3_256",
    "blake2s",
    "sha224",
    "sha1",
    "md5",
    CRC32C,
)


@dataclass(frozen=True, slots=True)
class Checksum:
    """A digest: `algorithm` as `new_hash` takes it, `hexdigest` in lower case."""

    algorithm: str
    hexdigest: str

    def __str__(self) -> str:
        return f"{self.algorithm}={self.hexdigest}"

    @property
    def proves(self) -> bool:
        """Whether it may stand for the file where nobody else vouches for that.

        32 bits find out accidents on the way. Two versions of a file have the same ones now
        and then, and anybody can write a file that has them.
        """
        return self.algorithm != CRC32C


# Asks to look for a digest beside the URL.
AUTO: Final = "auto"
Wanted: TypeAlias = Checksum | Literal["auto"]


@dataclass(frozen=True, slots=True)
class Claim:
    """A digest that the file is said to have.

    Attributes:
        checksum: the digest.
        source: who says so, for messages; empty where it is the user.
    """

    checksum: Checksum
    source: str = ""

    def contradicts(self, other: Claim) -> bool:
        """Tell whether no file can have both digests.

        Example:
            >>> one = Claim(parse_checksum("md5=" + "0" * 32))
            >>> one.contradicts(one), one.contradicts(Claim(parse_checksum("md5=" + "1" * 32)))
            (False, True)
        """
        ours, theirs = self.checksum, other.checksum
        return ours.algorithm == theirs.algorithm and ours.hexdigest != theirs.hexdigest


def parse_wanted(text: str) -> Wanted:
    """Read a digest as `parse_checksum` does, or ``auto``.

    Raises:
        UsageError: neither.

    Example:
        >>> parse_wanted("auto")
        'auto'
    """
    return AUTO if text.strip().lower() == AUTO else parse_checksum(text)


def parse_checksum(text: str) -> Checksum:
    """Read ``sha-256=…``, ``sha256=…``, ``md5=…``, ``sha-1=…``, ``blake2b=…`` and the like.

    Raises:
        UsageError: an unknown algorithm, or one that takes a library that is not installed,
            or not the digits that it has.

    Example:
        >>> str(parse_checksum("MD5=D41D8CD98F00B204E9800998ECF8427E"))
        'md5=d41d8cd98f00b204e9800998ecf8427e'
    """
    checksum = read_checksum(text)
    if not can_hash(checksum.algorithm):
        raise missing()
    return checksum


def read_checksum(text: str) -> Checksum:
    """Read what `parse_checksum` does, whether or not its algorithm can be computed here.

    Raises:
        UsageError: an unknown algorithm, or not the digits that it has.
    """
    name, separator, digits = text.strip().partition("=")
    algorithm = algorithm_named(name)
    if not separator or algorithm is None:
        known = ", ".join(DIGITS)
        raise UsageError(f"checksum {text!r} is not ALGO=HEX", hint=f"ALGO is one of {known}")
    digits = digits.strip().lower()
    if len(digits) != DIGITS[algorithm] or not re.fullmatch("[0-9a-f]+", digits):
        raise UsageError(
            f"checksum {text!r} does not have the {DIGITS[algorithm]} hexadecimal digits "
            f"of {algorithm}"
        )
    return Checksum(algorithm, digits)


def algorithm_named(name: str) -> str | None:
    """Return what `new_hash` calls an algorithm, or None where it is not one of those in use.

    Example:
        >>> algorithm_named("SHA-256"), algorithm_named("sha3-512"), algorithm_named("crc32")
        ('sha256', 'sha3_512', None)
    """
    known = name.strip().lower().replace("sha-", "sha").replace("sha3-", "sha3_")
    return known if known in DIGITS else None


def weakness(algorithm: str) -> int:
    """Return a number that is smaller the stronger an algorithm is; a key to sort by.

    Example:
        >>> sorted(["md5", "sha256", "sha1", "sha512"], key=weakness)
        ['sha512', 'sha256', 'sha1', 'md5']
    """
    return _STRONGEST_FIRST.index(algorithm)
