"""What every contender fetches, and how a contender is told to."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import segdl
from segdl.core.text import printable
from segdl.options import NetworkOptions

# In a folder of its own, where a program works: its command line is one to repeat.
OUTPUT = "file"
# Bytes that a benchmark fetches without being asked twice.
GUARD = 1024**3
_MIB = 1024**2
_LEAST_CAP, _MOST_CAP = 32 * _MIB, 256 * _MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The file, and how to reach it.

    Attributes:
        url: where it is, without user and password.
        public: the same without the query, for people's eyes.
        size: its bytes; None where the server does not tell.
        part: bytes to fetch from its beginning; None is all of them.
        network: how to reach it.
        user: name and password for its origin, from the URL or the options.
    """

    url: str = field(repr=False)
    public: str
    size: int | None
    part: int | None
    network: NetworkOptions
    user: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def length(self) -> int | None:
        """Bytes that each run fetches, where that is known."""
        return self.size if self.part is None else self.part

    @property
    def credentials(self) -> bool:
        """Whether something goes along that is meant for the file's origin alone."""
        options = self.network
        return bool(options.headers or self.user or options.netrc or options.cookies)

    @property
    def signed(self) -> bool:
        """Whether the URL has a query: it may be what gives access."""
        return "?" in self.url


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A program to run.

    Attributes:
        program: the path of it, and what comes before its own arguments.
        name: what people call it.
        arguments: seen by everybody on the machine: no secrets.
        stdin: what it reads; secrets go here.
    """

    program: tuple[str, ...]
    name: str
    arguments: tuple[str, ...]
    stdin: str = field(default="", repr=False)

    @property
    def argv(self) -> list[str]:
        """What to execute."""
        return [*self.program, *self.arguments]

    @property
    def shown(self) -> str:
        """The command line for people.

        Example:
            >>> Command(program=("/usr/bin/curl",), name="curl", arguments=("-o", "a b")).shown
            "curl -o 'a b'"
        """
        line = printable(shlex.join([self.name, *self.arguments]), 4000)
        return f"{line}  # with the URL on standard input" if self.stdin else line


def default_cap(runs: int) -> int:
    """Return how many bytes a run fetches at most, unless somebody says.

    What keeps `runs` of them within 1 GiB, but enough to measure and no more than that.

    Example:
        >>> default_cap(15) // 2**20, default_cap(1) // 2**20, default_cap(300) // 2**20
        (68, 256, 32)
    """
    return min(_MOST_CAP, max(_LEAST_CAP, GUARD // max(1, runs) // _MIB * _MIB))


def interleaved(rounds: int, count: int) -> Iterator[tuple[int, int]]:
    """Yield (round, contender), both from 0: every contender once a round, there and back.

    So a link that gets slower, or faster, all the while treats them alike.

    Example:
        >>> list(interleaved(2, 3))
        [(0, 0), (0, 1), (0, 2), (1, 2), (1, 1), (1, 0)]
    """
    for number in range(rounds):
        order = range(count) if number % 2 == 0 else reversed(range(count))
        for index in order:
            yield number, index


def environment(network: NetworkOptions) -> dict[str, str]:
    """Return the environment of the programs: the same proxy for all, and this segdl."""
    kept = dict(os.environ)
    if network.proxy is not None:
        kept = {name: text for name, text in kept.items() if not name.lower().endswith("_proxy")}
        if network.proxy:
            kept.update(dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), network.proxy))
        else:
            kept["no_proxy"] = "*"
    ours = str(Path(segdl.__file__).parents[1])
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, [ours, kept.get("PYTHONPATH")]))
    return kept


def python() -> tuple[str, ...]:
    """Return how this segdl is run as a program."""
    return (sys.executable, "-m", "segdl")
