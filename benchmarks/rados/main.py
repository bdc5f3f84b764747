"""The command: a Ceph in the sandbox, the checks, the table."""

from __future__ import annotations

import argparse
import time
from contextlib import closing
from pathlib import Path

from checking import command
from checking.report import Report
from checking.site import MIB, site
from lab.ground import loop_filesystem
from lab.programs import LabError
from rados import engines, files, interrupted, mirrors
from rados.ceph import DISK, NEEDED, PACKAGES, ceph
from rados.scene import Scene

_ROOM = DISK + 6 * 1024 * MIB  # sparse; the monitor wants a good part of its disk to be free
_CHECKS = (*files.CHECKS, *interrupted.CHECKS, *mirrors.CHECKS, *engines.CHECKS)


def main(program: str) -> int:
    """Run the checks, or their inside; return the exit code."""
    options = _parser().parse_args()
    return command.main(
        "radosgw",
        program,
        options,
        lambda: _run(options),
        needed=NEEDED,
        packages=PACKAGES,
        tools=("unshare", "setpriv", "mount", "ip", "mkfs.ext4", "nginx"),
    )


def _parser() -> argparse.ArgumentParser:
    parser = command.parser("radosgw", "segdl and the S3 of a real Ceph.", _CHECKS)
    parser.add_argument(
        "--dir", default="/var/tmp", help="keep the disk's image in here (/var/tmp)"
    )
    return parser


def _run(options: argparse.Namespace) -> int:
    try:
        import boto3  # noqa: F401
    except ImportError:
        raise LabError("boto3 is not installed: pip install 'segdl[s3]'") from None
    checks = command.wanted(_CHECKS, options.only)
    report, began = Report(quiet=options.json), time.monotonic()
    with loop_filesystem(Path(options.inside), _ROOM) as disk:
        for name in ("ceph", "site", "work"):
            (disk / name).mkdir()
        with (
            ceph(disk / "ceph") as cluster,
            site(disk / "site") as source,
            closing(cluster.client) as client,
        ):
            up = time.monotonic() - began
            version, health = cluster.version(), cluster.health()
            if not options.json:
                print(f"{version}; {health}; up in {up:.0f} s", flush=True)
            scene = Scene(cluster, source, report, disk / "work", client)
            client.create_bucket(Bucket=scene.bucket)
            command.carry_out(checks, scene, report)
    seconds = round(time.monotonic() - began)
    told = {"version": version, "health": health, "seconds": seconds}
    return command.conclude(report, told, f"{version}, {seconds} s", as_json=options.json)
