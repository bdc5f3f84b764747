"""What a response means for the request that it answers."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from segdl.core.head import Head
from segdl.core.identity import Match, Version, compare, is_page_instead
from segdl.core.spans import Span
from segdl.core.text import printable
from segdl.core.url import Origin
from segdl.errors import Instead, IntegrityError, SegdlError, ServerError

_SERVER_ERRORS = 500
_REFUSED = frozenset({429, 503})
_TRANSIENT = frozenset({408, 425, 500, 502, 504, 520, 521, 522, 523, 524, 529, 530, 598, 599})
_IN_PARTS = "multipart/byteranges"
# What a signed URL that ran out is answered with.
MAYBE_EXPIRED = frozenset({400, 401, 403, 404, 410})


def may_pass(status: int | None) -> bool:
    """Tell whether a server that answered this may answer otherwise soon; None broke HTTP."""
    return status is None or status in _REFUSED or status in _TRANSIENT


class Accept(NamedTuple):
    """The body is the bytes from `start` on, up to `stop` where that is known."""

    start: int
    stop: int | None


class Changed(NamedTuple):
    """The response is not of the version that was asked for, or may not be."""

    why: str


class Unranged(NamedTuple):
    """The server does not answer the range that was asked for as it should."""

    why: str


class Refused(NamedTuple):
    """The server asks to come back later: 429 or 503, after `after` seconds where it says so.

    `by` is who says so, where a redirect led to that.
    """

    after: float | None
    error: SegdlError
    by: Origin | None = None

    def said_by(self, by: Origin, asked: Origin) -> Refused:
        """Return it with who said it, where `asked` was asked."""
        return self._replace(by=None if by == asked else by)


class Retry(NamedTuple):
    """Something passing; `error` is what to raise when it does not pass."""

    error: SegdlError


class Fail(NamedTuple):
    """The server says no. `expired`: a signed URL that ran out would look like this."""

    error: SegdlError
    expired: bool = False


Verdict: TypeAlias = Accept | Changed | Unranged | Refused | Retry | Fail


class Denied(NamedTuple):
    """The server says no to one more request while it sends the file to another (see `beside`)."""

    error: ServerError


def judge(
    asked: Span | None,
    head: Head,
    pinned: Version | None,
    what: str,
    *,
    whole_will_do: bool = False,
) -> Verdict:
    """Decide what a response is good for.

    Args:
        asked: the range in the request; None where there was no Range field.
        head: the response's head.
        pinned: the version that is being fetched; None at first contact.
        what: the URL without secrets, for messages.
        whole_will_do: the whole file may come where a range was asked for.

    Example:
        >>> from segdl.core.head import parse_head
        >>> judge(Span(0, 9), parse_head(206, {"Content-Range": "bytes 0-4/5"}, now=0), None, "u")
        Accept(start=0, stop=5)
    """
    if head.status in {200, 206}:
        return _judge_success(asked, head, pinned, what, whole_will_do=whole_will_do)
    said = f"{what}: the server answered {head.status}"
    instead: Instead | None = "connections" if head.status in _REFUSED else None
    error = ServerError(said, hint=_hint(head.status), status=head.status, instead=instead)
    if head.status in _REFUSED:
        # At once, or a date that has passed, names no time.
        return Refused(head.retry_after or None, error)
    if head.status in _TRANSIENT:
        return Retry(error)
    if head.status in {412, 416}:
        if pinned is None:
            return Unranged("the server refuses the range")
        return Changed(f"the server answers {head.status} where the range was there before")
    return Fail(error, expired=head.status in MAYBE_EXPIRED)


def beside(verdict: Verdict) -> Verdict | Denied:
    """Return what an answer means while the server sends the file to another request.

    A status of 4xx, or a web page instead, does not say then that the file is not to be had: there
    are links that are good for one request, or for one at a time.

    Example:
        >>> said = ServerError("the server answered 403", status=403)
        >>> beside(Fail(said)) == Denied(said)
        True
    """
    if isinstance(verdict, Fail | Retry) and isinstance(verdict.error, ServerError):
        status = verdict.error.status
        if status is not None and status < _SERVER_ERRORS and not may_pass(status):
            return Denied(verdict.error)
    return verdict


def _judge_success(
    asked: Span | None, head: Head, pinned: Version | None, what: str, *, whole_will_do: bool
) -> Verdict:
    if head.encoding and not _names_its_encoding(what, head.encoding):
        return Fail(
            IntegrityError(
                f"{what}: the server sent Content-Encoding {printable(head.encoding, 40)!r}, "
                "which was not asked for: these are not the file's bytes",
                hint="it or a proxy compresses on its own: try another URL of the file",
            )
        )
    if pinned is not None:
        if is_page_instead(pinned, head.version):
            return Retry(
                ServerError(
                    f"{what}: the server answers with a web page instead of the file",
                    hint="log in again or pass fresh cookies, then run the same command",
                    status=head.status,
                )
            )
        match = compare(pinned, head.version)
        if match is not Match.SAME:
            return Changed(_difference(pinned, head.version))
    if head.status == 200:
        if asked is None or whole_will_do:
            return Accept(0, head.length)
        return Unranged("the server ignores the range")
    return _judge_range(asked, head)


def _judge_range(asked: Span | None, head: Head) -> Verdict:
    if head.version.media_type == _IN_PARTS:
        # Whatever its Content-Range says, which it must not have (RFC 9110, 15.3.7.2).
        return Unranged("the server answers one range in several parts")
    got = head.content_range.span if head.content_range else None
    if asked is None or got is None:
        return Unranged("the server answers 206 without a usable Content-Range")
    if got.start != asked.start or got.stop > asked.stop:
        return Unranged(
            f"the server answers bytes {got.start}-{got.stop - 1} "
            f"where {asked.start}-{asked.stop - 1} were asked for"
        )
    if head.length is not None and head.length != len(got):
        return Unranged(f"the server announces {head.length} bytes for a range of {len(got)}")
    return Accept(got.start, got.stop)


def _names_its_encoding(what: str, encoding: str) -> bool:
    """Tell whether the file itself is what the encoding names.

    Servers commonly label ``x.tar.gz`` with ``Content-Encoding: gzip``; the bytes sent are
    those of the file nevertheless.
    """
    endings = {
        "gzip": (".gz", ".tgz"),
        "x-gzip": (".gz", ".tgz"),
        "br": (".br",),
        "zstd": (".zst",),
    }
    return what.lower().endswith(endings.get(encoding, ("\0",)))


def _difference(pinned: Version, seen: Version) -> str:
    if None not in (pinned.size, seen.size) and pinned.size != seen.size:
        return f"it has {seen.size} bytes now, it had {pinned.size}"
    if pinned.last_modified and seen.last_modified and pinned.last_modified != seen.last_modified:
        return "it was modified since"
    if pinned.contradicts(seen):
        return "its digest is another now"
    return "its ETag is another now"


def _hint(status: int) -> str:
    if status == 401:
        return "give a user and password with -u or --netrc"
    if status == 403:
        return "the URL may have expired, or needs a login (-u, --cookies, -H)"
    if status in {404, 410}:
        return "check the URL"
    if status == 407:
        return "give the proxy's user and password in --proxy"
    if status in _REFUSED:
        return "try again later"
    return "try again later" if status >= 500 else ""
