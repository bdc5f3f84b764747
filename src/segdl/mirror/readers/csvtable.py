"""CSV: a header, then a row a file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import BinaryIO

from segdl.core.blanks import trimmed
from segdl.core.text import printable
from segdl.errors import UsageError
from segdl.mirror.listing import Document, Item, Unusable
from segdl.mirror.readers.columns import entry_of, is_meant
from segdl.mirror.readers.lines import LONGEST, TOO_LONG, lines_in, lines_of, shown_name

_TAB = "\t"
_DELIMITERS = f",;{_TAB}"


class CsvTable:
    """Columns named in the first line: `url`, and whatever else `entry_of` takes.

    They are separated by commas, semicolons or tabs, whichever makes a column `url` of the
    header. The mirrors of a file are separated by blanks or ``|``. Between tabs a row is a line:
    few that write such a table close each quote that is in a title.
    """

    name = "csv"

    def recognises(self, head: bytes, document: Document) -> bool:
        """Tell whether the first line is a header with `url`."""
        del document
        return any(_header(line)[0] for line in lines_in(head)[:1])

    def read(self, stream: BinaryIO, document: Document) -> Iterator[Item]:
        """Yield its files."""
        lines = _Counted(lines_of(stream, document))
        first = next((line for line in lines if _says_something(line)), "")
        header, delimiter = _header(first)
        if not header:
            raise UsageError(
                f"{shown_name(document)} has no header with a column url",
                hint="name the columns in its first line",
            )
        again = (name for at, name in enumerate(header) if name in header[:at])
        twice = next(filter(is_meant, again), None)
        if twice is not None:
            raise UsageError(f"{shown_name(document)} has two columns {printable(twice, 60)!r}")
        tabbed = delimiter == _TAB
        rows = _Tabbed(lines) if tabbed else _Quoted(lines, delimiter, len(header))
        while True:
            try:
                row = next(rows, None)
                if row is None:
                    break
                if any(map(trimmed, row)):
                    yield entry_of(_named(header, row), document)
            except (csv.Error, UsageError) as error:
                why = str(error) if isinstance(error, UsageError) else "it is no row of CSV"
                yield Unusable(line=lines.number, why=why)
            yield from lines.take_unread()
        yield from lines.take_unread()


class _Counted:
    """Lines as `csv` takes them, counted; those that are too long are left out, and kept apart."""

    def __init__(self, lines: Iterator[str | None]) -> None:
        self._lines = lines
        self._unread: list[Unusable] = []
        self._length = 0
        self.number = self.of_row = 0
        self.last = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while True:
            line = next(self._lines)
            self.number += 1
            if line is not None:
                self.of_row += 1
                self._length += len(line)
                if self._length > LONGEST:
                    raise UsageError("its row is longer than 1 MiB: a quote may not be closed")
                # A line's end within quotes belongs to the value.
                self.last = f"{line}\n"
                return self.last
            self._unread.append(Unusable(line=self.number, why=TOO_LONG))

    def begin_row(self) -> None:
        self.of_row = self._length = 0

    def take_unread(self) -> list[Unusable]:
        taken, self._unread = self._unread, []
        return taken


def _header(line: str) -> tuple[list[str], str]:
    """Return the names of the columns, and what separates them; no names where there is no url."""
    for delimiter in _DELIMITERS:
        try:
            row = next(csv.reader([line], delimiter=delimiter), [])
        except csv.Error:
            continue
        names = [name.strip().lower() for name in row]
        if "url" in names:
            return names, delimiter
    return [], ","


class _Quoted(Iterator[list[str]]):
    """Rows in which quotes may be around any value, and ends of lines within them."""

    def __init__(self, lines: _Counted, delimiter: str, columns: int) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self._columns = columns
        self._rows = csv.reader(lines, delimiter=delimiter, strict=True)

    def __next__(self) -> list[str]:
        self._lines.begin_row()
        try:
            return next(self._rows)
        except csv.Error:
            # Some write quotes in ways of their own, and yet all of the columns on a line.
            row = next(csv.reader([self._lines.last], delimiter=self._delimiter), [])
            if self._lines.of_row == 1 and len(row) == self._columns:
                return row
            raise


class _Tabbed(Iterator[list[str]]):
    """Rows of a line each; a quote that nothing closes is a character like others."""

    def __init__(self, lines: _Counted) -> None:
        self._lines = lines

    def __next__(self) -> list[str]:
        self._lines.begin_row()
        line = next(self._lines)
        try:
            return next(csv.reader([line], delimiter=_TAB, strict=True), [])
        except csv.Error:
            return list(map(_unquoted, line.rstrip("\n").split(_TAB)))


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] == '"'
    return value[1:-1].replace('""', '"') if quoted else value


def _named(header: list[str], row: list[str]) -> dict[str, object]:
    if len(row) > len(header):
        raise UsageError(f"it has {len(row)} columns, not {len(header)} as the header")
    return dict(zip(header, row, strict=False))


def _says_something(line: str) -> bool:
    return bool(trimmed(line)) and not line.startswith("#")
