"""An object in a bucket that tells workers who share no folder whether their driver is there."""

from __future__ import annotations

from segdl.core.s3answer import Meaning, read_answer
from segdl.core.url import parse_url
from segdl.errors import SegdlError
from segdl.mirror.engines.orders import Beacon
from segdl.net.failures import TransferError
from segdl.net.put import AnsweredError
from segdl.net.transport import Transport
from segdl.net.wire import Wire

_MOST = 4096
_GONE = frozenset({404})


class UnseenError(Exception):
    """The store says no, or does not answer: nothing is known."""


def read(beacon: Beacon) -> str | None:
    """Return what the driver wrote; None where it is gone.

    Raises:
        UnseenError: see there.
    """
    transport = Transport(beacon.network, connections=1)
    try:
        exchange = transport.open(parse_url(beacon.read), {}, Wire())
        try:
            data = b""
            while len(data) < _MOST and (some := exchange.read(_MOST)):
                data += some
            status = exchange.head.status
        finally:
            exchange.close()
    except (TransferError, SegdlError) as error:
        raise UnseenError(_words(error)) from error
    finally:
        transport.close()
    if status in _GONE:
        return None
    told = read_answer(status, data)
    if told.meaning is not Meaning.FINE:
        raise UnseenError(told.error("the bucket").message)
    return data.decode("ascii", "replace")


def write(beacon: Beacon, text: str) -> None:
    """Show that this process can write.

    Raises:
        UnseenError: it cannot.
    """
    transport, data = Transport(beacon.network, connections=1), text.encode()
    try:
        put = transport.put(parse_url(beacon.write), len(data))
        try:
            put.send(data)
            answer = put.finish()
        except AnsweredError as early:
            answer = early.answer
        finally:
            put.close()
    except (TransferError, SegdlError) as error:
        raise UnseenError(_words(error)) from error
    finally:
        transport.close()
    told = read_answer(answer.status, answer.body)
    if told.meaning is not Meaning.FINE:
        raise UnseenError(told.error("the bucket").message)


def _words(error: TransferError | SegdlError) -> str:
    return error.error.message if isinstance(error, TransferError) else error.message
