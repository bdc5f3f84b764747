"""What must hold of every mirror, whoever brought it."""

from __future__ import annotations

from collections import Counter

from batch.scene import Scene, Tree, amount
from checking.site import MIB

_BUFFERS = 4 * MIB
"""Of sockets: what nginx has sent, and nobody has written to a disk."""
_SEAMS = 16 * 1024
"""Of a file in pieces: bytes before each, which show whether a server has that version still."""


def is_equal(scene: Scene, tree: Tree) -> None:
    right = scene.equal(tree)
    told = f"{len(tree.files)} files, every byte" if right else "it is not"
    scene.report.add("the folder is equal to the list", told, right=right)


def is_whole(scene: Scene, tree: Tree) -> None:
    """Nothing that is not whole has a name, and something is missing."""
    root, there = scene.mirror_of(tree), scene.there(tree)
    wrong = [path for path in there if (root / path).read_bytes() != tree.files[path]]
    told = f"{len(there)} of {len(tree.files)} files, each whole"
    right = not wrong and len(there) < len(tree.files)
    what = "what has a name by then"
    scene.report.add(what, f"not whole: {wrong[:3]}" if wrong else told, right=right)


def came_once(scene: Scene, tree: Tree, *, in_pieces: int = 0) -> None:
    """Each file was asked for once, but for those that came in pieces; no byte was sent twice."""
    sent = scene.sent(tree)
    asked = Counter(each.path for each in sent)
    once = sum(1 for count in asked.values() if count == 1)
    size = sum(each.size for each in sent)
    right = len(asked) == len(tree.files) == once + in_pieces
    right = right and 0 <= size - tree.size <= in_pieces * _SEAMS
    told = f"{once} files by one request each, {amount(size)} in all"
    if in_pieces:
        told += f"; {in_pieces} by {len(sent) - once}"
    scene.report.add("fetched once, by nginx's log", told, right=right)


def came_twice_at_most(scene: Scene, tree: Tree, count: int, each: int) -> None:
    """No more was sent twice than was in flight: `count` requests of `each` bytes."""
    more = sum(answer.size for answer in scene.sent(tree)) - tree.size
    told = f"{amount(more)} of {amount(tree.size)}; {count} x {amount(each)} may be in flight"
    right = 0 <= more <= count * (each + _BUFFERS)
    scene.report.add("fetched again, by nginx's log", told, right=right)
