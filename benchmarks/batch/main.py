"""The command: a SLURM in the sandbox, the checks, the table."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from batch import arrays, clusters
from batch.cluster import NEEDED, NODES, missing, slurm
from batch.scene import REPOSITORY, Scene
from checking.report import Report
from checking.site import site
from lab import sandbox
from lab.programs import LabError, as_installed, run

_CHECKS = (*arrays.CHECKS, *clusters.CHECKS)
_SLOW = 2  # MiB/s a connection
_PACKAGES = ("dask", "distributed", "dask-jobqueue")


def main(program: str) -> int:
    """Run the checks, or their inside; return the exit code."""
    options = _parser().parse_args()
    if lacking := [name for name in NEEDED if shutil.which(name) is None]:
        print(f"slurm: {missing(lacking)}", file=sys.stderr)
        return 1
    return sandbox.main(
        "slurm",
        program,
        sys.argv[1:],
        needed=("unshare", "setpriv", "mount", "ip", "hostname", "nginx"),
        inside=options.inside is not None,
        folder=lambda: options.dir,
        work=lambda: _run(options),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="slurm", description="segdl and a real SLURM: the scripts of docs/cluster."
    )
    names = ", ".join(each.__name__ for each in _CHECKS)
    parser.add_argument("only", nargs="*", metavar="CHECK", help=f"of {names} (default: all)")
    parser.add_argument("--dir", help="work in a new folder in here (default: in memory)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON alone")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    return parser


def _run(options: argparse.Namespace) -> int:
    unknown = set(options.only) - {each.__name__ for each in _CHECKS}
    if unknown:
        raise LabError(f"there is no check {', '.join(sorted(unknown))}")
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
        for check in _CHECKS:
            if not options.only or check.__name__ in options.only:
                with report.guard(check.__name__):
                    check(scene)
    seconds = round(time.monotonic() - began)
    if options.json:
        lines = [asdict(line) for line in report.lines]
        print(json.dumps({"versions": versions, "seconds": seconds, "lines": lines}, indent=1))
    else:
        told = ", ".join(_named(name, text) for name, text in versions.items())
        print(f"\n{told}, {seconds} s\n\n{report.table()}")
    return 0 if report.right else 1


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
