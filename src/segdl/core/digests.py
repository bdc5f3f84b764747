"""Digests of the file that a response carries in its header fields.

``Repr-Digest`` and ``Content-Digest`` (RFC 9530), ``Digest`` (RFC 3230), ``Content-MD5``
(RFC 2616, 14.15) and ``x-goog-hash`` (Google Cloud Storage). A value that makes no sense is
as good as none: it says nothing about the bytes.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping

from segdl.core.checksum import DIGITS, Checksum, Claim, weakness

# Most is told by the first of those that name an equally strong algorithm.
_OF_THE_FILE = ("Repr-Digest", "Digest", "x-goog-hash")
# Of what the answer brings: with status 206 that is the part that was asked for.
_OF_THE_ANSWER = ("Content-Digest", "Content-MD5")
# What fields call an algorithm -> what `new_hash` does. Those that are left out tell little
# (unixsum, adler).
_ALGORITHMS = {"sha-512": "sha512", "sha-256": "sha256", "sha": "sha1", "md5": "md5"}
# Objects that were composed of others have nothing else.
_STORED = {"md5": "md5", "crc32c": "crc32c"}
_LONGEST = 1024

# Structured fields (RFC 9651): a dictionary of whatever, of which byte sequences count.
_KEY = r"[a-z*][a-z0-9_\-.*]*"
_ITEM = (
    r'(?::[A-Za-z0-9+/=]*:|"(?:[ !#-\[\]-~]|\\["\\])*"|\?[01]|@?-?[0-9]{1,15}(?:\.[0-9]{1,3})?'
    r"|[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*)"
)
_PARAMETERS = rf"(?:; *{_KEY}(?:={_ITEM})?)*"
_INNER_LIST = rf"\( *(?:{_ITEM}{_PARAMETERS}(?: +{_ITEM}{_PARAMETERS})* *)?\)"
_MEMBER = rf"({_KEY})(?:=({_ITEM}|{_INNER_LIST}))?{_PARAMETERS}"
_COMMA = re.compile(r"[ \t]*,[ \t]*")


def digest_fields(fields: Mapping[str, str], *, whole: bool) -> tuple[tuple[str, str], ...]:
    """Return the fields that carry a digest of the whole representation, name to value.

    Args:
        fields: header fields of a 200 or 206 by case-insensitive name.
        whole: whether the answer brings the whole representation.

    Example:
        >>> digest_fields({"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, whole=False)
        ()
    """
    names = (*_OF_THE_FILE, *_OF_THE_ANSWER) if whole else _OF_THE_FILE
    return tuple(
        (name, value)
        for name in names
        if 0 < len(value := (fields.get(name) or "").strip()) <= _LONGEST
        and not (name == "x-goog-hash" and _is_transcoded(fields))
    )


def strongest(fields: Iterable[tuple[str, str]]) -> Claim | None:
    """Return the digest of the strongest algorithm that `fields` tell, None where none does.

    Example:
        >>> strongest([("Digest", "unixsum=30637, MD5=1B2M2Y8AsgTpgAmY7PhCfg==")])
        Claim(checksum=Checksum(algorithm='md5', hexdigest='d41d8cd98f00b204e9800998ecf8427e'), \
source='Digest')
    """
    claims = [Claim(checksum, name) for name, value in fields for checksum in _read(name, value)]
    return min(claims, key=lambda claim: weakness(claim.checksum.algorithm), default=None)


def _is_transcoded(fields: Mapping[str, str]) -> bool:
    """Tell whether the storage unpacked the object: the hash is of what it stores."""
    stored = (fields.get("x-goog-stored-content-encoding") or "identity").strip().lower()
    sent = (fields.get("Content-Encoding") or "identity").strip().lower()
    return stored != sent or bool(fields.get("x-guploader-response-body-transformations"))


def _read(field: str, value: str) -> list[Checksum]:
    if field == "Content-MD5":
        values = {item.strip() for item in value.split(",")}
        pairs = [("md5", values.pop())] if len(values) == 1 else []
    elif field in {"Digest", "x-goog-hash"}:
        split = [item.partition("=") for item in value.split(",")]
        pairs = [(name.strip().lower(), text.strip()) for name, _, text in split]
    else:
        pairs = list(_byte_sequences(value).items())
    known = _STORED if field == "x-goog-hash" else _ALGORITHMS
    found = [_checksum(known[name], text) for name, text in pairs if name in known]
    return [checksum for checksum in found if checksum is not None]


def _byte_sequences(value: str) -> dict[str, str]:
    """Return the byte sequences of a dictionary, in base64; empty where it is none."""
    found: dict[str, str] = {}
    at = 0
    # It takes long to compile, and few servers send such a field.
    pattern = re.compile(_MEMBER)
    while member := pattern.match(value, at):
        name, item = member[1], member[2] or ""
        # The last of a name counts (RFC 9651, 4.2.2), whatever it is.
        found.pop(name, None)
        if item.startswith(":"):
            found[name] = item.strip(":")
        if member.end() == len(value):
            return found
        comma = _COMMA.match(value, member.end())
        if comma is None:
            break
        at = comma.end()
    return {}


def _checksum(algorithm: str, text: str) -> Checksum | None:
    try:
        # Padding may be missing (RFC 9651, 4.2.7).
        digest = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).hex()
    except ValueError:
        return None
    return Checksum(algorithm, digest) if len(digest) == DIGITS[algorithm] else None
