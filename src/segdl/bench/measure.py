"""A benchmark from its plan to its report."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from segdl.bench.contenders import Contender, version_of
from segdl.bench.prepare import Plan
from segdl.bench.report import Report, Run, Setting, agreed
from segdl.bench.runner import Course, run_course
from segdl.core.checksum import Checksum


def measure(
    plan: Plan,
    folder: Path,
    cancel: threading.Event,
    *,
    watch: Callable[[Contender, int, int], None],
    ended: Callable[[Contender, Run], None],
) -> Report:
    """Run every contender as often as planned.

    Args:
        plan: what to do.
        folder: where files go; each is removed once it is hashed.
        cancel: set to end it all.
        watch: called now and then with the contender at work, the round from 1, and the
            bytes on disk where it tells.
        ended: called with each run.

    Raises:
        CancelledError: `cancel` was set; no program is left running.
        DiskError: the folder cannot be used.
    """
    wishes, contenders = plan.wishes, plan.contenders
    algorithm = wishes.checksum.algorithm if wishes.checksum else "sha256"
    began = datetime.now(timezone.utc).isoformat(timespec="seconds")
    course = Course(
        job=plan.job,
        contenders=contenders,
        rounds=wishes.rounds,
        algorithm=algorithm,
        folder=folder,
        cancel=cancel,
        watch=watch,
    )
    runs = []
    for run in run_course(course):
        runs.append(run)
        ended(contenders[run.contender], run)
    found = agreed([(contenders[run.contender].own, run.digest) for run in runs])
    tools = {contender.tool: contender for contender in contenders}
    return Report(
        setting=Setting(
            url=plan.job.public,
            name=plan.name,
            size=plan.job.size,
            length=plan.job.length,
            rounds=wishes.rounds,
            began=began,
            machine=_machine(),
        ),
        contenders=contenders,
        versions={
            # An interrupt waits for no more than one of them.
            tool: "" if cancel.is_set() else version_of(contender)
            for tool, contender in tools.items()
        },
        left_out=plan.left_out,
        runs=tuple(runs),
        digest=wishes.checksum or Checksum(algorithm, found),
        named=wishes.checksum is not None,
    )


def _machine() -> str:
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    return f"{system}, {os.cpu_count()} cores, Python {platform.python_version()}"
