"""Several mirrors in one TOML file: its keys are the long options of `segdl mirror`."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from segdl.cli.mirroroptions import Wanted, wanted_of
from segdl.cli.mirrorparser import mirror_parser, spelled
from segdl.cli.parser import Parser
from segdl.core.text import printable
from segdl.errors import SegdlError, UsageError
from segdl.mirror.options import HostProfile
from segdl.net.credentials import basic
from segdl.options import parse_header
from segdl.store.faults import disk_errors, shown

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Table = Mapping[str, object]

# What is said of the whole run, or of secrets that belong to hosts.
_NOT_HERE = frozenset({"config", "check-config", "status", "report", "help", "version"})
_OF_HOST = ("connections", "header", "header-env", "user-env", "bearer-env", "netrc")


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
    with disk_errors(path, "read"), open(path, "rb") as file:
        data = file.read()
    try:
        document: Table = tomllib.loads(data.decode())
    except ValueError as error:
        # tomllib's and the decoder's errors are such; the text may quote a secret.
        line = re.search(r"\(at line (\d+)", str(error))
        where = f" (line {line[1]})" if line else ""
        raise UsageError(f"{shown(path)} is not TOML{where}", hint="see docs/mirror.md") from None
    try:
        return _mirrors(document, names, said)
    except SegdlError as error:
        raise UsageError(f"{shown(path)}: {error.message}", hint=error.hint) from error


def _mirrors(document: Table, names: Sequence[str], said: Sequence[str]) -> list[Wanted]:
    _only(document, ("defaults", "mirror", "host"), "the file")
    defaults = _table(document.get("defaults", {}), "[defaults]")
    mirrors = _table(document.get("mirror", {}), "[mirror]")
    hosts = [
        _profile(name, _table(value, f"[host.{name}]"))
        for name, value in _table(document.get("host", {}), "[host]").items()
    ]
    unknown = [name for name in names if name not in mirrors]
    if unknown or not mirrors:
        known = ", ".join(printable(name, 60) for name in mirrors) or "none"
        what = f"no mirror {printable(unknown[0], 60)!r}" if unknown else "no mirror"
        raise UsageError(f"{what} in it", hint=f"it has {known}")
    wanted = [
        _mirror(name, {**defaults, **_table(mirrors[name], f"[mirror.{name}]")}, hosts, said)
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


def _profile(name: str, table: Table) -> HostProfile:
    """Read what holds for one host; secrets come from the environment or ~/.netrc."""
    try:
        return _checked_profile(name, table)
    except SegdlError as error:
        where = f"[host.{printable(name, 100)}]"
        raise UsageError(f"{where} {error.message}", hint=error.hint) from error


def _checked_profile(name: str, table: Table) -> HostProfile:
    _only(table, _OF_HOST, "it")
    connections = table.get("connections")
    if connections is not None and not (isinstance(connections, int) and 1 <= connections <= 64):
        raise UsageError("connections is a number from 1 to 64")
    plain = table.get("header", [])
    if not isinstance(plain, list):
        raise UsageError('header is a list, as ["Name: value"]')
    headers = [parse_header(str(each)) for each in plain]
    for field, variable in _table(table.get("header-env", {}), "header-env").items():
        headers.append(parse_header(f"{field}: {_environment(variable)}"))
    if "bearer-env" in table:
        headers.append(parse_header(f"Authorization: Bearer {_environment(table['bearer-env'])}"))
    if "user-env" in table:
        headers.append(_basic(_environment(table["user-env"])))
    if table.get("netrc") is True:
        headers.append(_basic(_from_netrc(name.rpartition(":")[0] or name)))
    return HostProfile(host=name.lower(), headers=tuple(headers), connections=connections)


def _basic(pair: str) -> tuple[str, str]:
    if ":" not in pair:
        raise UsageError("a user is NAME:PASS")
    name, _, password = pair.partition(":")
    return basic(name, password)


def _from_netrc(host: str) -> str:
    from segdl.net.credentials import load_netrc

    found = load_netrc()
    pair = found.hosts.get(host) if found else None
    if pair is None:
        raise UsageError(f"~/.netrc has no {printable(host, 100)}", hint="add it, or leave it out")
    return f"{pair[0]}:{pair[2]}"


def _environment(variable: object) -> str:
    value = os.environ.get(variable) if isinstance(variable, str) else None
    if not value:
        shown_name = printable(str(variable), 60)
        raise UsageError(f"the environment has no {shown_name}", hint="set it, or leave it out")
    return value


def _only(table: Table, known: Sequence[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise UsageError(
                f"{where} has {printable(key, 60)!r}, which is not known",
                hint=f"it may have {', '.join(known)}",
            )


def _table(value: object, where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise UsageError(f"{printable(where, 100)} is not a table")
    return value


def _text(table: Table, key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise UsageError(f"has no {key}", hint=f"give {key} as a text")
    return value
