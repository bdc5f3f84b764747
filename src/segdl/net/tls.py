"""One TLS context for a whole run: building one costs 28 ms of CPU."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from segdl.core.text import printable
from segdl.errors import UsageError
from segdl.options import NetworkOptions

if TYPE_CHECKING:
    import ssl


class SharedContext:
    """Builds the context at its first use, so that plain HTTP does not pay for it.

    `_lock` owns `_context`.
    """

    def __init__(self, options: NetworkOptions) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    def get(self) -> ssl.SSLContext:
        """Return the context.

        Raises:
            UsageError: a certificate file that cannot be read.
        """
        with self._lock:
            if self._context is None:
                self._context = _build(self._options)
            return self._context


def _build(options: NetworkOptions) -> ssl.SSLContext:
    import ssl

    if options.insecure:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context = _verifying(options)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A name that is in no SAN field is none (RFC 9110, 4.3.4).
    context.hostname_checks_common_name = False
    context.post_handshake_auth = True
    context.set_alpn_protocols(["http/1.1"])
    if options.cert:
        _load_client(context, options)
    return context


def _verifying(options: NetworkOptions) -> ssl.SSLContext:
    """Return a context that believes the chosen authorities alone."""
    import ssl

    authorities = str(options.cacert or _from_environment() or _bundled())
    try:
        if os.path.isdir(authorities):
            return ssl.create_default_context(capath=authorities)
        return ssl.create_default_context(cafile=authorities)
    except OSError as error:
        raise UsageError(
            f"cannot read certificate authorities from {printable(authorities)}: {_reason(error)}",
            hint="give a PEM file with --cacert",
        ) from error


def _load_client(context: ssl.SSLContext, options: NetworkOptions) -> None:
    from ssl import SSLError

    locked = False

    def no_password() -> str:
        # Without this OpenSSL itself would ask on the terminal, in the middle of the bars.
        nonlocal locked
        locked = True
        return ""

    assert options.cert is not None
    try:
        context.load_cert_chain(options.cert, options.key, no_password)
    except OSError as error:
        shown = printable(str(options.key or options.cert if locked else options.cert))
        if locked:
            raise UsageError(
                f"the private key in {shown} has a passphrase",
                hint="write one without: openssl pkey -in KEY -out PLAIN",
            ) from None
        if options.key is None and isinstance(error, SSLError) and _lacks_key(options.cert):
            raise UsageError(
                f"the client certificate in {shown} comes without its private key",
                hint="give that with --key",
            ) from error
        files = f"{shown} and {printable(str(options.key))}" if options.key else shown
        raise UsageError(
            f"cannot use the client certificate in {files}: {_reason(error)}",
            hint="give PEM files with --cert and --key",
        ) from error


def _lacks_key(path: Path) -> bool:
    # Both may be in one file.
    try:
        text = path.read_bytes()
    except OSError:
        return False
    return b"-----BEGIN CERTIFICATE" in text and b"PRIVATE KEY-----" not in text


def _reason(error: OSError) -> str:
    from ssl import SSLError

    if isinstance(error, SSLError):
        if error.reason == "KEY_VALUES_MISMATCH":
            return "the key is not the certificate's"
        return "not a PEM file of that kind"
    return error.strerror or type(error).__name__


def _from_environment() -> str | None:
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def _bundled() -> str:
    import certifi

    return certifi.where()
