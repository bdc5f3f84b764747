"""Where a mirror in a bucket keeps its ledger, lock and reports: on this machine."""

from __future__ import annotations

import argparse
import hashlib
import os
import re
from pathlib import Path

from segdl.core.s3url import S3Place, is_s3, parse_prefix
from segdl.errors import UsageError


def prefix_of(text: str) -> S3Place | None:
    """Return the prefix that a mirror's DIR names; None where it is a folder."""
    return parse_prefix(text) if is_s3(text) else None


def state_of(prefix: S3Place, chosen: Path | None, endpoint: str | None) -> Path:
    """Return the folder that holds what is known of a mirror in a bucket.

    Args:
        prefix: where the mirror is.
        chosen: the folder that the user wants.
        endpoint: of its store: two stores may have buckets of one name.
    """
    if chosen is not None:
        return chosen
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{prefix.bucket}-{prefix.key}").strip("-.")[:80]
    digest = hashlib.sha256(f"{endpoint or ''} {prefix.url}".encode()).hexdigest()[:12]
    return _home() / "segdl" / "mirrors" / f"{name}-{digest}"


def _home() -> Path:
    """Return the folder for what programs remember."""
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    chosen = os.environ.get("XDG_STATE_HOME", "")
    return Path(chosen) if os.path.isabs(chosen) else Path.home() / ".local" / "state"


def check_bucket(options: argparse.Namespace) -> None:
    """Refuse what a mirror in a bucket cannot do.

    Raises:
        UsageError: what is the matter.
    """
    for name, why in (
        ("verify", "reads files again, which would fetch the whole bucket"),
        ("sums", "hashes files, which would fetch the whole bucket"),
        ("exec", "runs a program for a file on the disk"),
    ):
        if getattr(options, name):
            raise UsageError(f"--{name} {why}", hint="leave it out")
    if options.layout != "parts":
        raise UsageError("nothing lies in place in a bucket", hint="leave out --layout")
    from segdl.net.boto import boto3_or_error

    boto3_or_error()
