"""The lines of checksum files, as sha256sum, shasum, BSD's sha256 and openssl write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from segdl.core.checksum import DIGITS, Checksum, algorithm_named
from segdl.core.hashing import CRC32C

# Two columns are GNU's; other programs write one space, or a tab.
_GNU = re.compile(r"[ \t]*(\\?)([0-9A-Fa-f]{32,128})(?: [ *]|[ \t]+\*?)(.+)", re.DOTALL)
# The name ends at the last of what could end it.
_TAGGED = re.compile(r"[ \t]*(\\?)([A-Za-z][A-Za-z0-9/_-]{0,31}) ?\((.*)\) ?= ?(\S.*)", re.DOTALL)
_BARE = re.compile(r"\s*([0-9A-Fa-f]{32,128})\s*")
_HEX = re.compile(r"[0-9A-Fa-f]+")
_ESCAPED = re.compile(r"\\([\\nr])")
_ESCAPES = {"\\": "\\", "n": "\n", "r": "\r"}

# What programs have called algorithms since they know several of one length.
_TAGS = {
    "blake2b-512": "blake2b",
    "blake2s-256": "blake2s",
    "blake2b512": "blake2b",
    "blake2s256": "blake2s",
}
# What a digest of so many digits is, where nothing else tells.
_USUAL = {DIGITS[name]: name for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")}
_UNUSUAL = {
    "b2": "blake2b",
    "blake2": "blake2b",
    "blake2b": "blake2b",
    "blake2s": "blake2s",
    "sha3256": "sha3_256",
    "sha3512": "sha3_512",
}
# Algorithms that nothing here computes, with as many digits as others.
_UNKNOWN = re.compile("b3|blake-?3|sm3|streebog|whirlpool|xxh128")
_NAMED = rf"{_UNKNOWN.pattern}|md5|sha-?(?:1|224|256|384|512)|sha3[-_]?(?:256|512)|b2|blake-?2[bs]?"
# SHA256SUMS, a.iso.sha256, manifest-sha256.txt
_ABOUT = re.compile(
    rf"(?:^|[^a-z0-9])({_NAMED})sums?(?![a-z0-9])"
    rf"|(?:^|\.|manifest-)({_NAMED})(?:\.(?:txt|asc|gpg))*$"
)
_ABOUT_ONE = re.compile(
    rf"(.+)\.(?:{_NAMED})(?:sums?)?(?:\.(?:txt|asc|gpg))*", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class SumLine:
    """What a line says.

    Attributes:
        name: whose digest it is; ``""`` and ``-`` where it does not say.
        checksum: the digest; None where `tag` names an algorithm that is not known, or what is
            no digest at all.
        tag: what stands before the name in BSD's format.
        value: what stands after it.
    """

    name: str
    checksum: Checksum | None
    tag: str = ""
    value: str = ""


def algorithms_by_digits(name: str) -> Mapping[int, str]:
    """Return which algorithm a checksum file is about, by the digits of its digests.

    One that cannot be computed may be among them.

    Args:
        name: the checksum file's own. It tells apart algorithms that have equally many.

    Example:
        >>> algorithms_by_digits("SHA512SUMS")[128], algorithms_by_digits("B2SUMS")
        ('sha512', {128: 'blake2b'})
    """
    said = [match[1] or match[2] for match in _ABOUT.finditer(name.lower())]
    if said and _UNKNOWN.fullmatch(said[-1]):
        return dict.fromkeys(_USUAL, said[-1])
    unusual = _UNUSUAL.get(re.sub("[-_]", "", said[-1])) if said else None
    return {DIGITS[unusual]: unusual} if unusual else _USUAL


def target_of(name: str) -> str | None:
    """Return which file a checksum file is about by its name; None where it does not tell.

    Example:
        >>> target_of("a.iso.sha256"), target_of("a.iso.md5sum"), target_of("SHA256SUMS")
        ('a.iso', 'a.iso', None)
    """
    match = _ABOUT_ONE.fullmatch(name)
    return match[1] if match else None


def read_sum(line: str, by_digits: Mapping[int, str] = _USUAL) -> SumLine | None:
    r"""Read a line without its end; None where it is no line of a checksum file.

    Args:
        line: bytes that are not UTF-8 are surrogates.
        by_digits: see `algorithms_by_digits`.

    Example:
        >>> read_sum("\\d41d8cd98f00b204e9800998ecf8427e *a\\nb").name
        'a\nb'
        >>> read_sum("MD5 (a) = (b) = d41d8cd98f00b204e9800998ecf8427e").name
        'a) = (b'
    """
    if match := _GNU.match(line):
        escaped, digits, name = match.groups()
        algorithm = by_digits.get(len(digits))
        if algorithm is None:
            return None
        name = _unescaped(name) if escaped else name
        if algorithm not in DIGITS:
            return SumLine(name, None, algorithm, digits)
        return SumLine(name, Checksum(algorithm, digits.lower()))
    if match := _TAGGED.match(line):
        escaped, tag, name, value = match.groups()
        value = value.rstrip()
        return SumLine(_unescaped(name) if escaped else name, _checksum(tag, value), tag, value)
    if (match := _BARE.fullmatch(line)) and (algorithm := by_digits.get(len(match[1]))):
        known = algorithm in DIGITS
        checksum = Checksum(algorithm, match[1].lower()) if known else None
        return SumLine("", checksum, "" if known else algorithm, match[1])
    return None


def without_signature(lines: Iterable[str | None]) -> Iterator[str | None]:
    """Yield lines without what OpenPGP puts around and between them (RFC 9580, 7).

    In the place of a line that belongs to the signature comes an empty one, so that they can be
    counted. Nothing is verified.

    Args:
        lines: without their ends; None stands for one that is too long to be read.

    Example:
        >>> list(without_signature(["-----BEGIN PGP SIGNED MESSAGE-----", "", "- -a", "b"]))
        ['', '', '-a', 'b']
    """
    inside = ""
    for line in lines:
        if inside in {"", "message"} and (line is None or line[:1] != "-"):
            yield line
            continue
        text = (line or "").rstrip()
        if text == "-----BEGIN PGP SIGNED MESSAGE-----":
            inside = "headers"
        elif text == "-----BEGIN PGP SIGNATURE-----":
            inside = "signature"
        elif text == "-----END PGP SIGNATURE-----":
            inside = ""
        elif inside == "headers" and not text:
            inside = "message"
        elif inside == "message" and line is not None and line.startswith("- "):
            yield line[2:]
            continue
        elif inside in {"", "message"}:
            yield line
            continue
        yield ""


def _checksum(tag: str, value: str) -> Checksum | None:
    # OpenSSL's name for the family since there is a third one.
    lower = re.sub(r"^sha2-(?=\d+$)", "sha", tag.lower())
    algorithm = _TAGS.get(lower) or algorithm_named(lower)
    if algorithm is None or algorithm == CRC32C:
        return None
    if len(value) != DIGITS[algorithm] or not _HEX.fullmatch(value):
        return None
    return Checksum(algorithm, value.lower())


def _unescaped(name: str) -> str:
    return _ESCAPED.sub(lambda escape: _ESCAPES[escape[1]], name)
