"""The TOML of a file of mirrors, and tables of it as they should be."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from segdl.core.text import printable
from segdl.errors import UsageError
from segdl.store.faults import disk_errors, shown

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Table = Mapping[str, object]


def load(path: Path) -> Table:
    """Read a file.

    Raises:
        UsageError: it is not TOML; in which line, and why.
        DiskError: it cannot be read.
    """
    with disk_errors(path, "read"), open(path, "rb") as file:
        data = file.read()
    try:
        # Editors of Windows put a BOM before it.
        document: Table = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _no_toml(path, f" (line {line})", "it is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        # It quotes no values, which may be secrets.
        why, _, place = str(error).partition(" (at ")
        found = re.match(r"line \d+", place)
        raise _no_toml(path, f" ({found[0]})" if found else "", why) from None
    except (ValueError, RecursionError):
        raise _no_toml(path, "", "a number is too long, or tables nest too deeply") from None
    return document


def only(table: Table, known: Sequence[str], where: str) -> None:
    """Refuse keys that are not known.

    Raises:
        UsageError: there is one.
    """
    for key in table:
        if key not in known:
            raise UsageError(
                f"{where} has {printable(key, 60)!r}, which is not known",
                hint=f"it may have {', '.join(known)}",
            )


def table_of(value: object, where: str) -> dict[str, object]:
    """Return a value that is a table.

    Raises:
        UsageError: it is none.
    """
    if not isinstance(value, dict):
        raise UsageError(f"{printable(where, 100)} is not a table")
    return value


def text_of(value: object, key: str) -> str:
    """Return a value that is a text.

    Raises:
        UsageError: it is none, empty, or has what no path and no field may have.
    """
    if not isinstance(value, str):
        raise UsageError(f"{key} is no text", hint="write it in quotes")
    if not value:
        raise UsageError(f"{key} is empty", hint="fill it in")
    if "\0" in value:
        raise UsageError(f"{key} has a NUL character in it", hint="write it without")
    return value


def _no_toml(path: Path, where: str, why: str) -> UsageError:
    return UsageError(
        f"{shown(path)} is not TOML{where}: {printable(why, 200)}", hint="see docs/mirror.md"
    )
