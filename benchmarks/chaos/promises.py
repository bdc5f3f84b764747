"""What must hold after every run, whatever happened in it: pure but for looking at the folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chaos.lists import in_scope
from chaos.server import Day
from chaos.world import File, World
from lab.measure import digest

OWN = ".segdl"
PARTS = ".segdl"
CORRUPT = ".corrupt"
_CODES = {0, 3, 4, 5, 6}
_FAILED = {3, 4, 5}  # a file or a list could not be had, or too much was to be deleted
_ENDED = {"KILL": {-9}, "INT": {130, -2}, "TERM": {130, 143, -15}}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A mirror's folder.

    Attributes:
        files: SHA-256 of each file, by its path; those of segdl are not among them.
        parts: folders in which bytes wait.
        trash: every digest that the trash has under a path.
        others: what segdl has no name for.
    """

    files: dict[str, str]
    parts: frozenset[str] = frozenset()
    trash: frozenset[tuple[str, str]] = frozenset()
    others: frozenset[str] = frozenset()

    @property
    def published(self) -> dict[str, str]:
        """Files under their final name."""
        return {path: sha for path, sha in self.files.items() if not path.endswith(CORRUPT)}

    @property
    def corrupt(self) -> set[str]:
        return set(self.files) - set(self.published)


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is over.

    Attributes:
        first: moment of the world when it began.
        last: moment when it ended.
        code: of its exit; the number of the signal below 0.
        signal: that it was sent, if it still ran then.
        said: all that it printed.
        max_delete: share of the files that it may delete.
    """

    day: Day
    first: int
    last: int
    code: int
    signal: str | None
    said: str
    max_delete: float


def look(folder: Path) -> Snapshot:
    """Hash what is in a mirror's folder; links are nothing that a mirror has."""
    files, parts, trash, others = {}, set(), set(), set()
    for top, folders, names in os.walk(folder):
        inside = Path(top).relative_to(folder)
        paths = {name: (inside / name).as_posix() for name in (*names, *folders)}
        if inside == Path(OWN):
            folders[:] = [name for name in folders if name == "trash"]
            others |= {paths[name] for name in names if name.startswith("link-")}
        elif inside.parts[:2] == (OWN, "trash"):
            kept = Path(*inside.parts[3:])
            trash |= {((kept / name).as_posix(), digest(Path(top, name))) for name in names}
        else:
            waiting = {name for name in folders if name.endswith(PARTS) and paths[name] != OWN}
            parts |= {paths[name] for name in waiting}
            folders[:] = [name for name in folders if name not in waiting]
            others |= {paths[name] for name in names if os.path.islink(Path(top, name))}
            files.update({paths[name]: digest(Path(top, name)) for name in names})
    files = {path: sha for path, sha in files.items() if path not in others}
    return Snapshot(files, frozenset(parts), frozenset(trash), frozenset(others))


def broken(world: World, run: Run, before: Snapshot, after: Snapshot) -> list[str]:
    """Return the promises that a run has broken, in words."""
    return [
        *_ending(run),
        *_bytes(world, after),
        *_deletions(world, run, before, after),
        *(_equality(world, run, after) if run.code == 0 else ()),
    ]


def unfinished(world: World, run: Run, after: Snapshot, reported: str) -> list[str]:
    """Return what a run with healthy servers has not mended.

    Args:
        reported: what all runs of this mirror have said.
    """
    found = [f"exit {run.code} with healthy servers: {last_line(run.said)}"] if run.code else []
    found += _equality(world, run, after)
    found += [f"parts are left: {path}" for path in sorted(after.parts)]
    found += [
        f"{path} is left and was never reported"
        for path in sorted(after.corrupt)
        if path.rpartition("/")[2] not in reported
    ]
    return found


def _ending(run: Run) -> Iterator[str]:
    allowed = _CODES | _ENDED.get(run.signal or "", set())
    if run.code not in allowed:
        yield f"exit {run.code} (signal: {run.signal}): {last_line(run.said)}"
    if "Traceback" in run.said or "internal error" in run.said:
        yield f"an error that is not meant for users: {last_line(run.said)}"


def _bytes(world: World, after: Snapshot) -> Iterator[str]:
    for path, sha in after.published.items():
        versions = world.ever(path)
        if not versions:
            yield f"{path} is there, and never was on a server"
        elif sha not in versions:
            yield f"WRONG BYTES in {path}"
    for path in after.corrupt:
        if not world.ever(path.removesuffix(CORRUPT)):
            yield f"{path} is there, and belongs to no file"
    for path in after.others:
        yield f"{path} was left"


def _deletions(world: World, run: Run, before: Snapshot, after: Snapshot) -> Iterator[str]:
    deleted = set(before.published) - set(after.published)
    if not deleted:
        return
    for path in sorted(deleted):
        if None not in _versions(world, run, path):
            yield f"LOST {path}: the list had it all the time"
        if (path, before.published[path]) not in after.trash:
            yield f"LOST {path}: it is not in the trash"
    unlisted = run.day.unlisted
    if unlisted:
        yield f"{len(deleted)} files deleted though {min(unlisted)} could not be had"
    if run.code in _FAILED:
        yield f"{len(deleted)} files deleted by a run that failed (exit {run.code})"
    most = run.max_delete * len(set(before.published) | set(after.published))
    if len(deleted) > most:
        yield f"{len(deleted)} files deleted, of which {most:.0f} were allowed"


def _equality(world: World, run: Run, after: Snapshot) -> list[str]:
    """Compare a folder with what the list was at some moment of the run."""
    found = []
    for path in sorted(world.paths_ever()):
        if not in_scope(run.day.kind, path):
            continue
        versions = _versions(world, run, path)
        sha = after.published.get(path)
        if sha is None and None not in versions:
            found.append(f"{path} is missing")
        elif sha is not None and versions == {None}:
            found.append(f"{path} is still there, and the list does not have it")
        elif sha is not None and sha not in {each.sha256 for each in versions if each}:
            found.append(f"{path} is not what it is on the server")
    return found


def _versions(world: World, run: Run, path: str) -> set[File | None]:
    return world.during(path, run.first, run.last)


def last_line(text: str) -> str:
    """Return the last line of what was printed, or that there is none."""
    lines = text.strip().splitlines()
    return lines[-1][:200] if lines else "(nothing was said)"
