"""shards.sbatch: an array once, again, with tasks killed, requeued, and out of time."""

from __future__ import annotations

from batch.promises import came_once, came_twice_at_most, is_equal, is_whole
from batch.scene import SCRIPTS, Scene, Tree, amount, ends, figures, nodes, share_of, went_well
from checking.site import MIB

COUNT = 8
_SCRIPT = SCRIPTS / "shards.sbatch"
_ARRAY = (f"--array=0-{COUNT - 1}",)
_KILLED, _CANCELLED = 3, 5
_LARGE = 6 * MIB
_LARGER = 12 * MIB


def array(scene: Scene) -> None:
    """The array, its report, and the same again."""
    sizes = {f"small/{at % 10}/{at}.bin": 500 + 37 * at for at in range(200)}
    sizes |= {f"large/{at} +%.bin": MIB + at for at in range(16)} | {"empty": 0}
    tree = scene.serve("array", sizes)
    jobs = scene.slurm.wait(number := _submit(scene, tree))
    told = f"{ends(jobs)} on {nodes(jobs)}"
    right = len(jobs) == COUNT and went_well(jobs)
    what = f"`sbatch {_ARRAY[0]} shards.sbatch`, {len(sizes)} files, {amount(tree.size)}"
    scene.report.add(what, told if right else f"{told}: {scene.said(number)}", right=right)
    is_equal(scene, tree)
    came_once(scene, tree)
    ledgers = list(scene.mirror_of(tree).glob(f".segdl/shard-*-of-{COUNT}/ledger.sqlite"))
    told = f"{len(ledgers)} of {COUNT}"
    scene.report.add("a ledger for each shard", told, right=len(ledgers) == COUNT)
    _compare_report(scene, tree, fetched=len(sizes), size=tree.size)

    before = scene.answers
    jobs = scene.slurm.wait(number := _submit(scene, tree))
    asked = len(scene.sent(tree, before))
    right = len(jobs) == COUNT and went_well(jobs) and not asked
    told = f"{ends(jobs)}; {asked} files asked for"
    told = told if right else f"{told}: {scene.said(number)}"
    scene.report.add("the same array again", told, right=right)
    is_equal(scene, tree)
    _compare_report(scene, tree, fetched=0, size=0)


def array_killed(scene: Scene) -> None:
    """A task killed and one cancelled in the middle; one submitted again alone, then the array."""
    tree = _serve_large(scene, "killed")
    number = _submit(scene, tree, slow=True)
    for place in (_KILLED, _CANCELLED):
        _wait_for_first_file(scene, tree, place)
    scene.slurm.kill(scene.slurm.processes(scene.slurm.task(number, _KILLED).number, "mirror"))
    scene.slurm.cancel(f"{number}_{_CANCELLED}")
    jobs = {each.task: each for each in scene.slurm.wait(number)}
    killed, cancelled = jobs.pop(_KILLED), jobs.pop(_CANCELLED)
    right = (str(killed), str(cancelled)) == ("FAILED 0:9", "CANCELLED 130:0")
    right = right and went_well(jobs.values())
    told = f"{killed}, and {cancelled}; the others {ends(jobs.values())}"
    what = "in the middle kill -9 of one task's segdl, `scancel` of another"
    scene.report.add(what, told if right else f"{told}: {scene.said(number)}", right=right)
    is_whole(scene, tree)

    options = (f"--array={_KILLED}",)
    alone = scene.slurm.wait(
        number := _submit(scene, tree, options=options, SEGDL_SHARDS=str(COUNT))
    )
    theirs = {path for path in tree.files if share_of(path, COUNT) == _KILLED}
    right = len(alone) == 1 and went_well(alone) and theirs <= scene.there(tree)
    what = f"`SEGDL_SHARDS={COUNT} sbatch {options[0]} shards.sbatch`: the first of them alone"
    told = f"{ends(alone)}, its {len(theirs)} files are there"
    scene.report.add(what, told if right else scene.said(number), right=right)

    again = scene.slurm.wait(number := _submit(scene, tree))
    told = ends(again) if went_well(again) else scene.said(number)
    scene.report.add("the same array again", told, right=went_well(again))
    is_equal(scene, tree)
    came_twice_at_most(scene, tree, 2, _LARGE)


def array_requeued(scene: Scene) -> None:
    """A task that SLURM has run from its beginning, as it does where a node is lost."""
    tree = _serve_large(scene, "requeued")
    number = _submit(scene, tree, slow=True)
    _wait_for_first_file(scene, tree, _KILLED)
    scene.slurm.requeue(f"{number}_{_KILLED}")
    jobs = scene.slurm.wait(number, patience=300)
    restarts = next(each.restarts for each in jobs if each.task == _KILLED)
    right = len(jobs) == COUNT and went_well(jobs) and restarts == 1
    told = f"{ends(jobs)}, {restarts} restart"
    told = told if right else f"{told}: {scene.said(number)}"
    scene.report.add("`scontrol requeue` of one task in the middle", told, right=right)
    is_equal(scene, tree)
    came_twice_at_most(scene, tree, 1, _LARGE)


def array_out_of_time(scene: Scene) -> None:
    """A task whose time runs out is told so before it is killed, and says what it did."""
    tree = scene.serve("time", {f"{at}.bin": _LARGER for at in range(24)})
    options = ("--array=0-0",)
    job = _submit(scene, tree, options=(*options, "--time=2"), slow=True)
    jobs = scene.slurm.wait(job)
    merged = scene.run_segdl("mirror", "--report", "--json", str(scene.mirror_of(tree)))
    report = figures(merged.stdout)
    came = f"{ends(jobs)}; its report: {report.get('outcome')}, exit {report.get('exit_code')}"
    right = came == "1 x FAILED 130:0; its report: interrupted, exit 130"
    what = "`--time=2` for what takes longer: TERM before SLURM kills"
    scene.report.add(what, came if right else f"{came}; {scene.said(job)}", right=right)
    is_whole(scene, tree)
    jobs = scene.slurm.wait(job := _submit(scene, tree, options=options))
    told = ends(jobs) if went_well(jobs) else scene.said(job)
    scene.report.add("the same again", told, right=went_well(jobs))
    is_equal(scene, tree)
    came_twice_at_most(scene, tree, 1, _LARGER)


def _submit(
    scene: Scene,
    tree: Tree,
    *,
    options: tuple[str, ...] = _ARRAY,
    slow: bool = False,
    **environment: str,
) -> int:
    arguments = (scene.source(tree, slow=slow), str(scene.mirror_of(tree)))
    return scene.slurm.submit(_SCRIPT, *arguments, options=options, **environment)


def _serve_large(scene: Scene, name: str) -> Tree:
    """Make a tree of which every shard has three files."""
    shares: dict[int, list[str]] = {at: [] for at in range(COUNT)}
    for path in (f"{at}.bin" for at in range(1000)):
        share = shares[share_of(path, COUNT)]
        if len(share) < 3:
            share.append(path)
    return scene.serve(name, {path: _LARGE for share in shares.values() for path in share})


def _wait_for_first_file(scene: Scene, tree: Tree, place: int) -> None:
    """Return once a shard has a file; it has more to fetch."""

    def so() -> bool:
        return any(share_of(path, COUNT) == place for path in scene.there(tree))

    scene.wait_until(so, f"a file of shard {place}")


def _compare_report(scene: Scene, tree: Tree, *, fetched: int, size: int) -> None:
    """Merge the reports of all shards, and compare the sums."""
    folder = scene.mirror_of(tree)
    done = scene.run_segdl("mirror", "--report", "--json", str(folder))
    report = figures(done.stdout)
    files = report.get("files", {})
    came = (done.returncode, report.get("exit_code"), report.get("outcome"))
    sums = [files.get(name) for name in ("listed", "fetched", "kept")]
    sums.append(report.get("bytes", {}).get("fetched"))
    count = len(tree.files)
    right = came == (0, 0, "equal") and sums == [count, fetched, count - fetched, size]
    written = [folder / ".segdl" / name for name in ("report.json", "report.html")]
    right = right and all(path.exists() for path in written)
    told = f"exit {came[0]}, {came[2]}, {sums[0]} listed, {sums[1]} fetched, {sums[2]} kept"
    told = f"{told}, {sums[3]} bytes fetched"
    what = "`segdl mirror --report DIR`, of all shards"
    scene.report.add(what, told if right else f"{told} {done.stderr[-200:]}", right=right)


CHECKS = (array, array_killed, array_requeued, array_out_of_time)
