"""Lists as their readers get them."""

from __future__ import annotations

import io

from segdl.mirror.listing import Document, Entry, Item, Reader, Unusable

# With what some take for blanks around them.
NAMES = ["a ", " a", "d /x", " ", "\u00a0nb", "nb\u00a0", "\u3000a\u3000", "\u2003", ".hid/x"]


def items(
    reader: Reader,
    data: bytes | str,
    name: str = "",
    *,
    url: str | None = None,
    base: str | None = None,
) -> list[Item]:
    """Return what a reader makes of a document; its base is its URL unless another is given."""
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogateescape")
    document = Document(name=name, url=url, base=base or url)
    return list(reader.read(io.BufferedReader(io.BytesIO(data)), document))


def entries(
    reader: Reader,
    data: bytes | str,
    name: str = "",
    *,
    url: str | None = None,
    base: str | None = None,
) -> list[Entry]:
    """Return its files; nothing else may be in it."""
    found = items(reader, data, name, url=url, base=base)
    files = [item for item in found if isinstance(item, Entry)]
    assert files == found, found
    return files


def troubles(found: list[Item]) -> dict[int, str]:
    """Return what is wrong with lines, by their numbers."""
    return {item.line: item.why for item in found if isinstance(item, Unusable)}
