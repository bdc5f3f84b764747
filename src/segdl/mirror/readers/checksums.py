"""Checksum files: GNU's, BSD's, and those that hold nothing but a digest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import BinaryIO

from segdl.core.blanks import trimmed
from segdl.core.checksum import Checksum
from segdl.core.sumlines import (
    SumLine,
    algorithms_by_digits,
    read_sum,
    target_of,
    without_signature,
)
from segdl.mirror.listing import Document, Entry, Item, Unusable
from segdl.mirror.readers.lines import (
    TOO_LONG,
    Rejoined,
    lines_of,
    raw_lines_in,
    records_of,
    text_of,
)
from segdl.mirror.readers.relative import resolver
from segdl.mirror.readers.strongest import Strongest

# Names that are held back in any case, to see whether there is more of one algorithm.
_AHEAD = 4096
_LOOKED_AT = 50
# Bytes in which the end of the first line must be.
_BEGINNING = 1 << 16
# Comments, and what the collections of BSD have besides.
_SAYS_NOTHING = re.compile(r"\s*(?:[#;]|\$[A-Z][A-Za-z]+[:$]|TIMESTAMP = |$)")
_SIZE = re.compile(r"([0-9]{1,18})(?: bytes)?")
# Of a digest alone, and of one of standard input.
_NAMELESS = frozenset({"", "-"})
_NO_SUM = "it is no line of a checksum file"
_NO_NAME = "it has a digest, and no name to go with it"


class ChecksumFile:
    """A name a line with its digest; names are relative to the folder of the file.

    NULs end the lines where coreutils were told so (``-z``).

    Where digests of several algorithms are told of a name, the strongest counts, and where there
    are two of the same algorithm, none: files of BSD's format, which have such, are read to
    their end for that, on disk. One in GNU's format of a single algorithm streams. Should
    another one turn up there far from the beginning, its names come once more, with it.
    """

    name = "checksums"

    def recognises(self, head: bytes, document: Document) -> bool:
        """Tell whether the first lines are mostly those of a checksum file."""
        by_digits = algorithms_by_digits(document.name)
        raw = map(text_of, head.split(b"\0")) if _has_records(head) else raw_lines_in(head)
        texts = without_signature(list(raw)[:_LOOKED_AT])
        lines = [line for line in texts if line and not _SAYS_NOTHING.match(line)]
        sums = [one for line in lines if (one := read_sum(line, by_digits)) is not None]
        of_list = frozenset(by_digits.values())
        named = any(one.name and (one.checksum is not None or one.tag in of_list) for one in sums)
        alone = len(sums) == 1 and target_of(document.name) is not None
        return (named or alone) and len(sums) * 2 > len(lines)

    def read(self, stream: BinaryIO, document: Document) -> Iterator[Item]:
        """Yield its files."""
        resolve = resolver(document)
        lines = _lines(stream, document)
        with Strongest() as gathered:
            algorithms: set[str] = set()
            count = 0
            for number, line in lines:
                if isinstance(line, Unusable):
                    yield line
                    continue
                _take(gathered, number, line)
                algorithms.add(line.tag or (line.checksum.algorithm if line.checksum else ""))
                count += 1
                if count == _AHEAD and len(algorithms) == 1 and not line.tag:
                    break
            for named in gathered.drain():
                yield named if isinstance(named, Unusable) else _entry(*named, resolve)
        for number, line in lines:
            if isinstance(line, Unusable):
                yield line
            elif line.checksum is None:
                yield Unusable(line=number, why=_trouble(line))
            else:
                yield _entry(line.name, line.checksum, None, resolve)


def _lines(stream: BinaryIO, document: Document) -> Iterator[tuple[int, SumLine | Unusable]]:
    by_digits = algorithms_by_digits(document.name)
    target = target_of(document.name)
    beginning = stream.read(_BEGINNING)
    if _has_records(beginning):
        texts = records_of(beginning, stream)
    else:
        texts = without_signature(lines_of(Rejoined(beginning, stream), document))
    for number, text in enumerate(texts, start=1):
        if text is None:
            yield number, Unusable(line=number, why=TOO_LONG)
            continue
        line = read_sum(text, by_digits)
        if line is None:
            if not _SAYS_NOTHING.match(text):
                yield number, Unusable(line=number, why=_NO_SUM)
        elif target is not None and trimmed(line.name) in _NAMELESS:
            yield number, replace(line, name=target)
        elif line.name in _NAMELESS:
            yield number, Unusable(line=number, why=_NO_NAME)
        else:
            yield number, line


def _has_records(beginning: bytes) -> bool:
    """Tell whether NULs end the lines, as `sha256sum -z` has it: names are not escaped there."""
    first, nul, _ = beginning.partition(b"\0")
    return bool(nul) and read_sum(text_of(first)) is not None


def _take(gathered: Strongest, number: int, line: SumLine) -> None:
    name = line.name.removeprefix("./")
    size = _SIZE.fullmatch(line.value) if line.tag.lower() == "size" else None
    if size:
        gathered.take(number, name, None, size=int(size[1]))
    elif line.checksum is None:
        gathered.take(number, name, None, why=_trouble(line))
    else:
        gathered.take(number, name, line.checksum)


def _trouble(line: SumLine) -> str:
    return f"its {line.tag} digest is none that can be checked"


def _entry(
    name: str, checksum: Checksum | None, size: int | None, resolve: Callable[[str], str]
) -> Entry:
    path = name.removeprefix("./")
    return Entry(path=path, urls=(resolve(path),), size=size, checksum=checksum)
