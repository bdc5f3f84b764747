"""Several mirrors in one TOML file: its keys are the long options of `segdl mirror`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from segdl.cli.mirrorcheck import about, check_files, check_options
from segdl.cli.mirrorhosts import read_hosts
from segdl.cli.mirroroptions import Wanted, wanted_of
from segdl.cli.mirrorparser import mirror_parser, spelled
from segdl.cli.mirrortoml import Table, load, only, table_of, text_of
from segdl.cli.parser import Parser
from segdl.core.text import printable
from segdl.errors import UsageError
from segdl.mirror.options import HostProfile
from segdl.store.faults import shown

# What is said of the whole run, or of secrets that belong to hosts.
_NOT_HERE = frozenset({"config", "check-config", "dry-run", "status", "report", "help", "version"})
# Python writes no number of any length.
_LARGEST = 1 << 64


def read_config(
    path: Path,
    names: Sequence[str],
    said: Sequence[str] = (),
    *,
    thorough: bool = False,
    ask: bool = True,
) -> list[Wanted]:
    """Read mirrors from a file.

    Args:
        path: the file; `docs/mirror.md` describes it.
        names: those that are wanted; none wants all, in their order.
        said: the command line, whose options go before those of the file.
        thorough: look at the files that it names, too: a run does so for each mirror, so that
            one of which they are missing does not keep the others from theirs.
        ask: whether hosts will be asked for anything, which may take secrets.

    Raises:
        UsageError: what is wrong, and where.
        DiskError: the file cannot be read.
    """
    document = load(path)
    with about(f"{shown(path)}:"):
        wanted = _mirrors(document, names, said, ask=ask)
        for each in wanted if thorough else ():
            with about(_shown(each.mirror.name)):
                check_files(each)
    return wanted


def _mirrors(
    document: Table, names: Sequence[str], said: Sequence[str], *, ask: bool
) -> list[Wanted]:
    only(document, ("defaults", "mirror", "host"), "the file")
    defaults = table_of(document.get("defaults", {}), "[defaults]")
    mirrors = table_of(document.get("mirror", {}), "[mirror]")
    hosts = read_hosts(table_of(document.get("host", {}), "[host]")) if ask else ()
    unknown = [name for name in names if name not in mirrors]
    if unknown or not mirrors:
        known = ", ".join(printable(name, 60) for name in mirrors) or "none"
        what = f"no mirror {printable(unknown[0], 60)!r}" if unknown else "no mirror"
        raise UsageError(f"{what} in it", hint=f"it has {known}")
    tables = {
        name: {**defaults, **table_of(mirrors[name], f"[mirror.{name}]")}
        for name in dict.fromkeys(names or mirrors)
    }
    if not ask:
        for table in tables.values():
            # Its password would be asked for.
            table.pop("user", None)
    wanted = [_mirror(name, table, hosts, said) for name, table in tables.items()]
    _check_apart(wanted)
    return wanted


def _mirror(name: str, table: Table, hosts: Sequence[HostProfile], said: Sequence[str]) -> Wanted:
    with about(_shown(name)):
        # No shell does it here, and a folder that is called ~ is nobody's wish.
        source, directory = (os.path.expanduser(_text(table, key)) for key in ("source", "dir"))
        of_file = _arguments(mirror_parser(), table)
        options = mirror_parser().read([*of_file, *spelled(said)])
        options.urls = [source, directory]
        options.formerly = list(map(os.path.expanduser, options.formerly))
        wanted = wanted_of(options, hosts, name)
        check_options(wanted)
    return replace(wanted, mirror=replace(wanted.mirror, name=name))


def _check_apart(wanted: Sequence[Wanted]) -> None:
    kinds: list[tuple[str, str, Callable[[Wanted], Path]]] = [
        ("folder", "dir", lambda each: each.mirror.directory),
        ("folder for reports", "report-to", lambda each: each.report),
    ]
    for what, key, folder_of in kinds:
        taken: dict[str, str] = {}
        for each in wanted:
            name = each.mirror.name
            earlier = taken.setdefault(os.path.realpath(folder_of(each)), name)
            if earlier != name:
                raise UsageError(
                    f"{_shown(earlier)} and {_shown(name)} have the same {what}",
                    hint=f"give each its own {key}",
                )


def _shown(name: str) -> str:
    return f"[mirror.{printable(name, 60)}]"


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
        arguments += _argument(key, value, actions[key])
    return arguments


def _argument(key: str, value: object, action: argparse.Action) -> list[str]:
    if action.nargs == 0:
        if not isinstance(value, bool):
            raise UsageError(f"{key} is true or false")
        return [f"--{key}"] if value else []
    if value is False:
        return []
    if key == "delete" and value is True:
        return ["--delete=trash"]
    if not isinstance(value, list):
        return [f"--{key}={_written(key, value)}"]
    # What argparse has no other name for.
    if not isinstance(action, argparse._AppendAction):  # noqa: SLF001
        raise UsageError(f"{key} is one text or number, not a list of them")
    return [f"--{key}={_written(key, each)}" for each in value]


def _written(key: str, value: object) -> str:
    if isinstance(value, str):
        return text_of(value, key) if value else ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(f"{key} is a text or a number, or a list of them where it may repeat")
    if abs(value) > _LARGEST:
        raise UsageError(f"{key} is too large a number")
    return str(value)


def _text(table: Table, key: str) -> str:
    if key not in table:
        raise UsageError(f"has no {key}", hint=f"give {key} as a text")
    return text_of(table[key], key)
