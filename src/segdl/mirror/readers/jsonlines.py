"""JSON lines: an object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO

from segdl.errors import UsageError
from segdl.mirror.listing import Document, Item, Unusable
from segdl.mirror.readers.columns import entry_of
from segdl.mirror.readers.lines import TOO_LONG, lines_in, lines_of


class JsonLines:
    """An object a line, with `url`, and whatever else `entry_of` takes."""

    name = "jsonlines"

    def recognises(self, head: bytes, document: Document) -> bool:
        """Tell whether the first line is an object with a URL."""
        del document
        try:
            return any("url" in _object(line) for line in lines_in(head)[:1])
        except UsageError:
            return False

    def read(self, stream: BinaryIO, document: Document) -> Iterator[Item]:
        """Yield its files."""
        for number, line in enumerate(lines_of(stream, document), start=1):
            if line is None:
                yield Unusable(line=number, why=TOO_LONG)
            elif line.strip():
                try:
                    yield entry_of(_object(line), document)
                except UsageError as error:
                    yield Unusable(line=number, why=str(error))


def _object(line: str) -> dict[str, object]:
    try:
        value: object = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UsageError("it is no JSON object")
    return {str(name).strip().lower(): each for name, each in value.items()}
