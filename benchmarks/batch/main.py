"""The command: a SLURM in the sandbox, the checks, the table."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from batch import arrays, clusters
from batch.cluster import NEEDED, NODES, PACKAGES, slurm
from batch.scene import REPOSITORY, Scene
from checking import command
from checking.report import Report
from checking.site import site
from lab.programs import LabError, as_installed, run

_CHECKS = (*arrays.CHECKS, *clusters.CHECKS)
_SLOW = 2  # MiB/s a connection
_PACKAGES = ("dask", "distributed", "dask-jobqueue")


def main(program: str) -> int:
    """Run the checks, or their inside; return the exit code."""
    options = _parser().parse_args()
    return command.main(
        "slurm",
        program,
        options,
        lambda: _run(options),
        needed=NEEDED,
        packages=PACKAGES,
        tools=("unshare", "setpriv", "mount", "ip", "hostname", "nginx"),
    )


def _parser() -> argparse.ArgumentParser:
    about = "segdl and a real SLURM: the scripts of docs/cluster."
    parser = command.parser("slurm", about, _CHECKS)
    parser.add_argument("--dir", help="work in a new folder in here (default: in memory)")
    return parser


def _run(options: argparse.Namespace) -> int:
    checks = command.wanted(_CHECKS, options.only)
    report, began = Report(quiet=options.json), time.monotonic()
    # Not beside what others have in there: SLURM wants names that are its own.
    folder = Path(tempfile.mkdtemp(dir=options.inside))
    for name in ("slurm", "site", "work", "tmp"):
        (folder / name).mkdir()
    environment = _environment(folder / "tmp")
    segdl = shutil.which("segdl", path=environment["PATH"])
    assert segdl is not None
    with (
        slurm(folder / "slurm", environment) as cluster,
        site(folder / "site", slow=_SLOW) as source,
    ):
        versions = {
            "slurm": cluster.version(),
            "segdl": run(segdl, "--version").partition("\n")[0],
            **{name: version(name) for name in _PACKAGES},
            "python": sys.version.split()[0],
        }
        if not options.json:
            print(f"{', '.join(NODES)} up in {time.monotonic() - began:.0f} s", flush=True)
        scene = Scene(cluster, source, report, folder / "work", segdl)
        command.carry_out(checks, scene, report)
    seconds = round(time.monotonic() - began)
    told = ", ".join(_named(name, text) for name, text in versions.items())
    return command.conclude(
        report,
        {"versions": versions, "seconds": seconds},
        f"{told}, {seconds} s",
        as_json=options.json,
    )


def _environment(temporary: Path) -> Mapping[str, str]:
    """Return what all programs run with: this checkout, by the programs beside this Python.

    Raises:
        LabError: those are not there.
    """
    programs = str(Path(sys.executable).parent)
    lacking = [name for name in ("segdl", "dask") if not shutil.which(name, path=programs)]
    if lacking:
        raise LabError(f"not beside {sys.executable}: {', '.join(lacking)} (segdl[dask])")
    try:
        version("dask-jobqueue")
    except PackageNotFoundError:
        raise LabError("not installed: pip install dask-jobqueue") from None
    os.environ["PYTHONPATH"] = str(REPOSITORY / "src")
    os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    os.environ["TMPDIR"] = str(temporary)
    as_installed(str(Path(programs) / "segdl"))
    return {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith(("SLURM", "DASK"))
    }


def _named(name: str, text: str) -> str:
    return text if name in ("slurm", "segdl") else f"{name} {text}"
