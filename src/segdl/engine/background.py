"""Reading in a thread, so that who waits for input can do something else meanwhile."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

_AHEAD = 16
_PATIENCE = 0.1


@dataclass(frozen=True, slots=True)
class _Item(Generic[T]):
    value: T


@dataclass(frozen=True, slots=True)
class _End:
    defect: Exception | None = None


def read_ahead(source: Iterator[T]) -> Generator[T | None, None, None]:
    """Yield what `source` yields, and None when it has had nothing for a moment.

    It runs in a thread of its own, a few items ahead. The thread of a source that blocks
    for ever stays behind; a process that ends takes it along.

    Example:
        >>> [item for item in read_ahead(iter("ab")) if item is not None]
        ['a', 'b']
    """
    items: queue.Queue[_Item[T] | _End] = queue.Queue(_AHEAD)
    leaving = threading.Event()

    def put(item: _Item[T] | _End) -> None:
        while not leaving.is_set():
            try:
                items.put(item, timeout=_PATIENCE)
                return
            except queue.Full:
                continue

    def read() -> None:
        try:
            for item in source:
                put(_Item(item))
                if leaving.is_set():
                    return
            put(_End())
        except Exception as defect:  # noqa: BLE001 - raised where the items are wanted
            put(_End(defect))

    threading.Thread(target=read, name="segdl-list", daemon=True).start()
    try:
        while True:
            try:
                item = items.get(timeout=_PATIENCE)
            except queue.Empty:
                yield None
                continue
            if isinstance(item, _Item):
                yield item.value
            elif item.defect is not None:
                raise item.defect
            else:
                return
    finally:
        leaving.set()
