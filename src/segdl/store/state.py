"""What the parts belong to: a small versioned JSON file beside them.

It names the remote version and holds no progress (that is what the parts are), no query
and no password. `docs/parts.md` describes it.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from segdl.core.checksum import Claim, read_checksum
from segdl.core.identity import Version
from segdl.errors import UsageError
from segdl.store.faults import disk_errors

FORMAT = 1
_MOST_BYTES = 65536
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


@lru_cache(maxsize=1)
def boot_id() -> str | None:
    """Name the time since the machine was started; None where the system does not tell."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read(64).strip()
    except (OSError, ValueError):
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileId:
    """A file, whatever its name: device, inode, size, time of last change in ns."""

    device: int
    inode: int
    size: int
    modified: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileId:
        """Return the identity of the file that was looked at."""
        return cls(
            device=status.st_dev,
            inode=status.st_ino,
            size=status.st_size,
            modified=status.st_mtime_ns,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a folder of parts belongs to.

    Attributes:
        url: what was asked for, without user, password and query.
        version: the remote version; an ETag that differs from request to request is left out.
        range: the pieces asked for, as ``--range`` takes them; None is the whole file.
        publishing: the file that is about to get, or just got, the final name.
        boot: names the time from one start of the machine to the next.
        listed: the digest that a list has of the whole file, as ``algorithm=hex``.
        source: whose version it is, as `url`, where a mirror stood in for that; validators are
            those of one URL, and say nothing of another's (RFC 9110, 8.8).
    """

    url: str
    version: Version
    range: str | None = None
    publishing: FileId | None = None
    boot: str | None = field(default_factory=boot_id)
    listed: str | None = None
    source: str | None = None

    @property
    def named_by(self) -> str:
        """The URL whose version it is."""
        return self.source or self.url


def save(path: Path, state: State) -> None:
    """Write atomically: a reader finds the old state or the new one, power cut or not."""
    text = json.dumps({"segdl": FORMAT, **fields_of(state)}, default=fields_of)
    temporary = path.with_suffix(".new")
    with disk_errors(path, "write"):
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _NOFOLLOW, 0o666)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)


def fields_of(value: object) -> dict[str, object]:
    """Return the fields of a value object by name, as JSON is made of them."""
    # As asdict does, but without a copy of everything: each file is noted twice. JSON would make
    # lists of named tuples, so nothing that is kept is one.
    return {name: getattr(value, name) for name in value.__slots__}  # type: ignore[attr-defined]


def load(path: Path) -> State | None:
    """Return the state, or None where there is none that can be trusted."""
    with disk_errors(path, "read"):
        try:
            with open(os.open(path, os.O_RDONLY | _NOFOLLOW), encoding="utf-8") as file:
                told = json.loads(file.read(_MOST_BYTES))
        except (FileNotFoundError, ValueError, RecursionError):
            return None
    return read_state(told)


def read_state(told: object) -> State | None:
    """Return the state that JSON as `save` writes it tells, or None where it makes no sense."""
    if not isinstance(told, dict):
        return None
    try:
        if told["segdl"] != FORMAT:
            return None
        state = State(
            url=_text(told["url"]) or "",
            version=load_version(told["version"]),
            range=_text(told["range"]),
            publishing=None if told["publishing"] is None else FileId(**told["publishing"]),
            boot=_text(told["boot"]),
            listed=_text(told.get("listed")),
            source=_text(told.get("source")),
        )
    except (KeyError, TypeError, ValueError):
        return None
    return state


def load_version(told: object) -> Version:
    """Read a version as `save` writes it.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    if not isinstance(told, dict):
        raise TypeError
    digest = told.get("digest")
    return Version(
        size=_count(told["size"]),
        etag=_text(told["etag"]),
        last_modified=_text(told["last_modified"]),
        media_type=_text(told["media_type"]) or "",
        digest=None if digest is None else _claim(digest),
    )


def _claim(told: object) -> Claim:
    if not isinstance(told, dict) or not isinstance(told["checksum"], dict):
        raise TypeError
    algorithm, digits = told["checksum"]["algorithm"], told["checksum"]["hexdigest"]
    try:
        return Claim(read_checksum(f"{algorithm}={digits}"), _text(told["source"]) or "")
    except UsageError as error:
        raise ValueError from error


def _text(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError
    return value


def _count(value: object) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise TypeError
    return value
