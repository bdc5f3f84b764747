"""Metalink documents of real bytes, as a server would offer them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import zip_longest
from xml.sax.saxutils import escape, quoteattr

MIB = 1024 * 1024
_FOUR = "urn:ietf:params:xml:ns:metalink"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A file of a document.

    `content` is what it should be; `checksum` and `pieces` name algorithms, None for none; `most`
    has the connections that each URL allows, in Metalink 3.
    """

    content: bytes
    urls: tuple[str, ...]
    name: str = "f.bin"
    size: int | None = -1
    checksum: str | None = "sha-256"
    pieces: str | None = None
    length: int = MIB
    connections: int | None = None
    most: tuple[int | None, ...] = ()

    @property
    def told_size(self) -> int | None:
        return len(self.content) if self.size == -1 else self.size

    def digest(self, algorithm: str, start: int = 0, stop: int | None = None) -> str:
        name = algorithm.replace("sha-", "sha")
        return hashlib.new(name, self.content[start:stop]).hexdigest()

    def piece_digests(self) -> list[str]:
        assert self.pieces is not None
        starts = range(0, len(self.content), self.length)
        return [self.digest(self.pieces, at, at + self.length) for at in starts]


def meta4(*files: Listed) -> str:
    """Return a Metalink 4 document."""
    inside = "".join(_file(file) for file in files)
    return f'<?xml version="1.0"?>\n<metalink xmlns="{_FOUR}">{inside}</metalink>\n'


def _file(file: Listed) -> str:
    lines = [] if file.told_size is None else [f"<size>{file.told_size}</size>"]
    if file.checksum:
        lines.append(f'<hash type="{file.checksum}">{file.digest(file.checksum)}</hash>')
    if file.pieces:
        inside = "".join(f"<hash>{digest}</hash>" for digest in file.piece_digests())
        lines.append(f'<pieces length="{file.length}" type="{file.pieces}">{inside}</pieces>')
    lines += [
        f'<url priority="{place}">{escape(url)}</url>' for place, url in enumerate(file.urls, 1)
    ]
    return f"<file name={quoteattr(file.name)}>{''.join(lines)}</file>"


def metalink3(file: Listed) -> str:
    """Return a Metalink 3 document."""
    hashes = f'<hash type="sha1">{file.digest("sha1")}</hash>'
    if file.pieces:
        inside = "".join(
            f'<hash piece="{index}">{digest}</hash>'
            for index, digest in enumerate(file.piece_digests())
        )
        hashes += f'<pieces length="{file.length}" type="{file.pieces}">{inside}</pieces>'
    urls = "".join(
        f'<url type="http" preference="{100 - place}"{_cap(most)}>{escape(url)}</url>'
        for place, (url, most) in enumerate(zip_longest(file.urls, file.most))
    )
    return (
        '<?xml version="1.0"?>\n<metalink version="3.0" xmlns="http://www.metalinker.org/"><files>'
        f"<file name={quoteattr(file.name)}><size>{len(file.content)}</size>"
        f"<verification>{hashes}</verification><resources{_cap(file.connections)}>{urls}</resources></file>"
        "</files></metalink>\n"
    )


def _cap(most: int | None) -> str:
    return "" if most is None else f' maxconnections="{most}"'
