"""The world as lists: index pages, a checksum file, JSON lines, URLs."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Literal
from urllib.parse import quote

from chaos.world import File, Side, folders_of, side_of

Kind = Literal["index", "sums", "jsonl", "urls"]
KINDS: tuple[Kind, ...] = ("index", "sums", "jsonl", "urls")
TREE = "/tree/"
_PATHS: dict[Kind, str] = {
    "index": TREE,
    "sums": f"{TREE}SHA256SUMS",
    "jsonl": "/files.jsonl",
    "urls": "/files.txt",
}


def list_path(kind: Kind) -> str:
    """Return the path of a list on the northern server, which has all of them."""
    return _PATHS[kind]


def in_scope(kind: Kind, path: str) -> bool:
    """Tell whether a list of that kind names a file: those of one server have half of them."""
    return kind in ("jsonl", "urls") or side_of(path) == "north"


def lists_of(kind: Kind, paths: Iterable[str]) -> set[str]:
    """Return the paths of all documents that are read for a mirror of that kind."""
    if kind != "index":
        return {list_path(kind)}
    folders = folders_of(path for path in paths if in_scope(kind, path))
    return {f"{TREE}{folder}/" if folder else TREE for folder in folders}


def document(path: str, files: Mapping[str, File], tops: Mapping[Side, str]) -> bytes | None:
    """Return the list that is at a path, if one is.

    Args:
        files: all there are, by path.
        tops: URL of each server, without a last slash.
    """
    named = sorted(files.items())
    north = [(name, file) for name, file in named if side_of(name) == "north"]
    urls = {name: f"{tops[side_of(name)]}{TREE}{quote(name)}" for name in files}
    if path == _PATHS["jsonl"]:
        rows = (
            {"url": urls[name], "dest": name, "size": file.size, "sha256": file.sha256}
            for name, file in named
        )
        return "".join(json.dumps(row) + "\n" for row in rows).encode()
    if path == _PATHS["urls"]:
        return "".join(f"{urls[name]}\n  out={name}\n" for name, _ in named).encode()
    if path == _PATHS["sums"]:
        return "".join(f"{file.sha256}  {name}\n" for name, file in north).encode()
    if path.startswith(TREE) and path.endswith("/"):
        return _index_page(path.removeprefix(TREE), north)
    return None


def _index_page(folder: str, files: list[tuple[str, File]]) -> bytes | None:
    """Return a folder's page as nginx makes it; None where there is no such folder."""
    inside = [(path.removeprefix(folder), file) for path, file in files if path.startswith(folder)]
    if folder and not inside:
        return None
    folders = sorted({name.partition("/")[0] + "/" for name, _ in inside if "/" in name})
    title = html.escape(f"Index of {TREE}{folder}")
    rows = [
        '<a href="../">../</a>',
        *(f"{_link(name)} 29-Feb-2024 12:00       -" for name in folders),
        *(
            f"{_link(name)} {_minute(file.modified)} {file.size:>19}"
            for name, file in inside
            if "/" not in name
        ),
    ]
    return (
        f"<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1><hr><pre>"
        + "".join(f"{row}\n" for row in rows)
        + "</pre><hr></body>\n</html>\n"
    ).encode()


def _link(name: str) -> str:
    return f'<a href="{quote(name)}">{html.escape(name)}</a>'.ljust(80)


def _minute(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%d-%b-%Y %H:%M")
