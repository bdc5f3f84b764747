"""What is kept of what went wrong."""

from __future__ import annotations

import weakref

from segdl.errors import ServerError
from segdl.mirror.failures import Failures


class Held:
    """What the steps of a file hold."""


def test_a_failure_keeps_nothing_of_what_led_to_it() -> None:
    held: list[weakref.ref[Held]] = []

    def step() -> None:
        holds = Held()
        held.append(weakref.ref(holds))
        raise OSError("reset")

    def fail() -> ServerError:
        try:
            try:
                step()
            except OSError as why:
                raise ServerError("gone") from why
        except ServerError as error:
            return error
        raise AssertionError

    noted = Failures()
    failures = [fail() for _ in range(3)]
    assert all(each() is not None for each in held)
    for failure in failures:
        noted.note(failure)
    assert (noted.first, noted.count) == (failures, 3)
    assert not any(each() for each in held)


def test_of_a_million_the_first_thousand_are_kept_and_all_are_counted() -> None:
    noted, same = Failures(), ServerError("gone")
    assert not noted
    for _ in range(1_000_000):
        noted.note(same)
    assert noted
    assert (len(noted.first), noted.count) == (1000, 1_000_000)


def test_what_went_wrong_elsewhere_comes_after_what_went_wrong_here() -> None:
    errors = [ServerError(str(number)) for number in range(1500)]
    here, elsewhere = Failures(), Failures()
    for number, error in enumerate(errors):
        (here if number < 600 else elsewhere).note(error)
    here.add(elsewhere)
    assert (here.first, here.count) == (errors[:1000], 1500)
