"""An engine with its workers, ready to fetch; taken down at the end of the run."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from segdl.engine.run import Run
from segdl.errors import UsageError
from segdl.mirror.engines.asking import Terms
from segdl.mirror.engines.camp import files_of
from segdl.mirror.engines.carrier import Carrier
from segdl.mirror.engines.depot import Depot
from segdl.mirror.engines.dispatch import Dispatch, Item
from segdl.mirror.engines.engine import open_engine
from segdl.mirror.happenings import Happening
from segdl.mirror.options import EngineOptions, MirrorOptions
from segdl.options import S3Options

# Words a second that all workers together may say of their progress.
_WORDS = 200.0
# Between two words of one task, in seconds.
_LEAST = 0.5


@contextmanager
def open_carrier(
    run: Run,
    options: MirrorOptions,
    engine_options: EngineOptions,
    depot: Depot,
    say: Callable[[Happening], None],
    cap: Callable[[str], int],
) -> Iterator[Carrier]:
    """Yield what has files fetched by workers, each of which has shown that it can.

    Args:
        run: the driver's surroundings.
        options: the mirror.
        engine_options: who works.
        depot: takes in what workers bring.
        say: takes what happens.
        cap: tells how many orders of a host may be out at once.

    Raises:
        SegdlError: there are no workers, or they cannot work.
    """
    if run.network.limit_rate:
        raise UsageError(
            "--limit-rate holds within one process, and --engine has several",
            hint="leave one of them out",
        )
    inbox: queue.Queue[Item] = queue.Queue()
    with depot.camp(topics=engine_options.kind == "dask") as pitched:
        engine = open_engine(engine_options, run, pitched, inbox.put, options.patience)
        try:
            files = files_of(run.network)
            engine.prove(pitched, files)
            camp = replace(pitched, every=max(_LEAST, engine.slots / _WORDS))
            terms = Terms(
                run=run,
                # Nobody else needs to know whose credentials are used for a store.
                network=replace(run.network, s3=S3Options()),
                camp=camp,
                least=engine_options.piece,
                sums=options.notes_digests,
                say=say,
            )
            silence = max(engine_options.silence, 4 * camp.every)
            dispatch = Dispatch(engine, terms, depot, files, inbox, cap=cap, silence=silence)
            yield Carrier(terms, depot, dispatch, inbox)
        finally:
            engine.close()
