"""Which of a host's files are ahead."""

from __future__ import annotations

from segdl.core.balance import Balance


def nobody_knows(_: str) -> bool:
    return False


def test_who_has_one_sort_only_has_none_that_leads() -> None:
    for sort in (True, False, "iso"):
        balance = Balance()
        for _ in range(3):
            assert not balance.small_lead(nobody_knows)
            assert not balance.small_lag(nobody_knows)
            balance.add(sort)
            balance.take(sort)


def test_the_greater_share_leads() -> None:
    balance = Balance()
    for sort in (*[True] * 10, *[False] * 1000):
        balance.add(sort)
    balance.take(True)
    for _ in range(100):
        balance.take(False)
    assert not balance.small_lead(nobody_knows)
    balance.take(False)
    assert balance.small_lead(nobody_knows)
    # It goes back to wait for its host.
    balance.put_back(False)
    assert not balance.small_lead(nobody_knows)


def test_who_is_behind_without_the_last_large_one_lags() -> None:
    balance = Balance()
    for sort in (*[True] * 10, *[False] * 1000):
        balance.add(sort)
    balance.take(True)
    # The first large one is taken before any small one.
    assert not balance.small_lag(nobody_knows)
    balance.take(True)
    for _ in range(99):
        balance.take(False)
        assert balance.small_lag(nobody_knows)
    balance.take(False)
    assert not balance.small_lag(nobody_knows)
    assert not balance.small_lead(nobody_knows)


def test_what_a_kind_is_may_turn_out_later() -> None:
    balance = Balance()
    for sort in ("iso", "iso", "txt", "txt"):
        balance.add(sort)
    balance.take("txt")
    assert not balance.small_lead(nobody_knows)
    assert balance.small_lead("iso".__eq__)


def test_servers_that_make_up_kinds_take_no_more_than_some_memory() -> None:
    balance = Balance()
    for number in range(10_000):
        balance.add(str(number))
        balance.take(str(number))
    balance.add(True)
    assert balance.small_lead(nobody_knows)
    assert len(balance._files) <= 66
