"""Files of one origin that are at work at once: what they bring together."""

from __future__ import annotations

from segdl.engine.among import Among

MB = 1_000_000


def tell(among: Among, *files: str, seconds: float, speed: float, of: dict[str, int]) -> list[bool]:
    """Have files bring so much together, each over one connection."""
    said = []
    for _ in range(round(seconds / 0.05)):
        of["now"] += 50
        for file in files:
            of[file] = of.get(file, 0) + int(speed * 0.05 / len(files))
            said.append(among.tell(file, of[file], 1, of["now"] / 1000))
    return said


def test_those_that_are_left_on_a_full_link_bring_as_much() -> None:
    among, of = Among(), {"now": 0}
    assert not any(tell(among, "a", "b", "c", seconds=1.0, speed=100 * MB, of=of))
    among.leave("b")
    assert all(tell(among, "a", "c", seconds=1.0, speed=100 * MB, of=of))
    among.leave("c")
    assert all(tell(among, "a", seconds=1.0, speed=100 * MB, of=of))


def test_those_that_are_left_of_some_that_are_held_down_bring_less() -> None:
    among, of = Among(), {"now": 0}
    tell(among, "a", "b", "c", seconds=1.0, speed=30 * MB, of=of)
    among.leave("b")
    among.leave("nobody")
    assert not tell(among, "a", "c", seconds=1.0, speed=20 * MB, of=of)[-1]


def test_what_came_before_a_file_was_told_of_does_not_count() -> None:
    among, of = Among(), {"now": 0}
    tell(among, "a", seconds=1.0, speed=10 * MB, of=of)
    # It began anew: nothing of this is seen twice.
    of["b"] = 900 * MB
    tell(among, "a", "b", seconds=1.0, speed=20 * MB, of=of)
    among.leave("b")
    of["b"] += MB
    assert not tell(among, "a", "b", seconds=0.6, speed=20 * MB, of=of)[-1]
    among.leave("b")
    assert not tell(among, "a", seconds=1.0, speed=10 * MB, of=of)[-1]


def test_small_files_beside_them_count() -> None:
    among, of = Among(), {"now": 0}
    for _ in range(20):
        tell(among, "a", "b", seconds=0.05, speed=80 * MB, of=of)
        among.came_beside(int(20 * MB * 0.05))
    assert not among.tell("a", of["a"], 1, of["now"] / 1000)
    # With the small ones' share, three bring no more than two did.
    assert all(tell(among, "c", "a", "b", seconds=1.0, speed=100 * MB, of=of))


def test_when_all_have_left_it_begins_anew() -> None:
    among, of = Among(), {"now": 0}
    tell(among, "a", "b", seconds=1.0, speed=100 * MB, of=of)
    among.leave("a")
    assert all(tell(among, "b", seconds=1.0, speed=100 * MB, of=of))
    among.leave("b")
    of["now"] += 1000
    assert not any(tell(among, "c", seconds=1.0, speed=100 * MB, of=of))
