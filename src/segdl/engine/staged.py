"""A file that is put together beside its final name, where what comes is kept until it is whole."""

from __future__ import annotations

from segdl.engine.assemble import fetch_one_version
from segdl.engine.contact import Contact
from segdl.engine.ending import finished
from segdl.engine.existing import adopt, is_finished, leave, may_replace
from segdl.engine.finish import publish
from segdl.engine.outright import Outright
from segdl.engine.place import TakenError, choose_target
from segdl.engine.repair import verify
from segdl.engine.task import Task
from segdl.engine.verify import Verification
from segdl.results import DownloadResult
from segdl.store.target import Target
from segdl.store.workplace import Workplace


def fetch_staged(
    task: Task, target: Target, contact: Contact, outright: Outright
) -> DownloadResult:
    """Fetch what is missing of a file, check it, and give it its name.

    Args:
        task: the request.
        target: where it goes.
        contact: the first answer.
        outright: may have begun with it.

    Raises:
        TakenError: another name is to be chosen.
        SegdlError: nothing new has the final name; what was fetched is kept.
    """
    with Workplace(target, task.run.transfer.layout) as place:
        return _at_place(task, place, contact, outright)


def _at_place(task: Task, place: Workplace, contact: Contact, outright: Outright) -> DownloadResult:
    target = place.target
    if choose_target(task, target, contact.version, set()) != target:
        raise TakenError
    if is_finished(task, place, contact.version):
        return leave(task, target, contact.version)
    if not place.parts.is_empty():
        # Found now rather than when the file is whole.
        target.require_writable()
    may_take = may_replace(task, place)
    adopt(task, place, contact)
    with Verification(task, place) as verification:
        sites, size, fetched = fetch_one_version(task, place, contact, verification, outright)
        checksum, again = verify(task, place, sites, verification, size)
    version = sites.origin.pin.version
    named = publish(task, place, version, replace=may_take)
    return finished(task, named.path, version, size, fetched=fetched + again, checksum=checksum)
