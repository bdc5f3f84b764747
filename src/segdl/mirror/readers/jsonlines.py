"""JSON lines: an object a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from segdl.errors import UsageError
from segdl.mirror.listing import Document, Entry, Item
from segdl.mirror.readers.columns import entry_of
from segdl.mirror.readers.lines import items_of, lines_in, lines_of
from segdl.mirror.readers.objects import object_of


class JsonLines:
    """An object a line, with `url`, and whatever else `entry_of` takes."""

    name = "jsonlines"

    def recognises(self, head: bytes, document: Document) -> bool:
        """Tell whether the first line is an object with a URL."""
        del document
        for line in lines_in(head)[:1]:
            try:
                return "url" in _values(line)
            except UsageError:
                # One that goes on beyond what is seen of it.
                return b"\n" not in head and re.match(r'\{\s*"url"', line) is not None
        return False

    def read(self, stream: BinaryIO, document: Document) -> Iterator[Item]:
        """Yield its files."""

        def files(line: str) -> tuple[Entry]:
            return (entry_of(_values(line), document),)

        return items_of(enumerate(lines_of(stream, document), start=1), files)


def _values(line: str) -> dict[str, object]:
    return {name.strip().lower(): value for name, value in object_of(line).items()}
