"""Which reader a list is for.

Another package adds a format by an entry point of the group `segdl.readers`, which names an
object that is a :class:`segdl.mirror.listing.Reader`, under the reader's own name. In its
``pyproject.toml``::

    [project.entry-points."segdl.readers"]
    stac = "stac_lists:READER"

It is asked after those of ours that know their format by a mark of its own, and before those
to which most texts could belong. It can always be asked for by name.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from segdl.core.sums import is_markup
from segdl.core.text import printable
from segdl.errors import UsageError
from segdl.mirror.listing import Document, Reader
from segdl.mirror.readers.lines import page_instead, shown_name

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "segdl.readers"
# Module and what makes the reader, by its name, in the order in which they are asked. They are
# imported then: a list of JSON lines needs nothing that reads HTML, XML or CSV.
_MARKED = {
    "index-json": "index_json.IndexJson",
    "index-html": "index_html.IndexHtml",
    "metalink": "metalink.Metalink",
    "s3": "s3.S3Listing",
    "s3-no-md5": "s3.s3_listing_without_md5",
    "tsvhttpdata": "tsvhttpdata.TsvHttpData",
    "jsonlines": "jsonlines.JsonLines",
    "huggingface": "huggingface.HuggingFaceIndex",
    "zenodo": "zenodo.ZenodoRecord",
}
_LOOSE = {
    "checksums": "checksums.ChecksumFile",
    "ena": "ena.EnaReport",
    "csv": "csvtable.CsvTable",
    "bagit": "bagit.BagItFetch",
    "urls": "urls.UrlList",
    "paths": "commoncrawl.CommonCrawlPaths",
}
_OURS = _MARKED | _LOOSE
INDEX_PAGES = frozenset({"index-json", "index-html"})
_OF_MARKUP = frozenset({"index-html", "metalink", "s3", "s3-no-md5"})


def formats() -> tuple[str, ...]:
    """Return what lists can be, as `reader_for` takes it, those of other packages last."""
    return (*_OURS, *(name for name in sorted(_others()) if name not in _OURS))


def reader_for(head: bytes, document: Document, name: str | None = None) -> Reader:
    """Return what reads a list.

    Args:
        head: its first bytes, up to 64 KiB; not needed where there is a name.
        document: what is known of it.
        name: the format that the user says it has; None recognises it by content.

    Raises:
        UsageError: no format of that name is known, or the list has none that is; or the
            package that the format comes from does not work.

    Example:
        >>> reader_for(b"https://example.org/a.iso", Document(name="")).name
        'urls'
    """
    if name is not None:
        return _named(name)
    can_be_markup = _can_be_markup(head) or "metalink" in document.media_type
    for ours in _MARKED:
        if ours in _OF_MARKUP and not can_be_markup:
            continue
        if (reader := _reader(ours)).recognises(head, document):
            return reader
    broken: list[str] = []
    for other in _others().values():
        try:
            reader = _loaded(other)
            if reader.recognises(head, document):
                return reader
        except UsageError:
            broken.append(other.name)
        except Exception:  # noqa: BLE001 - a package of others may not be in the way of ours
            broken.append(other.name)
    for ours in _LOOSE:
        if (reader := _reader(ours)).recognises(head, document):
            return reader
    raise _unknown(head, document, broken)


def _can_be_markup(head: bytes) -> bool:
    """Tell whether a list may be HTML or XML, in whatever encoding, by its first character."""
    first = head.removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    return first == b"<" or not b" " < first < b"\x7f"


def _reader(name: str) -> Reader:
    module, _, made_by = _OURS[name].partition(".")
    make: Callable[[], Reader] = getattr(import_module(f"segdl.mirror.readers.{module}"), made_by)
    return make()


def _others() -> dict[str, EntryPoint]:
    # Imported here: it takes a while, and most lists have a mark.
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=GROUP)}


def _named(name: str) -> Reader:
    if name in _OURS:
        return _reader(name)
    other = _others().get(name)
    if other is None:
        raise UsageError(
            f"{printable(name, 60)!r} is no format of lists that is known",
            hint=f"it is one of {', '.join(formats())}",
        )
    return _loaded(other)


def _loaded(point: EntryPoint) -> Reader:
    """Return a reader of another package.

    Raises:
        UsageError: its package cannot be imported, or has no reader there.
    """
    package = f" of {point.dist.name}" if point.dist is not None else ""
    shown = printable(f"the reader {point.name}{package}", 200)
    try:
        reader: Reader = point.load()
    except Exception as error:
        raise UsageError(
            f"{shown} cannot be loaded: {printable(f'{type(error).__name__}: {error}', 200)}",
            hint="update or remove that package",
        ) from error
    if not all(hasattr(reader, each) for each in ("name", "recognises", "read")):
        raise UsageError(f"{shown} is no reader", hint="update or remove that package")
    return reader


def _unknown(head: bytes, document: Document, broken: list[str]) -> UsageError:
    """Return the error for a list of no known format."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return UsageError(f"{shown_name(document)} is in UTF-16", hint="convert it to UTF-8")
    if is_markup(head.decode("utf-8", "replace")):
        return page_instead(document)
    if not head.strip():
        return UsageError(f"{shown_name(document)} is empty: it names no file")
    failed = f" (not asked: {printable(', '.join(broken), 200)})" if broken else ""
    return UsageError(
        f"{shown_name(document)} is no list of a format that is known{failed}",
        hint=f"tell which it is with --format: {', '.join(formats())}",
    )
