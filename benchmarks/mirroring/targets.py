"""What `segdl mirror` must reach beside the others: pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.targets import Verdict
from mirroring.results import Contender, fetched_again
from mirroring.tree import Tree

_TIMES, _AGAIN = 1.0, 0.01


def judge(contenders: Sequence[Contender], tree: Tree) -> Iterator[Verdict]:
    """Judge each segdl against those of the others that were right."""
    others = [each for each in contenders if each.kind != "segdl" and each.turns]
    for ours in contenders:
        if ours.kind != "segdl":
            continue
        if not ours.turns:
            yield Verdict(ours.name, "be there", ours.skipped, None)
            continue
        yield _first(ours, others)
        yield _again_bare(ours, len(tree.items)) if ours.bare else _again(ours, others)
        yield _resumed(ours, tree.total)


def _first(ours: Contender, others: Sequence[Contender]) -> Verdict:
    must = f"first run: at most {_TIMES:g} x the best other tool's time"
    if not all(turn.first.right for turn in ours.turns):
        return Verdict(ours.name, must, "not every file was right", met=False)
    rivals = [each for each in others if all(turn.first.right for turn in each.turns)]
    if not rivals:
        return Verdict(ours.name, must, "none of them ended well", None)
    walls = {each.name: each.median(lambda turn: turn.first.wall) for each in rivals}
    best = min(walls, key=lambda name: walls[name])
    ratio = round(ours.median(lambda turn: turn.first.wall) / walls[best], 2)
    return Verdict(ours.name, must, f"{ratio:.2f} x {best}", ratio <= _TIMES)


def _again(ours: Contender, others: Sequence[Contender]) -> Verdict:
    must = "second run: fewer requests than any other"
    if not all(turn.again.right for turn in ours.turns):
        return Verdict(ours.name, must, "not every file was right", met=False)
    rivals = [each for each in others if all(turn.again.right for turn in each.turns)]
    if not rivals:
        return Verdict(ours.name, must, "none of them ended well", None)
    least = {each.name: min(turn.again.requests for turn in each.turns) for each in rivals}
    best = min(least, key=lambda name: least[name])
    most = max(turn.again.requests for turn in ours.turns)
    return Verdict(ours.name, must, f"{most}; {best} {least[best]}", most < least[best])


def _again_bare(ours: Contender, files: int) -> Verdict:
    must = "second run: at most one request a file"
    if not all(turn.again.right for turn in ours.turns):
        return Verdict(ours.name, must, "not every file was right", met=False)
    most = max(turn.again.requests for turn in ours.turns)
    return Verdict(ours.name, must, f"{most} for {files} files", most <= files)


def _resumed(ours: Contender, total: int) -> Verdict:
    must = f"after kill -9: at most {_AGAIN:.0%} fetched again"
    if not all(turn.resumed.right for turn in ours.turns):
        return Verdict(ours.name, must, "not every file was right", met=False)
    share = max(fetched_again(turn, total) for turn in ours.turns)
    return Verdict(ours.name, must, f"{share:.1%}", share <= _AGAIN)
