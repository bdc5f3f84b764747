"""Several mirrors in one TOML file: its keys are the long options of `segdl mirror`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from segdl.cli.mirrorhosts import read_hosts
from segdl.cli.mirroroptions import Wanted, wanted_of
from segdl.cli.mirrorparser import mirror_parser, spelled
from segdl.cli.mirrortoml import Table, load, only, table_of
from segdl.cli.parser import Parser
from segdl.core.text import printable
from segdl.errors import SegdlError, UsageError
from segdl.mirror.options import HostProfile
from segdl.store.faults import shown

# What is said of the whole run, or of secrets that belong to hosts.
_NOT_HERE = frozenset({"config", "check-config", "status", "report", "help", "version"})


def read_config(path: Path, names: Sequence[str], said: Sequence[str] = ()) -> list[Wanted]:
    """Read mirrors from a file.

    Args:
        path: the file; `docs/mirror.md` describes it.
        names: those that are wanted; none wants all, in their order.
        said: the command line, whose options go before those of the file.

    Raises:
        UsageError: what is wrong, and where.
        DiskError: the file cannot be read.
    """
    document = load(path)
    try:
        return _mirrors(document, names, said)
    except SegdlError as error:
        raise UsageError(f"{shown(path)}: {error.message}", hint=error.hint) from error


def _mirrors(document: Table, names: Sequence[str], said: Sequence[str]) -> list[Wanted]:
    only(document, ("defaults", "mirror", "host"), "the file")
    defaults = table_of(document.get("defaults", {}), "[defaults]")
    mirrors = table_of(document.get("mirror", {}), "[mirror]")
    hosts = read_hosts(table_of(document.get("host", {}), "[host]"))
    unknown = [name for name in names if name not in mirrors]
    if unknown or not mirrors:
        known = ", ".join(printable(name, 60) for name in mirrors) or "none"
        what = f"no mirror {printable(unknown[0], 60)!r}" if unknown else "no mirror"
        raise UsageError(f"{what} in it", hint=f"it has {known}")
    wanted = [
        _mirror(name, {**defaults, **table_of(mirrors[name], f"[mirror.{name}]")}, hosts, said)
        for name in names or mirrors
    ]
    folders = [os.path.realpath(each.mirror.directory) for each in wanted]
    if len(set(folders)) < len(folders):
        raise UsageError("two mirrors have the same folder", hint="give each its own dir")
    return wanted


def _mirror(name: str, table: Table, hosts: Sequence[HostProfile], said: Sequence[str]) -> Wanted:
    where = f"[mirror.{printable(name, 60)}]"
    try:
        source, directory = _text(table, "source"), _text(table, "dir")
        of_file = _arguments(mirror_parser(), table)
        options = mirror_parser().read([*of_file, *spelled(said)])
        options.urls = [source, directory]
        wanted = wanted_of(options, hosts, name)
    except SegdlError as error:
        raise UsageError(f"{where} {error.message}", hint=error.hint) from error
    return replace(wanted, mirror=replace(wanted.mirror, name=name))


def _arguments(parser: Parser, table: Table) -> list[str]:
    """Return the command line that says what a table says."""
    actions: dict[str, argparse.Action] = {
        option.removeprefix("--"): action
        for option, action in parser._option_string_actions.items()  # noqa: SLF001
        if option.startswith("--")
    }
    arguments: list[str] = []
    for key, value in table.items():
        if key in {"source", "dir"}:
            continue
        if key not in actions or key in _NOT_HERE:
            raise UsageError(
                f"{printable(key, 60)!r} is not known",
                hint="keys are the long options of segdl mirror, and source and dir",
            )
        arguments += _argument(key, value, flag=actions[key].nargs == 0)
    return arguments


def _argument(key: str, value: object, *, flag: bool) -> list[str]:
    if flag:
        if not isinstance(value, bool):
            raise UsageError(f"{key} is true or false")
        return [f"--{key}"] if value else []
    values = value if isinstance(value, list) else [value]
    if value is False:
        return []
    if key == "delete" and value is True:
        return ["--delete=trash"]
    if not all(isinstance(each, str | int | float) and each is not True for each in values):
        raise UsageError(f"{key} is a text or a number, or a list of them where it may repeat")
    return [f"--{key}={each}" for each in values]


def _text(table: Table, key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise UsageError(f"has no {key}", hint=f"give {key} as a text")
    return value
