"""Skip where a machine lacks something, but never where CI is meant to have it."""

from __future__ import annotations

import os
import shutil

import pytest


def require(reason: str, condition: object) -> None:
    """Go on where `condition` is true; else skip, or fail where ``CI=true``.

    A test that CI skips proves nothing, and nobody reads the list of skips.
    """
    if condition:
        return
    if os.environ.get("CI", "").lower() in {"true", "1"}:
        pytest.fail(f"CI must have what this test needs: {reason}", pytrace=False)
    pytest.skip(reason)


def program(name: str) -> str | None:
    """Return the path of a program; the sbin folders count, whatever PATH says."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
    return shutil.which(name, path=path)


def require_program(*names: str) -> list[str]:
    """Return the paths of programs that the test cannot do without."""
    found = []
    for name in names:
        path = program(name)
        require(f"{name} is not installed", path)
        assert path is not None
        found.append(path)
    return found
