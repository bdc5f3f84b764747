"""The folder where a driver and its workers meet, and the proof that they see the same one."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import socket
from dataclasses import dataclass, replace
from pathlib import Path

from segdl.core.text import printable
from segdl.mirror.engines import beacon
from segdl.mirror.engines.orders import Beacon, Camp
from segdl.options import NetworkOptions
from segdl.store.faults import disk_errors
from segdl.version import __version__

_PREFIX = "run-"
_DRIVER = "driver"
_MOST = 4096
# What of a worker's name goes into the name of a file.
_TOKEN_BYTES = 8


def pitch(folder: Path, *, topics: bool) -> Camp:
    """Make a camp for a run in a folder, in place of those that earlier runs left.

    Raises:
        DiskError: it cannot be made.
    """
    nonce = secrets.token_hex(16)
    camp = Camp(
        folder=Path(os.path.abspath(folder / f"{_PREFIX}{nonce[:12]}")),
        nonce=nonce,
        version=__version__,
        topic=f"segdl-{nonce[:12]}" if topics else "",
    )
    with disk_errors(folder, "make"):
        folder.mkdir(parents=True, exist_ok=True)
        for entry in os.scandir(folder):
            if entry.name.startswith(_PREFIX):
                shutil.rmtree(entry.path, ignore_errors=True)
        camp.folder.mkdir()
        (camp.folder / _DRIVER).write_text(nonce)
    return camp


def strike(camp: Camp) -> None:
    """Take a camp down: workers that are still at work for it end soon."""
    (camp.folder / _DRIVER).unlink(missing_ok=True)
    shutil.rmtree(camp.folder, ignore_errors=True)


def is_over(camp: Camp) -> bool:
    """Tell whether the run is over, or another one has begun."""
    if camp.beacon is not None:
        try:
            return beacon.read(camp.beacon) != camp.nonce
        except beacon.UnseenError:
            return False
    try:
        os.stat(camp.folder / _DRIVER)
    except FileNotFoundError:
        return True
    except OSError:
        # A network file system that hangs: time will tell.
        return False
    return False


def why_unfit(camp: Camp) -> str | None:
    """Tell why this process cannot work for a camp, if so."""
    if camp.version != __version__:
        return f"it runs segdl {__version__}, the driver {camp.version}"
    if camp.beacon is not None:
        # It was shown before, and each order shows whether the store is there.
        return None
    try:
        with open(camp.folder / _DRIVER, encoding="ascii", errors="replace") as file:
            found = file.read(_MOST)
    except OSError as error:
        return f"it does not see the mirror's folder ({error.strerror})"
    return None if found == camp.nonce else "it sees another folder of the mirror's name"


@dataclass(frozen=True, slots=True)
class Proof:
    """What a worker says of itself.

    Attributes:
        worker: its machine and process.
        why_unfit: why it cannot work; None where it can.
        token: the file that it wrote in the camp, which holds the nonce.
    """

    worker: str
    why_unfit: str | None
    token: str = ""


def worker_name() -> str:
    """Return what this process is called."""
    return f"{socket.gethostname()}, process {os.getpid()}"


def prove(camp: Camp, files: tuple[tuple[str, str, str], ...]) -> Proof:
    """Show that this process can work for a camp; runs at a worker.

    Args:
        camp: where the driver is.
        files: option, path and digest of what has to be the same here.
    """
    why = why_unfit(camp)
    for option, path, digest in files if why is None else ():
        if _digest(path) != digest:
            why = f"it does not have {option} {printable(path, 200)} as it is at the driver"
            break
    token = f"worker-{secrets.token_hex(_TOKEN_BYTES)}"
    if why is None and camp.beacon is not None:
        why = _why_no_bucket(camp, camp.beacon)
    elif why is None:
        try:
            (camp.folder / token).write_text(camp.nonce[::-1])
        except OSError as error:
            why = f"it cannot write into the mirror's folder ({error.strerror})"
    return Proof(worker_name(), why, token)


def _why_no_bucket(camp: Camp, shown: Beacon) -> str | None:
    try:
        if beacon.read(shown) != camp.nonce:
            return "it does not see in the bucket what the driver wrote there"
        beacon.write(shown, camp.nonce[::-1])
    except beacon.UnseenError as error:
        return f"it does not reach the bucket ({error})"
    return None


def why_unproved(camp: Camp, proof: Proof) -> str | None:
    """Tell why a worker cannot work for a camp, if so; runs at the driver."""
    if proof.why_unfit is not None or camp.beacon is not None:
        return proof.why_unfit
    try:
        path = camp.folder / proof.token
        found = path.read_text(encoding="ascii", errors="replace")
        path.unlink()
    except OSError:
        return "what it writes is not seen here: its folder is another"
    return None if found == camp.nonce[::-1] else "what it writes is not what is seen here"


def files_of(network: NetworkOptions) -> tuple[tuple[str, str, str], ...]:
    """Return the files that network options name: workers read them where they run."""
    named = [
        ("--cacert", network.cacert),
        ("--cert", network.cert),
        ("--key", network.key),
        ("--cookies", network.cookies),
        ("--netrc", _netrc() if network.netrc else None),
    ]
    return tuple(
        (option, os.path.abspath(path), _digest(path))
        for option, path in named
        if path is not None and not os.path.isdir(path)
    )


def portable(network: NetworkOptions) -> NetworkOptions:
    """Return network options whose paths hold in any working folder."""

    def absolute(path: Path | None) -> Path | None:
        return None if path is None else path.absolute()

    return replace(
        network,
        cacert=absolute(network.cacert),
        cert=absolute(network.cert),
        key=absolute(network.key),
        cookies=absolute(network.cookies),
    )


def _netrc() -> str | None:
    named = os.environ.get("NETRC")
    paths = [named] if named else map(os.path.expanduser, ("~/.netrc", "~/_netrc"))
    return next((path for path in paths if os.path.exists(path)), None)


def _digest(path: str | Path) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return ""
