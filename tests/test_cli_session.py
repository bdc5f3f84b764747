"""cli/session.py: what surrounds a command."""

from __future__ import annotations

import gc

from segdl.cli.session import cancelled_by_signals


def test_garbage_is_looked_for_from_where_the_work_begins() -> None:
    gc.disable()
    try:
        with cancelled_by_signals():
            assert gc.isenabled()
            assert gc.get_freeze_count(), "what was loaded before is no garbage"
        gc.unfreeze()
        with cancelled_by_signals():
            assert not gc.get_freeze_count(), "what an earlier one left may be"
    finally:
        gc.unfreeze()
        gc.enable()
