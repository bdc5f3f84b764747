"""What the answers of an S3 store mean.

A status alone says little: stores name what is wrong in the body.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from segdl.core.text import printable
from segdl.errors import SegdlError, ServerError

_CODE = re.compile(r"<Code>([A-Za-z0-9.]{1,80})</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,500})</Message>")
_BUSY = frozenset({"SlowDown", "TooManyRequests", "ThrottlingException", "ServiceUnavailable"})
_PASSING = frozenset(
    {
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "IncompleteBody",
        "XMinioServerNotInitialized",
    }
)
_EXPIRED = frozenset({"ExpiredToken", "RequestExpired", "ExpiredTokenException"})
_HINTS = {
    "404": "check the bucket's name, or make it first",
    "403": "check the credentials, and what they allow (environment, ~/.aws, --profile)",
    "NoSuchBucket": "check its name, or make it first",
    "AccessDenied": "the credentials do not allow it",
    "InvalidAccessKeyId": "check the access key (environment, ~/.aws, --profile)",
    "SignatureDoesNotMatch": "check the secret key (environment, ~/.aws, --profile)",
    "RequestTimeTooSkewed": "set this machine's clock",
    "PermanentRedirect": "give the bucket's region with --region",
    "AuthorizationHeaderMalformed": "give the bucket's region with --region",
    "NoSuchUpload": "it was completed or aborted meanwhile: run the same command again",
}


class Meaning(Enum):
    """What to do about an answer."""

    FINE = "fine"
    BUSY = "busy"
    """The store asks to come back later."""
    PASSING = "passing"
    """Something that another try may mend."""
    EXPIRED = "expired"
    """What was signed has run out: it can be signed anew."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Object:
    """What a store says of an object: bytes, ETag without quotes, and what is kept with it."""

    size: int
    etag: str
    metadata: Mapping[str, str] = field(default_factory=dict)


class Told(NamedTuple):
    """What a store says went wrong: its code and its words; either may be empty."""

    status: int
    code: str = ""
    message: str = ""

    @property
    def meaning(self) -> Meaning:
        """What to do about it.

        Example:
            >>> Told(503, "SlowDown").meaning, Told(404, "NoSuchUpload").meaning
            (<Meaning.BUSY: 'busy'>, <Meaning.FAILED: 'failed'>)
        """
        if 200 <= self.status < 300 and not self.code:
            return Meaning.FINE
        if self.code in _BUSY or self.status in {429, 503}:
            return Meaning.BUSY
        expired = self.code == "AccessDenied" and "expired" in self.message.lower()
        if self.code in _EXPIRED or expired:
            return Meaning.EXPIRED
        if self.code in _PASSING or self.status in {408, 500, 502, 504}:
            return Meaning.PASSING
        return Meaning.FAILED

    def error(self, what: str) -> SegdlError:
        """Return the error for it; `what` says without secrets what was asked for."""
        code = "" if self.code.isdecimal() else self.code
        words = "" if self.code != code else printable(self.message.strip().rstrip("."), 200)
        said = ": ".join(filter(None, [printable(code, 80), words]))
        text = f"{what}: the store answered {self.status}" + (f" ({said})" if said else "")
        if self.meaning is Meaning.BUSY:
            return ServerError(
                text, hint="try again later", status=self.status, instead="connections"
            )
        return ServerError(text, hint=_HINTS.get(self.code, ""), status=self.status)


def read_answer(status: int, body: bytes) -> Told:
    """Read an answer's status and the beginning of its body.

    Example:
        >>> read_answer(403, b"<Error><Code>AccessDenied</Code></Error>").code
        'AccessDenied'
    """
    text = body.decode("utf-8", "replace")
    code, message = _CODE.search(text), _MESSAGE.search(text)
    return Told(status, code[1] if code else "", message[1] if message else "")
