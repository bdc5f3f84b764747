"""The results as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.scenario import MIB
from mirroring.results import Contender, Pass, Result, Turn, fetched_again

_MARK = {True: "met", False: "**missed**", None: "-"}
_HEADS = (
    *("", "first run", "CPU", "memory", "requests"),
    *("second run", "CPU", "requests", "after kill -9", "fetched again"),
)


def table(result: Result) -> str:
    """Return what each tool took, and the targets."""
    rounds = max((len(each.turns) for each in result.contenders), default=0)
    rows = [
        f"{result.files:,} files, {result.total / 1e9:.2f} GB, half from each of two servers: "
        f"{result.server}. {result.machine['cores']} cores shared with the servers; "
        f"{'one round' if rounds == 1 else f'medians of {rounds} rounds'}: "
        "compare rows and not machines.\n",
        _row(_HEADS),
        _row(["---"] * len(_HEADS)),
        *(_contender(each, result.total) for each in result.contenders),
    ]
    notes = [f"{each.name}: {each.notes}" for each in result.contenders if each.notes]
    if notes:
        rows.append(f"\n{'; '.join(notes)}.")
    if result.verdicts:
        rows += ["", _row(["", "must", "did", ""]), _row(["---"] * 4)]
        rows += [
            _row([each.tool, each.must, each.got, _MARK[each.met]]) for each in result.verdicts
        ]
    return "\n".join([*rows, ""])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _contender(each: Contender, total: int) -> str:
    if not each.turns:
        return _row([each.name, each.skipped, *[""] * (len(_HEADS) - 2)])
    share = each.median(lambda turn: fetched_again(turn, total))
    return _row(
        [
            each.name,
            _took(each, lambda turn: turn.first),
            f"{each.median(lambda turn: turn.first.cpu):.1f} s",
            f"{max(turn.first.memory for turn in each.turns) / MIB:.0f} MiB",
            f"{each.median(lambda turn: turn.first.requests):,.0f}",
            _took(each, lambda turn: turn.again),
            f"{each.median(lambda turn: turn.again.cpu):.1f} s",
            f"{each.median(lambda turn: turn.again.requests):,.0f}",
            _took(each, lambda turn: turn.resumed),
            f"{share:.1%}",
        ]
    )


def _took(each: Contender, which: Callable[[Turn], Pass]) -> str:
    """Say how long it took, or what is not as it should be."""
    passes = [which(turn) for turn in each.turns]
    bad = max(passes, key=lambda one: one.bad)
    if bad.bad:
        ended = "in spite of exit 0" if bad.exit == 0 else f"exit {bad.exit}"
        return f"**WRONG**: {bad.bad:,} files, {ended}"
    codes = {one.exit for one in passes} - {0}
    wall = f"{each.median(lambda turn: which(turn).wall):.1f} s"
    return f"{wall}, exit {codes.pop()}" if codes else wall
