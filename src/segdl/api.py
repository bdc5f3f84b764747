"""The public functions; `import segdl` is the way to them."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

from segdl.core.checksum import parse_checksum
from segdl.engine.download import download as download_one
from segdl.engine.gate import Gates
from segdl.engine.inspect import RemoteFile, inspect
from segdl.engine.many import Outcome, download_all
from segdl.engine.run import Run
from segdl.errors import CancelledError, UsageError
from segdl.net.transport import Transport
from segdl.options import Headers, NetworkOptions, Request, TransferOptions
from segdl.progress.events import Event
from segdl.progress.view import make_view
from segdl.results import DownloadResult

ProgressKind = Literal["none", "auto", "rich", "tqdm", "json"]
# Requests that several files of one run send to one origin at once.
MOST_PER_ORIGIN = 16


def download(
    url: str,
    path: str | Path | None = None,
    *,
    connections: int = 8,
    checksum: str | None = None,
    headers: Headers = (),
    progress: ProgressKind = "none",
    on_event: Callable[[Event], None] | None = None,
    cancel: threading.Event | None = None,
    network: NetworkOptions | None = None,
    transfer: TransferOptions | None = None,
) -> DownloadResult:
    """Download one file and return when it is whole.

    Prints nothing unless `progress` asks for it and installs no signal handlers. When it
    raises, what was fetched is kept beside the target, and the same call goes on from it.

    Args:
        url: http or https.
        path: the file to make, or a folder (one that exists, or written with a final
            slash) to save it in by the name that the server or the URL gives; None is the
            current folder.
        connections: most connections for the file.
        checksum: ``ALGO=HEX`` that the file must have, as ``sha256=…``.
        headers: ``(name, value)`` pairs for the URL's origin only.
        progress: a view on standard error.
        on_event: called with each event, in the thread that called `download`.
        cancel: set it from another thread to end the download.
        network: how to reach servers.
        transfer: how to fetch and keep the file; `connections` goes before its own.

    Raises:
        SegdlError: see :mod:`segdl.errors`; `exit_code` tells the kind.

    Example:
        >>> segdl.download("https://example.org/big.iso", "isos/")  # doctest: +SKIP
        DownloadResult(path=PosixPath('isos/big.iso'), ...)
    """
    directory, name = _place(path)
    request = Request(
        url=url,
        directory=directory,
        name=name,
        checksum=parse_checksum(checksum) if checksum else None,
        headers=tuple(headers),
    )
    if connections < 1:
        raise UsageError(f"connections must be at least 1, not {connections}")
    transfer = replace(transfer or TransferOptions(), connections=connections)
    with _run(network, transfer, progress, on_event, cancel, max_files=1) as run:
        return download_one(run, request)


def download_many(
    requests: Iterable[Request | str],
    *,
    max_files: int = 4,
    connections: int = 8,
    progress: ProgressKind = "none",
    on_event: Callable[[Event], None] | None = None,
    cancel: threading.Event | None = None,
    network: NetworkOptions | None = None,
    transfer: TransferOptions | None = None,
) -> Iterator[Outcome]:
    """Download many files, `max_files` at once; yield each as it ends.

    `requests` is read as the run gets on: it may be endless. A file that cannot be had is
    a :class:`Failure` with its error, and the others go on. `on_event` is called from
    several threads, one at a time. Closing the iterator cancels what is at work.

    Raises:
        CancelledError: `cancel` was set; everything that ended was yielded before.
    """
    wanted = (Request(url=item) if isinstance(item, str) else item for item in requests)
    transfer = replace(transfer or TransferOptions(), connections=connections)
    with _run(network, transfer, progress, on_event, cancel, max_files=max_files) as run:
        for _, outcome in download_all(run, wanted, download_one, max_files):
            yield outcome
        if run.cancel.is_set():
            raise CancelledError("interrupted", hint="call it again to go on")


def info(url: str, *, network: NetworkOptions | None = None) -> RemoteFile:
    """Ask a server what it says of a file: size, ranges, validators, name, digests.

    Raises:
        SegdlError: it cannot be asked, or says no.
    """
    with _run(network, TransferOptions(), "none", None, None, max_files=1) as run:
        return inspect(run, Request(url=url))


@contextmanager
def open_run(
    network: NetworkOptions,
    transfer: TransferOptions,
    emit: Callable[[Event], None],
    cancel: threading.Event,
    *,
    max_files: int,
) -> Iterator[Run]:
    """Set up the surroundings of a run, and close every connection at its end.

    `emit` is called from the threads of the run, one at a time.
    """
    cap = transfer.connections if max_files == 1 else max(transfer.connections, MOST_PER_ORIGIN)
    transport = Transport(network, connections=max(cap, transfer.connections))
    lock = threading.Lock()

    def emit_one(event: Event) -> None:
        with lock:
            emit(event)

    run = Run(
        network=network,
        transfer=transfer,
        transport=transport,
        gates=Gates(cap, time.monotonic),
        emit=emit_one,
        cancel=cancel,
    )
    try:
        yield run
    finally:
        transport.close()


@contextmanager
def _run(
    network: NetworkOptions | None,
    transfer: TransferOptions,
    progress: ProgressKind,
    on_event: Callable[[Event], None] | None,
    cancel: threading.Event | None,
    *,
    max_files: int,
) -> Iterator[Run]:
    view = make_view(progress, sys.stderr)

    def emit(event: Event) -> None:
        view(event)
        if on_event is not None:
            on_event(event)

    try:
        with open_run(
            network or NetworkOptions(),
            transfer,
            emit,
            cancel or threading.Event(),
            max_files=max_files,
        ) as run:
            yield run
    finally:
        view.close()


def _place(path: str | Path | None) -> tuple[Path, str | None]:
    if path is None:
        return Path(), None
    if str(path).endswith(("/", "\\")) or Path(path).is_dir():
        return Path(path), None
    return Path(path).parent, Path(path).name
