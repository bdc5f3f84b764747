"""Small files that say something of others, read into memory."""

from __future__ import annotations

from segdl.core.identity import Version
from segdl.engine.contacts import Contacts
from segdl.engine.run import Run
from segdl.errors import NetworkError
from segdl.net.source import Source


def read_small(run: Run, source: Source, number: int, most: int) -> tuple[Version, bytes]:
    """Return what a server says of a file, and its first `most` bytes.

    Args:
        run: the surroundings.
        source: where it is.
        number: the file that it is about, for events.
        most: bytes; no more are read.

    Raises:
        NetworkError: the connection never lasted within the retries.
        SegdlError: the server says no, or cannot be reached.
    """
    contacts = Contacts(run, source, number)
    tries = max(1, run.transfer.retries)
    while True:
        contact = contacts.make(None)
        try:
            data = contacts.read_all(contact, most)
            if len(data) < most:
                contact.finish()
            return contact.version, data
        except NetworkError:
            tries -= 1
            if not tries:
                raise
        finally:
            contact.release()
