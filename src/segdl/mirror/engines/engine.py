"""What an engine is: an executor of `concurrent.futures` with other processes behind it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol

from segdl.engine.run import Run
from segdl.errors import UsageError
from segdl.mirror.engines.answers import Told
from segdl.mirror.engines.camp import Proof, why_unproved
from segdl.mirror.engines.orders import Camp, Order
from segdl.mirror.engines.telling import Message
from segdl.mirror.options import EngineOptions

Files = tuple[tuple[str, str, str], ...]


class Engine(Protocol):
    """Has orders carried out elsewhere. The driver's thread uses it."""

    @property
    def slots(self) -> int:
        """How many orders can be at work at once."""

    def prove(self, camp: Camp, files: Files) -> None:
        """See to it that every worker can work.

        Raises:
            UsageError: one cannot; it names which, and why.
            NetworkError: there is none.
        """

    def submit(self, order: Order) -> Future[Told]:
        """Hand an order over. What it raises, at once or later, may be a loss."""

    def is_loss(self, error: BaseException) -> bool:
        """Tell whether an order was lost with its worker: it has to be given again."""

    def is_stuck(self) -> bool:
        """Tell whether it is stuck where no order at all is heard of; `mend` begins anew then."""

    def mend(self) -> bool:
        """Have workers again where all were lost; tell whether the proof is to be given again.

        Raises:
            NetworkError: they are gone for good.
        """

    def dismiss(self, worker: str) -> None:
        """Give a worker nothing more, where the engine can choose."""

    def close(self) -> None:
        """Let go of the workers, at once; what is at work there is of no interest."""


def open_engine(
    options: EngineOptions,
    run: Run,
    camp: Camp,
    hear: Callable[[Message], None],
    patience: float,
) -> Engine:
    """Return the engine that was asked for.

    Args:
        options: which.
        run: the driver's surroundings.
        camp: where its workers meet.
        hear: takes what they tell; called from another thread.
        patience: seconds that workers elsewhere get to be there.

    Raises:
        UsageError: a package is missing.
        NetworkError: it cannot be reached.
    """
    if options.kind == "processes":
        from segdl.mirror.engines.processes import Processes

        return Processes(options.workers, run, hear)
    from segdl.mirror.engines.dask import Dask

    return Dask(options.address, run, camp, hear, patience)


def refuse_unfit(camp: Camp, proofs: dict[str, Proof]) -> None:
    """Check what every worker said of itself.

    Args:
        camp: where they are to meet.
        proofs: by what the engine calls them.

    Raises:
        UsageError: one cannot work.
    """
    for name, proof in proofs.items():
        why = why_unproved(camp, proof)
        if why is not None:
            raise UsageError(
                f"worker {name} ({proof.worker}) cannot work: {why}",
                hint="every worker needs the mirror's folder at the same path, and the same segdl",
            )
