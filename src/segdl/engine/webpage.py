"""A web page in the place of a file: what servers send who is not logged in any more."""

from __future__ import annotations

from segdl.core.identity import Version, is_page_instead
from segdl.engine.task import Task
from segdl.errors import ServerError


def refuse_page(task: Task, pinned: Version, seen: Version) -> None:
    """Keep a web page from being taken for another version of the file.

    Raises:
        ServerError: `seen` is one, and `pinned` is not.
    """
    if is_page_instead(pinned, seen):
        raise page_instead(task)


def page_instead(task: Task) -> ServerError:
    """Return the error for a web page that comes where a file should."""
    return ServerError(
        f"{task.asked}: the server answers with a web page instead of the file",
        hint="log in again or pass fresh cookies, then run the same command",
    )
