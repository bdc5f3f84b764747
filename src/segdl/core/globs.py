"""Which paths of a list are wanted: globs, as `--include` and `--exclude` take them.

A pattern is compared with case, and ``*`` matches ``/`` too. Without a ``/`` it is compared
with the last component; with one, with the whole path below the start: a ``/`` at its
beginning only says so, and ``**/`` stands for any folder or none. What names a folder names
all that is in it; with a ``/`` at its end it names folders alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import translate

_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Globs:
    """Patterns of which one must match, and patterns of which none may.

    Example:
        >>> globs = make_globs(include=["*.iso"], exclude=["old/"])
        >>> globs.takes("a/x.iso"), globs.takes("a/x.txt"), globs.takes("a/old/x.iso")
        (True, False, False)
        >>> globs.enters("a"), globs.enters("a/old")
        (True, False)
    """

    include: tuple[Glob, ...] = ()
    exclude: tuple[Glob, ...] = ()

    def takes(self, path: str) -> bool:
        """Tell whether a file is wanted. `path` has ``/`` between its components."""
        path = _plain(path)
        if any(glob.names(path) for glob in self.exclude):
            return False
        return not self.include or any(glob.names(path) for glob in self.include)

    def enters(self, folder: str) -> bool:
        """Tell whether anything in a folder may be wanted."""
        folder = _plain(folder)
        if any(glob.names_all_in(folder) for glob in self.exclude):
            return False
        return not self.include or any(glob.may_name_in(folder) for glob in self.include)


@dataclass(frozen=True, slots=True)
class Glob:
    """One pattern, taken apart.

    Attributes:
        text: without what only says how it is meant.
        whole_path: whether it is compared with more than the last component.
        only_folders: whether it names no file by the file's own name.
        regex: what `text` means.
        all_in: what names a folder all of whose files it names, where it ends in ``/*``.
    """

    text: str
    whole_path: bool
    only_folders: bool
    regex: re.Pattern[str] = field(repr=False)
    all_in: re.Pattern[str] | None = field(default=None, repr=False)

    def names(self, path: str) -> bool:
        """Tell whether it names a file, or a folder that the file is in."""
        if not self.only_folders and self._matches(self.regex, path):
            return True
        return self._names_folder(self.regex, path.rpartition("/")[0])

    def names_all_in(self, folder: str) -> bool:
        """Tell whether it names whatever is in a folder."""
        if self._names_folder(self.regex, folder):
            return True
        return self.all_in is not None and self._names_folder(self.all_in, folder)

    def may_name_in(self, folder: str) -> bool:
        """Tell whether it could name anything in a folder."""
        if not self.whole_path or self._names_folder(self.regex, folder):
            return True
        begins = _WILD.split(f"{self.text}/", maxsplit=1)[0]
        inside = f"{folder}/"
        return begins.startswith(inside) or inside.startswith(begins)

    def _names_folder(self, regex: re.Pattern[str], folder: str) -> bool:
        return any(self._matches(regex, each) for each in _upwards(folder))

    def _matches(self, regex: re.Pattern[str], path: str) -> bool:
        compared = path if self.whole_path else path.rpartition("/")[2]
        return regex.match(compared) is not None


def make_globs(include: Iterable[str], exclude: Iterable[str]) -> Globs:
    """Read patterns; see the module for what they mean."""
    return Globs(tuple(map(_parse, include)), tuple(map(_parse, exclude)))


def _parse(pattern: str) -> Glob:
    bare = pattern.rstrip("/")
    text = bare.lstrip("/")
    stem = text.rstrip("*")
    # With a / behind it it names the folders in there, and leaves the files.
    all_files = bare == pattern and stem != text and stem.endswith("/")
    return Glob(
        text=text,
        whole_path="/" in bare.removeprefix("**/"),
        only_folders=bare != pattern,
        regex=_compiled(text),
        all_in=_compiled(stem[:-1]) if all_files else None,
    )


def _compiled(text: str) -> re.Pattern[str]:
    regex = translate(text)
    if text.startswith("**/"):
        regex += f"|{translate(text[3:])}"
    return re.compile(regex)


def _plain(path: str) -> str:
    while path.startswith(("./", "/")):
        path = path.lstrip("/").removeprefix("./")
    return path


def _upwards(folder: str) -> Iterator[str]:
    """Yield a folder and those that it is in."""
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
