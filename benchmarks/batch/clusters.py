"""dask.sbatch and jobqueue.py: driver, scheduler and workers in one job, and workers in jobs."""

from __future__ import annotations

import subprocess
import sys
import time

from batch.cluster import NODES
from batch.job import Job
from batch.promises import came_once, came_twice_at_most, is_equal, is_whole
from batch.scene import SCRIPTS, Scene, Tree, amount, ends, nodes, went_well
from checking.site import MIB

_SCRIPT = SCRIPTS / "dask.sbatch"
_WORKERS, _THREADS = 4, 4
_SPREAD = (f"--ntasks={_WORKERS}", f"--nodes={len(NODES)}", "--ntasks-per-node=2")
_PIECE = 8 * MIB
_LARGE = {f"large/{at} +%.bin": 3 * _PIECE + 17 for at in range(3)}
_PENDING = 10.0
"""Seconds that jobs have to wait."""
_ENOUGH = 120.0
"""Seconds that the rest of it may take."""


def dask(scene: Scene) -> None:
    """Driver, scheduler and workers in one job, and the same again."""
    tree = _serve(scene, "dask")
    ended = scene.slurm.wait(job := _submit(scene, tree))
    told = ends(ended) if went_well(ended) else f"{ends(ended)}: {scene.said(job)}"
    what = f"`sbatch --ntasks={_WORKERS} dask.sbatch`, on both nodes, {_described(tree)}"
    scene.report.add(what, told, right=went_well(ended))
    is_equal(scene, tree)
    came_once(scene, tree, in_pieces=len(_LARGE))
    before = scene.answers
    ended = scene.slurm.wait(job := _submit(scene, tree))
    asked = len(scene.sent(tree, before))
    right = went_well(ended) and not asked
    told = f"{ends(ended)}; {asked} files asked for"
    scene.report.add("the same again", told if right else scene.said(job), right=right)


def dask_killed(scene: Scene) -> None:
    """All workers of the node where the script does not run are killed in the middle."""
    tree = _serve(scene, "lost")
    job = _submit(scene, tree, slow=True)
    _wait_for_some(scene, tree)
    here = scene.slurm.jobs(job)[0].node
    other = next(name for name in NODES if name != here)
    victims = scene.slurm.processes(job, node=other)
    scene.slurm.kill(victims)
    missing = len(tree.files) - len(scene.there(tree))
    ended = scene.slurm.wait(job)
    right = went_well(ended) and len(victims) >= _WORKERS // 2 and missing > 0
    told = f"{len(victims)} processes, {missing} files still to come; {ends(ended)}"
    what = f"kill -9 of all that the job has on {other}, where half of its workers are"
    scene.report.add(what, told if right else f"{told}: {scene.said(job)}", right=right)
    is_equal(scene, tree)
    came_twice_at_most(scene, tree, _WORKERS // 2 * _THREADS, _PIECE)


def dask_ended(scene: Scene) -> None:
    """All workers gone, the scheduler gone: the job ends, and can be submitted again."""
    tree = _serve(scene, "ended")
    job = _submit(scene, tree, slow=True)
    _wait_for_some(scene, tree)
    scene.slurm.cancel(f"{job}.0")
    ended = scene.slurm.wait(job)
    right = [str(each) for each in ended] == ["FAILED 130:0"]
    told = ends(ended) if right else f"{ends(ended)}: {scene.said(job)}"
    scene.report.add("`scancel JOB.0`, the step of all workers, in the middle", told, right=right)
    is_whole(scene, tree)
    before = scene.answers
    job = _submit(scene, tree, slow=True)
    scene.wait_until(lambda: scene.sent(tree, before), "an answer")
    scene.slurm.kill(scene.slurm.processes(job, "scheduler"))
    ended = scene.slurm.wait(job)
    right = [str(each) for each in ended] == ["FAILED 130:0"]
    told = ends(ended) if right else f"{ends(ended)}: {scene.said(job)}"
    scene.report.add("the same again, and kill -9 of the scheduler", told, right=right)
    ended = scene.slurm.wait(job := _submit(scene, tree))
    told = ends(ended) if went_well(ended) else scene.said(job)
    scene.report.add("the same again", told, right=went_well(ended))
    is_equal(scene, tree)
    came_twice_at_most(scene, tree, 2 * _WORKERS * _THREADS, _PIECE)


def jobqueue(scene: Scene) -> None:
    """dask-jobqueue has SLURM start workers; they are in the queue for longer than segdl waits."""
    tree = _serve(scene, "jobqueue")
    before = {each.number for each in scene.slurm.jobs()}
    said = scene.work / "jobqueue.out"
    scene.slurm.hold(held=True)
    arguments = (*_arguments(scene, tree, slow=True), "--patience", "3")
    with open(said, "wb") as out:
        program = subprocess.Popen(
            [sys.executable, SCRIPTS / "jobqueue.py", *arguments],
            cwd=scene.work,
            env=scene.slurm.surroundings(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        scene.wait_until(lambda: _since(scene, before), "a job")
        time.sleep(_PENDING)
        scene.slurm.hold(held=False)
        code = program.wait(timeout=_ENOUGH)
    finally:
        scene.slurm.hold(held=False)
        program.kill()
        program.wait()
    scene.wait_until(lambda: all(each.over for each in _since(scene, before)), "its jobs' ends")
    jobs = _since(scene, before)
    ran = [each for each in jobs if each.node]
    told = f"exit {code}; {len(jobs)} jobs by sbatch, {len(ran)} of them ran, on {nodes(ran)}"
    right = code == 0 and bool(ran)
    told = told if right else f"{told}: {said.read_text(errors='replace').strip()[-500:]}"
    what = f"`python jobqueue.py`, {_described(tree)}, {_PENDING:.0f} s in the queue"
    scene.report.add(what, told, right=right)
    is_equal(scene, tree)
    came_once(scene, tree, in_pieces=len(_LARGE))


def _serve(scene: Scene, name: str) -> Tree:
    """Make a tree of small files, and some that are brought in pieces."""
    sizes = {f"small/{at % 10}/{at}.bin": 20_000 + 11_111 * at for at in range(100)}
    # Without sizes a worker finds out that a file is large, and hangs up on what is on its way.
    return scene.serve(name, sizes | _LARGE, sized=True)


def _submit(scene: Scene, tree: Tree, *, slow: bool = False) -> int:
    return scene.slurm.submit(_SCRIPT, *_arguments(scene, tree, slow=slow), options=_SPREAD)


def _arguments(scene: Scene, tree: Tree, *, slow: bool = False) -> list[str]:
    options = ["-x", "16", "--piece", str(_PIECE)]
    return [scene.source(tree, slow=slow), str(scene.mirror_of(tree)), *options]


def _described(tree: Tree) -> str:
    return f"{len(tree.files)} files, {amount(tree.size)}, {len(_LARGE)} files in pieces"


def _wait_for_some(scene: Scene, tree: Tree) -> None:
    """Return once a third of the files is there; the large ones are not."""
    scene.wait_until(lambda: 3 * len(scene.there(tree)) >= len(tree.files), "a third of the files")


def _since(scene: Scene, before: set[int]) -> list[Job]:
    """Return the jobs whose numbers were not known."""
    return [each for each in scene.slurm.jobs() if each.number not in before]


CHECKS = (dask, dask_killed, dask_ended, jobqueue)
