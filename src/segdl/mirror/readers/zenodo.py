"""Records of Zenodo, and of other archives that run InvenioRDM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from segdl.errors import UsageError
from segdl.mirror.listing import Document, Entry, Item, Unusable
from segdl.mirror.readers.columns import entry_of
from segdl.mirror.readers.lines import shown_name
from segdl.mirror.readers.objects import as_object, begins_object, read_object

# Where the bytes are; in a list of files alone `self` is a description of one.
_LINKS = ("content", "download", "self")


class ZenodoRecord:
    """One record as the API tells it: ``/api/records/ID``, or ``…/ID/files``.

    In the place of a line number comes the number of the file.
    """

    name = "zenodo"

    def recognises(self, head: bytes, document: Document) -> bool:
        """Tell whether it is an object that has files with keys, digests and links."""
        del document
        return begins_object(head) and all(
            word in head for word in (b'"key"', b'"checksum"', b'"links"')
        )

    def read(self, stream: BinaryIO, document: Document) -> Iterator[Item]:
        """Yield its files."""
        record = read_object(stream, document)
        files = record.get("files", record)
        if isinstance(files, dict):
            files = files.get("entries")
        if isinstance(files, dict):
            files = list(files.values())
        if not isinstance(files, list):
            hint = (
                "it is what a search found: give the URL of one record" if "hits" in record else ""
            )
            raise UsageError(f"{shown_name(document)} is no record with files", hint=hint)
        for number, file in enumerate(files, start=1):
            try:
                yield _entry(as_object(file), document)
            except UsageError as error:
                yield Unusable(line=number, why=str(error))


def _entry(file: dict[str, object], document: Document) -> Entry:
    links = as_object(file.get("links"))
    checksum = file.get("checksum")
    values = {
        "url": next((links[name] for name in _LINKS if links.get(name)), None),
        "dest": file.get("key") or file.get("filename"),
        "size": file.get("size", file.get("filesize")),
    }
    if isinstance(checksum, str) and checksum:
        algorithm, colon, digits = checksum.rpartition(":")
        values["checksum"] = f"{algorithm if colon else 'md5'}={digits}"
    return entry_of(values, document)
