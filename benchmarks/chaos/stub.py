"""A mirror in few lines that keeps the promises, or breaks one: to try the chaos itself.

    python benchmarks/mirror_chaos.py --segdl "python benchmarks/chaos/stub.py"
    SIN=deletes-blindly python benchmarks/mirror_chaos.py --segdl "python benchmarks/chaos/stub.py"

It fetches one file after the other, and goes on from nothing that is not whole.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import json
import os
import re
import shutil
import sys
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urljoin
from urllib.request import Request, urlopen

SINS = (
    "deletes-blindly",  # although a list, or a file, could not be had
    "deletes-for-good",  # not into the trash
    "believes-anything",  # neither length nor digest is looked at
    "publishes-early",  # under the final name while it comes in
    "never-deletes",
    "leaves-parts",
)
_SIN = os.environ.get("SIN")
_NETWORK = (OSError, HTTPException)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the list; `stamp` is what the list tells of its version."""

    path: str
    url: str
    size: int | None = None
    sha256: str | None = None
    stamp: str | None = None


class Failed(Exception):  # noqa: N818  it is what happened, not a defect
    """Something could not be had; the exit code is for that."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs=3)
    for option in ("retries", "connect-timeout", "stall-timeout", "patience", "per-host"):
        parser.add_argument(f"--{option}")
    for option in ("max-files", "progress", "delete"):
        parser.add_argument(f"--{option}")
    parser.add_argument("--max-delete", type=float)
    options = parser.parse_intermixed_args()
    _, source, directory = options.words
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        return Mirror(source, Path(directory)).run(options.max_delete / 100)
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        print(f"stub: {error}")
        return 6


class Mirror:
    """One run; what it knows is in ``.segdl/state.json``: each path's stamp."""

    def __init__(self, source: str, directory: Path) -> None:
        self._source = source
        self._directory = directory
        self._own = directory / ".segdl"
        self._own.mkdir(parents=True, exist_ok=True)
        self._codes: list[int] = []
        for left in directory.rglob("?*.segdl"):
            shutil.rmtree(left)
        try:
            self._known: dict[str, str] = json.loads((self._own / "state.json").read_text())
        except FileNotFoundError:
            self._known = {}

    def run(self, max_delete: float) -> int:
        listed: set[str] = set()
        self._read(self._source, listed)
        gone = sorted(set(self._known) - listed)
        if gone and (not self._codes or _SIN == "deletes-blindly") and _SIN != "never-deletes":
            if len(gone) > max_delete * len(self._known) and _SIN != "deletes-blindly":
                self._fail(Failed(5, f"{len(gone)} files would be deleted"))
            else:
                self._delete(gone)
        return self._codes[0] if self._codes else 0

    def _read(self, url: str, listed: set[str]) -> None:
        try:
            text = _get(Request(url)).decode()
        except Failed as error:
            self._fail(error)
            return
        if not url.endswith("/"):
            for entry in _entries(text, url):
                self._take(entry, listed)
            return
        for link, at, size in re.findall(r'<a href="([^"]+)">[^<]*</a> +(\S+ \S+) +(\S+)', text):
            further = urljoin(url, link)
            if link.endswith("/"):
                self._read(further, listed)
            else:
                path = unquote(further.removeprefix(self._source))
                self._take(Entry(path, further, int(size), stamp=f"{at} {size}"), listed)

    def _take(self, entry: Entry, listed: set[str]) -> None:
        listed.add(entry.path)
        place = self._directory / entry.path
        try:
            if place.exists() and self._is_right(entry, place):
                self._note(entry, entry.sha256 or self._known.get(entry.path, ""))
                return
            self._fetch(entry, place)
        except Failed as error:
            self._fail(error)

    def _is_right(self, entry: Entry, place: Path) -> bool:
        if entry.sha256 is not None:
            return hashlib.sha256(place.read_bytes()).hexdigest() == entry.sha256
        return entry.stamp is not None and self._known.get(entry.path) == entry.stamp

    def _fetch(self, entry: Entry, place: Path) -> None:
        known = self._known.get(entry.path, "") if place.exists() else ""
        headers = {"If-None-Match": known} if entry.stamp is None and known.startswith('"') else {}
        waiting = place.with_name(place.name + ".segdl")
        waiting.mkdir(parents=True, exist_ok=True)
        part = place if _SIN == "publishes-early" else waiting / "part"
        # No longer what it was, should this end here.
        self._note(entry, "")
        with open(part, "wb") as file:
            answer = _open(Request(entry.url, headers=headers))
            if answer is None:
                self._note(entry, known)
            else:
                with answer:
                    _copy(answer, file.fileno(), entry)
                os.replace(part, place)
                self._note(entry, entry.stamp or answer.headers.get("ETag") or "")
        if _SIN != "leaves-parts":
            shutil.rmtree(waiting)

    def _note(self, entry: Entry, stamp: str) -> None:
        self._known[entry.path] = stamp
        self._write_state()

    def _write_state(self) -> None:
        new = self._own / "state.new"
        new.write_text(json.dumps(self._known))
        os.replace(new, self._own / "state.json")

    def _delete(self, gone: list[str]) -> None:
        for path in gone:
            place, kept = self._directory / path, self._own / "trash/now" / path
            if place.exists() and _SIN == "deletes-for-good":
                place.unlink()
            elif place.exists():
                kept.parent.mkdir(parents=True, exist_ok=True)
                os.replace(place, kept)
            del self._known[path]
            self._write_state()

    def _fail(self, error: Failed) -> None:
        self._codes.append(error.code)
        print(f"stub: {error}")


def _entries(text: str, url: str) -> list[Entry]:
    if url.endswith(".jsonl"):
        rows = [json.loads(line) for line in text.splitlines()]
        return [Entry(row["dest"], row["url"], row["size"], row["sha256"]) for row in rows]
    if url.endswith(".txt"):
        return [Entry(path, url) for url, path in re.findall(r"(\S+)\n  out=(.*)\n", text)]
    pairs = [line.split("  ", 1) for line in text.splitlines()]
    return [Entry(path, urljoin(url, quote(path)), None, sha) for sha, path in pairs]


def _open(request: Request) -> HTTPResponse | None:
    """Send a request; None where nothing changed."""
    try:
        answer = urlopen(request, timeout=1)
    except HTTPError as error:
        if error.code == 304:
            return None
        raise Failed(4, f"{request.full_url}: {error}") from error
    except _NETWORK as error:
        raise Failed(3, f"{request.full_url}: {error}") from error
    assert isinstance(answer, HTTPResponse)
    return answer


def _get(request: Request) -> bytes:
    answer = _open(request)
    assert answer is not None
    with answer:
        try:
            return answer.read()
        except _NETWORK as error:
            raise Failed(3, f"{request.full_url}: {error}") from error


def _copy(answer: HTTPResponse, target: int, entry: Entry) -> None:
    sha, came = hashlib.sha256(), 0
    believes = _SIN == "believes-anything"
    while True:
        try:
            data = answer.read1(65536)
        except _NETWORK as error:
            if believes:
                return
            raise Failed(3, f"{entry.path}: {error}") from error
        if not data:
            break
        if os.write(target, data) != len(data):
            raise OSError(errno.ENOSPC, "disk full")
        sha.update(data)
        came += len(data)
    if believes:
        return
    length = answer.headers.get("Content-Length")
    if length is not None and came != int(length):
        raise Failed(3, f"{entry.path}: {came} of {length} bytes came")
    if answer.headers.get("Content-Encoding") or answer.status != 200:
        raise Failed(4, f"{entry.path}: not the file")
    if entry.size not in (None, came):
        raise Failed(5, f"{entry.path}: another size")
    if entry.sha256 not in (None, sha.hexdigest()):
        raise Failed(5, f"{entry.path}: another digest")


if __name__ == "__main__":
    sys.exit(main())
