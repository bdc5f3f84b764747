"""One tree of exceptions, each with the exit code of the command line.

Every message says what happened and to which file; every hint says what to do
next. Neither may hold a password, a token, a signed query or a control
character: whoever raises sees to it with :mod:`segdl.core.text`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, Literal

Trouble = Literal["name", "connect", "proxy", "closed", "silent", "slow", "answer", "other"]

Instead = Literal[
    "name", "stream", "folder", "mirrors", "fresh", "alone", "anew", "connections", "fewer"
]
"""What might be chosen otherwise. How that is done depends on the command."""

# As the options of `segdl get` have it.
_BY_GET: Final[Mapping[Instead, str]] = {
    "name": "choose another name with -o",
    "stream": "use -o - for standard output, and send that where it should go",
    "folder": "choose another folder with --dir",
    "mirrors": "give --checksum, or fewer mirrors",
    "fresh": "start again with --fresh",
    "alone": "start again with --fresh and without the mirrors",
    "anew": "send them anew with --fresh",
    "connections": "with fewer connections (-j)",
    "fewer": "use fewer with -j or --max-files",
}


class SegdlError(Exception):
    """The root of everything segdl raises on purpose.

    Attributes:
        exit_code: what the command line exits with.
        message: what happened, to which file.
        hint: what to do next; may be empty.
        advice: of that, what any command can say.
        instead: what might be chosen otherwise, if anything.

    Example:
        >>> error = NetworkError("cannot resolve example.invalid", hint="check the name")
        >>> error.exit_code, str(error)
        (3, 'cannot resolve example.invalid; check the name')
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", instead: Instead | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = self.advice = hint
        self.instead: Instead | None = instead
        self.advise(_BY_GET)

    def advise(self, words: Mapping[Instead, str]) -> None:
        """Have the hint say how the command at hand chooses otherwise.

        Example:
            >>> error = DiskError("x is a folder", hint="move it away", instead="name")
            >>> error.hint
            'move it away, or choose another name with -o'
            >>> error.advise({"name": "leave it out with --exclude"})
            >>> error.hint
            'move it away, or leave it out with --exclude'
        """
        if self.instead is not None:
            self.hint = ", or ".join(filter(None, (self.advice, words.get(self.instead))))

    def resolve(self, hint: str) -> None:
        """Have the hint be this, whatever the command: what it was is out of the question."""
        self.hint, self.instead = hint, None

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class UsageError(SegdlError):
    """An unknown option, a bad value, a URL scheme that is not supported."""

    exit_code = 2


class NetworkError(SegdlError):
    """Could not connect, resolve, or make progress within the retries.

    Attributes:
        trouble: what kind of failure it was, of a few, to be counted by.
    """

    exit_code = 3

    def __init__(self, message: str, *, hint: str = "", trouble: Trouble = "other") -> None:
        super().__init__(message, hint=hint)
        self.trouble = trouble


class ServerError(SegdlError):
    """The server said no: an error status after the retries, or an answer that is not HTTP's.

    Attributes:
        status: the HTTP status code, or ``None`` where the answer broke the protocol.
    """

    exit_code = 4

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        status: int | None = None,
        instead: Instead | None = None,
    ) -> None:
        super().__init__(message, hint=hint, instead=instead)
        self.status = status


class IntegrityError(SegdlError):
    """The bytes cannot be proved to be one version of the remote file."""

    exit_code = 5


class ChecksumMismatchError(IntegrityError):
    """The whole file was fetched and its digest is not the one that was asked for."""


class RemoteChangedError(IntegrityError):
    """The remote file changed and could not be fetched whole."""


class DiskError(SegdlError):
    """No space, not writable, a name the file system refuses."""

    exit_code = 6


class TargetExistsError(DiskError):
    """A file of the final name exists and is not provably the remote file."""


class TargetLockedError(DiskError):
    """Another run holds the target."""


class CancelledError(SegdlError):
    """The caller asked to stop; the bytes on disk are kept."""

    exit_code = 130
