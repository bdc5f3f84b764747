"""Reports of earlier runs, found and read."""

from __future__ import annotations

import json
import re
import types
from collections.abc import Sequence
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from segdl.core.shards import Shard
from segdl.errors import DiskError, UsageError
from segdl.mirror.options import FOLDER
from segdl.mirror.seen.report import SCHEMA_VERSION, Report
from segdl.mirror.seen.report_files import JSON
from segdl.store.faults import disk_errors, shown

_SHARD = re.compile(r"shard-([0-9]{1,6})-of-([0-9]{1,6})", re.ASCII)
# Of one report, in characters.
_MOST = 64 * 1024 * 1024


def reports_below(directory: Path) -> tuple[list[Path], list[Shard]]:
    """Return where the reports of a mirror are, and the shards of which there is none.

    Args:
        directory: the mirror, or a folder that has a report.

    Raises:
        UsageError: it has shards of two ways to split it.
        DiskError: there is none.
    """
    folder = directory / FOLDER
    found = sorted(folder.glob("shard-*-of-*")) if folder.is_dir() else []
    matches = [match for path in found if (match := _SHARD.fullmatch(path.name))]
    shards = {Shard(int(match[1]), int(match[2])) for match in matches}
    if len({shard.count for shard in shards}) > 1:
        raise UsageError(
            f"{shown(folder)} has shards of two ways to split the list",
            hint="remove the folders of the old one",
        )
    if shards:
        count = next(iter(shards)).count
        every = [Shard(index, count) for index in range(count)]
        paths = {shard: folder / shard.name / JSON for shard in every}
        there = [path for path in paths.values() if path.is_file()]
        return there, [shard for shard in every if not paths[shard].is_file()]
    for path in (folder / JSON, directory / JSON):
        if path.is_file():
            return [path], []
    raise DiskError(
        f"{shown(directory)} has no {JSON}",
        hint="it is written when a run ends, into the folder of --report-to where one was given",
    )


def read_report(path: Path) -> Report:
    """Read a report that `write_report` wrote.

    Raises:
        UsageError: it is none, or of another version.
        DiskError: it cannot be read.
    """
    with disk_errors(path, "read"), open(path, encoding="utf-8") as file:
        text = file.read(_MOST)
    try:
        told = json.loads(text)
        if told["v"] != SCHEMA_VERSION:
            raise ValueError("another version")
        report: Report = _read(Report, told)
        return report
    except (ValueError, TypeError, KeyError, RecursionError):
        raise UsageError(
            f"{shown(path)} is no report of this version", hint="run the mirror again"
        ) from None


def _read(kind: Any, told: object) -> Any:
    """Return a value of a type that JSON was made of; TypeError or ValueError where it is not."""
    if isinstance(kind, type) and is_dataclass(kind):
        if not isinstance(told, dict):
            raise TypeError(kind)
        hints = get_type_hints(kind)
        values = {}
        for field in fields(kind):
            if field.name in told:
                values[field.name] = _read(hints[field.name], told[field.name])
            elif field.name == "file":
                # The number of a file means nothing once its run is over.
                values[field.name] = 0
            elif field.default is MISSING:
                raise ValueError(field.name)
        return kind(**values)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is tuple and isinstance(told, list):
        return tuple(_read(inner[0], each) for each in told)
    if origin is dict and isinstance(told, dict):
        return {_read(inner[0], key): _read(inner[1], value) for key, value in told.items()}
    if origin in {Union, types.UnionType}:
        return _read_one_of(inner, told)
    if origin is Literal:
        if told not in inner:
            raise ValueError(kind)
        return told
    if kind is float and type(told) is int:
        return float(told)
    if kind is type(None) and told is None:
        return None
    if not (isinstance(kind, type) and type(told) is kind):
        raise TypeError(kind)
    return told


def _read_one_of(kinds: Sequence[Any], told: object) -> Any:
    for kind in kinds:
        try:
            return _read(kind, told)
        except (TypeError, ValueError):
            continue
    raise TypeError(kinds)
