"""Which resource a URL names, whatever it is signed with today."""

from __future__ import annotations

import re
from hashlib import blake2b
from urllib.parse import urlsplit

# What lets somebody in, or runs out: names of query parameters, in lower case. Those of some
# stores are told by how they begin, and others mean that only beside a signature.
_SIGNING = frozenset(
    {
        *("access_token", "accesskeyid", "api_key", "apikey", "auth", "awsaccesskeyid", "expires"),
        *("googleaccessid", "hdnea", "hdnts", "hm", "hmac", "jwt", "key-pair-id", "nonce"),
        *("ossaccesskeyid", "sig", "sign", "signature", "tempauth", "token"),
    }
)
_SIGNED = re.compile("x-(amz|goog|obs|oss|cos)-|q-(sign|ak|key|header|url|signature)")
_SIGNATURES = frozenset({"expires", "hm", "hmac", "sig", "signature"})
# nginx's `secure_link`, as many write it.
_SECURE_LINK = frozenset({"st", "e"})
_BESIDE = frozenset(
    {
        *("acl", "e", "ex", "exp", "hash", "is", "md5", "policy", "se", "ske", "skoid", "sks"),
        *("skt", "sktid", "skv", "sp", "spr", "sr", "st", "sv"),
    }
)
# Bytes: a secret must not be told by what is written down of it.
_SHORT = 4


def query_digest(url: str) -> int:
    """Return 32 bits of a digest of a URL's query, without what it is signed with; 0 for none.

    Example:
        >>> a, b = "https://example.org/get?id=1", "https://example.org/get?id=2"
        >>> query_digest(a) == query_digest(b), query_digest(a) == query_digest(a + "&sig=x")
        (False, True)
        >>> query_digest("https://example.org/a?X-Amz-Signature=x")
        0
    """
    if "?" not in url:
        return 0
    parameters = list(filter(None, urlsplit(url).query.split("&")))
    names = frozenset(map(_name, parameters))
    signed = names & _SIGNATURES or names >= _SECURE_LINK
    signing = _SIGNING | _BESIDE if signed else _SIGNING
    kept = [each for each in parameters if not _is_one_of(_name(each), signing)]
    if not kept:
        return 0
    digest = blake2b("&".join(kept).encode("utf-8", "surrogateescape"), digest_size=_SHORT)
    return int.from_bytes(digest.digest(), "big") or 1


def _name(parameter: str) -> str:
    return parameter.partition("=")[0].lower()


def _is_one_of(name: str, signing: frozenset[str]) -> bool:
    return name in signing or _SIGNED.match(name) is not None
