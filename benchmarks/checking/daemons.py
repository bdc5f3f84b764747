"""Programs of a cluster: those that run until the end, and those that are asked something."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from lab.programs import LabError

_PATIENCE = 120.0


class Cluster(Protocol):
    """What is there until its end."""

    def bring_up(self) -> None:
        """Start it, and return once it can be used."""

    def end(self) -> None:
        """End it, however far it came."""


C = TypeVar("C", bound=Cluster)


@contextmanager
def running(cluster: C) -> Iterator[C]:
    """Yield a cluster that runs."""
    try:
        cluster.bring_up()
        yield cluster
    finally:
        cluster.end()


@dataclass
class Daemons:
    """What a cluster runs. One thread uses it.

    Attributes:
        folder: what they say is written to a file in here.
        environment: what they run with.
    """

    folder: Path
    environment: Mapping[str, str]
    _started: list[subprocess.Popen[bytes]] = field(default_factory=list, init=False)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start one; it goes on until `end`."""
        with open(self.folder / "said", "ab") as said:
            process = subprocess.Popen(
                words,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def ask(self, *words: str, **environment: str) -> str:
        """Run a program to its end, and return what it prints.

        Raises:
            LabError: it failed.
        """
        done = subprocess.run(
            words,
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE,
        )
        if done.returncode:
            raise LabError(f"`{' '.join(words[:3])} …` failed: {done.stderr.strip()[-500:]}")
        return done.stdout

    @property
    def last_words(self) -> str:
        """The end of what they said."""
        return (self.folder / "said").read_text(errors="replace")[-500:].strip()

    def end(self) -> None:
        """End every one; the sandbox ends what they started."""
        for process in reversed(self._started):
            process.kill()
            process.wait()
