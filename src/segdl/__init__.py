"""segdl: segmented downloads that end in the right bytes or in a clear error.

Example:
    >>> import segdl
    >>> result = segdl.download("https://example.org/big.iso")  # doctest: +SKIP
    >>> result.path, result.size  # doctest: +SKIP
    (PosixPath('big.iso'), 1073741824)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from segdl.version import __version__

if TYPE_CHECKING:
    from segdl.api import download, download_many, info, read_metalink
    from segdl.core.checksum import Checksum, parse_checksum
    from segdl.core.selection import RangeSpec, parse_range
    from segdl.engine.inspect import RemoteFile
    from segdl.engine.many import Failure
    from segdl.errors import (
        CancelledError,
        ChecksumMismatchError,
        DiskError,
        IntegrityError,
        NetworkError,
        RemoteChangedError,
        SegdlError,
        ServerError,
        TargetExistsError,
        TargetLockedError,
        UsageError,
    )
    from segdl.options import NetworkOptions, Request, TransferOptions
    from segdl.progress import events
    from segdl.results import DownloadResult

__all__ = [
    "CancelledError",
    "Checksum",
    "ChecksumMismatchError",
    "DiskError",
    "DownloadResult",
    "Failure",
    "IntegrityError",
    "NetworkError",
    "NetworkOptions",
    "RangeSpec",
    "RemoteChangedError",
    "RemoteFile",
    "Request",
    "SegdlError",
    "ServerError",
    "TargetExistsError",
    "TargetLockedError",
    "TransferOptions",
    "UsageError",
    "__version__",
    "download",
    "download_many",
    "events",
    "info",
    "parse_checksum",
    "parse_range",
    "read_metalink",
]

# `segdl --version` must not pay for requests: each name is imported at its first use.
_HOMES = {
    "segdl.api": ("download", "download_many", "info", "read_metalink"),
    "segdl.core.checksum": ("Checksum", "parse_checksum"),
    "segdl.core.selection": ("RangeSpec", "parse_range"),
    "segdl.engine.inspect": ("RemoteFile",),
    "segdl.engine.many": ("Failure",),
    "segdl.errors": tuple(name for name in __all__ if name.endswith("Error")),
    "segdl.options": ("NetworkOptions", "Request", "TransferOptions"),
    "segdl.results": ("DownloadResult",),
}


def __getattr__(name: str) -> object:
    if name == "events":
        return import_module("segdl.progress.events")
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'segdl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__]
