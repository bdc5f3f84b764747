"""net/failures.py: what a network that is not there is called."""

from __future__ import annotations

import errno
import os

import pytest
import urllib3

from segdl.errors import DiskError, NetworkError
from segdl.net.failures import translate


def wrapped(error: OSError) -> BaseException:
    outer = urllib3.exceptions.NewConnectionError(None, "no connection")  # type: ignore[arg-type]
    outer.__cause__ = error
    return outer


@pytest.mark.parametrize("number", [errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN])
@pytest.mark.parametrize("wrap", [wrapped, lambda error: error])
def test_a_network_that_is_not_there_is_told_in_words(number: int, wrap: object) -> None:
    assert callable(wrap)
    failure = translate(wrap(OSError(number, os.strerror(number))), "http://h/f")
    assert isinstance(failure.error, NetworkError)
    assert str(failure.error) == f"http://h/f: {os.strerror(number).lower()}; check the network"
    assert failure.error.trouble == "connect"
    assert not failure.fatal


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_a_socket_too_many_is_no_fault_of_the_network(number: int) -> None:
    connecting = wrapped(OSError(number, os.strerror(number)))
    for error in (connecting, urllib3.exceptions.ProxyError("no proxy", connecting)):  # type: ignore[arg-type]
        failure = translate(error, "http://h/f")
        assert isinstance(failure.error, DiskError)
        assert "http://h/f: too many open files; raise `ulimit -n`" in str(failure.error)
        assert failure.fatal
