"""Indexes of models that are cut into several files, as Hugging Face has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from segdl.errors import UsageError
from segdl.mirror.listing import Document, Entry, Item, Unusable
from segdl.mirror.readers.lines import shown_name
from segdl.mirror.readers.objects import begins_object, read_object
from segdl.mirror.readers.relative import resolver


class HuggingFaceIndex:
    """``model.safetensors.index.json``: which file each weight is in, beside the index itself.

    In the place of a line number comes the number of the file.
    """

    name = "huggingface"

    def recognises(self, head: bytes, document: Document) -> bool:
        """Tell whether it is an object with a map of weights."""
        del document
        return begins_object(head) and b'"weight_map"' in head

    def read(self, stream: BinaryIO, document: Document) -> Iterator[Item]:
        """Yield its files."""
        resolve = resolver(document)
        weights = read_object(stream, document).get("weight_map")
        if not isinstance(weights, dict) or not all(isinstance(n, str) for n in weights.values()):
            raise UsageError(f"{shown_name(document)} has no map of weights")
        for number, name in enumerate(dict.fromkeys(weights.values()), start=1):
            try:
                yield Entry(path=name, urls=(resolve(name),))
            except UsageError as error:
                yield Unusable(line=number, why=str(error))
