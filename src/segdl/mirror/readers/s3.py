"""What S3's ListObjectsV2 answers, and ListObjects before it: a page of a bucket's keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import BinaryIO
from urllib.parse import parse_qs, quote, unquote_plus, urlsplit, urlunsplit

from segdl.core.checksum import Checksum
from segdl.core.markup import Path, root_of, walk_pieces
from segdl.core.text import printable
from segdl.errors import UsageError
from segdl.mirror.listing import Document, Entry, Further, Item, Unusable
from segdl.mirror.readers.columns import seconds_of, size_of
from segdl.mirror.readers.lines import shown_name
from segdl.mirror.readers.relative import is_own, resolver

_ROOT = "ListBucketResult"
_PIECE = 1 << 16
# Objects that are held back until it is known whether keys are encoded. Not every server does
# what it is asked to, and some say so at the end; a page has 1,000.
_AHEAD = 10_000
_ABOUT = frozenset({"Prefix", "EncodingType", "IsTruncated", "NextContinuationToken", "NextMarker"})
_OF_AN_OBJECT = frozenset({"Key", "Size", "ETag", "LastModified"})
# Characters; a key has 1,024 bytes, each of them three where it is encoded.
_LONGEST = 4096
_MD5 = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class S3Listing:
    """A bucket's keys below a prefix; a path is what comes after the prefix's last slash.

    In the place of a line number comes the number of the object in the page.

    An ETag of 32 hexadecimal digits is taken for the MD5 of the object. It is, unless it was
    uploaded in parts (then it ends in ``-N``) or is encrypted with a key of a customer or of
    KMS, which the listing does not tell. But such an object is not given to who may not decrypt
    it, so what can be mirrored without signing requests is hardly ever one. And where the guess
    is wrong after all, that is seen (the digest does not match, no file is published) and has a
    remedy, the name `s3-no-md5`, while files that go unchecked would never be noticed.

    Attributes:
        name: see Reader.
        digests: whether ETags count.
    """

    name: str = "s3"
    digests: bool = True

    def recognises(self, head: bytes, document: Document) -> bool:
        """Tell whether the root element is that of a listing."""
        del document
        return self.digests and (root_of(head) or ("", ""))[1] == _ROOT

    def read(self, stream: BinaryIO, document: Document) -> Iterator[Item]:
        """Yield its files, then where the next page is."""
        query = parse_qs(urlsplit(document.url or "").query)
        page = _Page(
            what=shown_name(document),
            asked_encoded="url" in query.get("encoding-type", []),
            prefix=query.get("prefix", [""])[0],
        )
        resolve = resolver(_at_bucket(document))
        number, last = 0, ""
        for _ in walk_pieces(iter(lambda: stream.read(_PIECE), b""), page, page.what):
            for values in page.take():
                number += 1
                last = page.decoded(values.get("Key", ""))
                if not last:
                    yield Unusable(line=number, why="an object has no key")
                elif not last.endswith("/"):
                    yield self._entry(last, values, page.folder, resolve(last))
        if page.folder_count:
            shown = printable(page.decoded(page.folder_seen), 200)
            why = f"{page.folder_count} folders, such as {shown!r}, are not looked into"
            yield Unusable(line=number, why=f"{why}: ask without delimiter")
        if page.about.get("IsTruncated", "").strip().lower() == "true":
            yield _next_page(page, document, last)

    def _entry(self, key: str, values: Mapping[str, str], folder: str, url: str) -> Entry:
        etag = values.get("ETag", "").strip().strip('"').lower()
        return Entry(
            path=key.removeprefix(folder),
            urls=(url,),
            size=size_of(values.get("Size")),
            modified=seconds_of(values.get("LastModified")),
            checksum=Checksum("md5", etag) if self.digests and _MD5.fullmatch(etag) else None,
        )


def s3_listing_without_md5() -> S3Listing:
    """Return the reader for a bucket whose ETags are no digests."""
    return S3Listing("s3-no-md5", digests=False)


@dataclass(slots=True)
class _Page:
    """Hears of what is in a page. Confined to one reading."""

    what: str
    asked_encoded: bool
    prefix: str
    about: dict[str, str] = field(default_factory=dict)
    folder_count: int = 0
    folder_seen: str = ""
    _objects: list[dict[str, str]] = field(default_factory=list)
    _object: dict[str, str] = field(default_factory=dict)
    # Whether keys are encoded; None while that may still be told.
    _encoded: bool | None = None

    def root(self, namespace: str, name: str) -> None:
        del namespace
        if name != _ROOT:
            raise UsageError(f"{self.what} is no listing of a bucket")

    def start(self, path: Path, attributes: Mapping[str, str]) -> None:
        del attributes
        if path[1:] == ("Contents",):
            self._object = {}

    def end(self, path: Path, attributes: Mapping[str, str], text: str) -> None:
        del attributes
        match path[1:]:
            case ("Contents", name) if name in _OF_AN_OBJECT:
                # What is longer is none, and many of them are held.
                self._object[name] = text if len(text) <= _LONGEST else ""
            case ("Contents",):
                self._objects.append(self._object)
            case ("CommonPrefixes", "Prefix"):
                self.folder_count += 1
                self.folder_seen = text
            case (name,) if name in _ABOUT:
                self._hear(name, text)
            case () if self._encoded is None:
                self._encoded = False

    def _hear(self, name: str, text: str) -> None:
        self.about[name] = text
        if name == "EncodingType":
            encoded = text.strip() == "url"
            if self._encoded not in {None, encoded}:
                raise UsageError(f"{self.what} says too late how its keys are to be read")
            self._encoded = encoded

    def take(self) -> list[dict[str, str]]:
        """Return the objects that came, as soon as it is known how to read their keys."""
        if self._encoded is None and len(self._objects) > _AHEAD:
            self._encoded = self.asked_encoded
        if self._encoded is None:
            return []
        taken, self._objects = self._objects, []
        return taken

    def decoded(self, text: str) -> str:
        """Return a key; a plus is a space where they are encoded."""
        return unquote_plus(text, errors="surrogateescape") if self._encoded else text

    @property
    def folder(self) -> str:
        """What of the keys is not told by paths."""
        prefix = self.decoded(self.about["Prefix"]) if "Prefix" in self.about else self.prefix
        return prefix[: prefix.rfind("/") + 1]


def _at_bucket(document: Document) -> Document:
    """Let keys be relative to the bucket, which is what a listing is asked from."""
    if document.url is None or not is_own(document):
        return document
    parts = urlsplit(document.url)
    return replace(document, url=None, base=urlunsplit((*parts[:3], "", "")))


def _next_page(page: _Page, document: Document, last: str) -> Further:
    """Return where the listing goes on.

    Raises:
        UsageError: nobody can tell.
    """
    token = page.about.get("NextContinuationToken", "").strip()
    name = "continuation-token" if token else "marker"
    value = token or page.decoded(page.about.get("NextMarker", "")) or last
    if document.url is None or not value:
        raise UsageError(
            f"{page.what} is one page of a longer listing, and does not tell where the next is",
            hint="mirror from the URL of the listing itself",
        )
    parts = urlsplit(document.url)
    kept = [one for one in parts.query.split("&") if one and one.partition("=")[0] != name]
    goes_on = f"{name}={quote(value, safe='', errors='surrogateescape')}"
    if goes_on in parts.query.split("&"):
        raise UsageError(f"{page.what} names itself as the next page")
    return Further(url=urlunsplit(parts._replace(query="&".join([*kept, goes_on]))))
