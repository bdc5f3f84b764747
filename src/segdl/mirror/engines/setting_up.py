"""An engine with its workers, ready to fetch; taken down at the end of the run."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from segdl.engine.run import Run
from segdl.errors import UsageError
from segdl.mirror.engines.asking import Terms
from segdl.mirror.engines.camp import files_of, pitch, strike
from segdl.mirror.engines.carrier import Carrier, Item
from segdl.mirror.engines.engine import open_engine
from segdl.mirror.options import INCOMING, EngineOptions, MirrorOptions
from segdl.mirror.work import Work

# Words a second that all workers together may say of their progress.
_WORDS = 200.0
# Between two words of one task, in seconds.
_LEAST = 0.5


@contextmanager
def open_carrier(
    run: Run,
    options: MirrorOptions,
    engine_options: EngineOptions,
    work: Work,
    cap: Callable[[str], int],
) -> Iterator[Carrier]:
    """Yield what has files fetched by workers, each of which has shown that it can.

    Args:
        run: the driver's surroundings.
        options: the mirror.
        engine_options: who works.
        work: does here what needs no server.
        cap: tells how many orders of a host may be out at once.

    Raises:
        SegdlError: there are no workers, or they cannot work.
    """
    if run.network.limit_rate:
        raise UsageError(
            "--limit-rate holds within one process, and --engine has several",
            hint="leave one of them out",
        )
    folder = options.folder / INCOMING
    camp = pitch(folder, topics=engine_options.kind == "dask")
    inbox: queue.SimpleQueue[Item] = queue.SimpleQueue()
    try:
        engine = open_engine(engine_options, run, camp, inbox.put, options.patience)
        try:
            files = files_of(run.network)
            engine.prove(camp, files)
            camp = replace(camp, every=max(_LEAST, engine.slots / _WORDS))
            terms = Terms(
                run=run,
                camp=camp,
                folder=folder,
                directory=options.directory.absolute(),
                least=engine_options.piece,
                sums=options.sums,
                work=work,
            )
            silence = max(engine_options.silence, 4 * camp.every)
            yield Carrier(engine, terms, files, inbox, cap=cap, silence=silence)
        finally:
            engine.close()
    finally:
        strike(camp)
