"""The same files as a list for each tool that takes one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from mirroring.tree import Item, Tree

Line = Callable[[Item, str, Path], str]


def _aria2(item: Item, url: str, folder: Path) -> str:
    return f"{url}\n  out={item.path}\n"


def _jsonl(item: Item, url: str, folder: Path) -> str:
    told = {"url": url, "dest": item.path, "size": item.size, "sha256": item.sha256}
    return json.dumps(told) + "\n"


def _curl(item: Item, url: str, folder: Path) -> str:
    return f'url = "{url}"\noutput = "{folder / item.path}"\n'


def _curl_newer(item: Item, url: str, folder: Path) -> str:
    # An option of one file alone takes a section of its own, with all others again.
    only_newer = f'time-cond = "{folder / item.path}"\n'
    return f"next\nfail\nremote-time\ncreate-dirs\n{only_newer}" + _curl(item, url, folder)


def _curl_rest(item: Item, url: str, folder: Path) -> str:
    return _curl_newer(item, url, folder) + 'continue-at = "-"\n'


# By the place that they fill in a command.
LISTS: Mapping[str, Line] = {
    "aria2": _aria2,
    "jsonl": _jsonl,
    "curl": _curl,
    "curl_newer": _curl_newer,
    "curl_rest": _curl_rest,
}


def write(rest: Path, tree: Tree, tops: Mapping[str, str], got: Path) -> dict[str, list[str]]:
    """Write all lists into the folder `rest`; return where they are, by their places.

    Args:
        tops: URL of each side's server, without a last slash.
        got: where the tools put the files.
    """
    places = {}
    for name, line in LISTS.items():
        path = rest / name
        path.write_text(
            "".join(line(item, f"{tops[item.side]}/{item.path}", got) for item in tree.items)
        )
        places[name] = [str(path)]
    return places
