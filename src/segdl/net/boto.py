"""boto3 as the options set it up, and what it raises in segdl's terms.

It reads the environment, ``~/.aws`` and the machine's role by itself. It never tries again
here: when to do so is decided where the run is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from segdl.core.head import parse_retry_after
from segdl.core.s3answer import Meaning, Told
from segdl.core.text import printable
from segdl.errors import NetworkError, SegdlError, ServerError, UsageError
from segdl.net.failures import TransferError
from segdl.options import NetworkOptions

if TYPE_CHECKING:
    from types import ModuleType, TracebackType


class StoreError(TransferError):
    """The store said no, or could not be asked.

    Attributes:
        told: what it said; None where there was no answer.
        after: seconds that it asks to wait.
        silent: whether nobody is there to say anything.
    """

    def __init__(
        self,
        error: SegdlError,
        told: Told | None = None,
        *,
        fatal: bool = False,
        after: float | None = None,
        silent: bool = False,
    ) -> None:
        super().__init__(error, fatal=fatal)
        self.told = told
        self.after = after
        self.silent = silent


def boto3_or_error() -> ModuleType:
    """Return boto3.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import boto3
    except ImportError:
        raise UsageError(
            "s3:// needs boto3, which is not installed", hint="pip install 'segdl[s3]'"
        ) from None
    module: ModuleType = boto3
    return module


def client_of(network: NetworkOptions) -> Any:
    """Return a client of S3 as the options say.

    Raises:
        UsageError: boto3 is not installed.
        Exception: as boto3 has it; see `translated`.
    """
    boto3 = boto3_or_error()
    from botocore.config import Config

    wanted = network.s3
    # Trailing checksums are refused by stores that are not Amazon's; MD5 is checked everywhere.
    config = Config(
        signature_version="s3v4",
        connect_timeout=network.connect_timeout,
        read_timeout=max(60.0, network.stall_timeout),
        retries={"total_max_attempts": 1, "mode": "standard"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        max_pool_connections=32,
        **_proxies(network.proxy),
    )
    session = boto3.session.Session(profile_name=wanted.profile, region_name=wanted.region)
    verify: bool | str | None = False if network.insecure else None
    if network.cacert is not None and not network.insecure:
        verify = str(network.cacert)
    # Its endpoint makes a region a formality where that is not Amazon's.
    region = session.region_name or ("us-east-1" if wanted.endpoint_url else None)
    return session.client(
        "s3", endpoint_url=wanted.endpoint_url, region_name=region, verify=verify, config=config
    )


def _proxies(proxy: str | None) -> dict[str, object]:
    if proxy is None:
        return {}
    return {"proxies": {"http": proxy, "https": proxy} if proxy else {}}


class none_where_missing:  # noqa: N801 - a context manager, used as a function is
    """Ends a block where the store says, by one of some codes, that there is no such thing.

    Args:
        codes: which.
    """

    def __init__(self, codes: frozenset[str]) -> None:
        self._codes = codes

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        told = error.told if isinstance(error, StoreError) else None
        return told is not None and told.code in self._codes


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Say in segdl's terms what boto3 raises; `what` names the object.

    Raises:
        StoreError: the store said no, or could not be asked.
        UsageError: boto3 is not installed.
    """
    try:
        import botocore.exceptions as boto
        from botocore.parsers import ResponseParserError
    except ImportError:
        boto3_or_error()
        raise
    try:
        yield
    except boto.ClientError as error:
        answer = error.response.get("ResponseMetadata", {})
        said = error.response.get("Error", {})
        code = str(said.get("Code", ""))
        told = Told(answer.get("HTTPStatusCode", 0), code, str(said.get("Message", "")))
        after = parse_retry_after(answer.get("HTTPHeaders", {}).get("retry-after"), 0.0)
        fatal = told.meaning in {Meaning.FAILED, Meaning.EXPIRED}
        raise StoreError(told.error(what), told, fatal=fatal, after=after) from error
    except (boto.HTTPClientError, boto.ConnectionError) as error:
        reason = printable(type(error).__name__, 80)
        hint = "is the store running, and --endpoint-url right?"
        raise StoreError(NetworkError(f"{what}: no answer ({reason})", hint=hint)) from error
    except (ResponseParserError, LookupError, TypeError) as error:
        # What every such answer has is not in this one.
        text = f"{what}: the store's answer makes no sense"
        raise StoreError(ServerError(text, hint="is --endpoint-url right?")) from error
    except (boto.BotoCoreError, ValueError) as error:
        # Missing credentials, an unknown profile, an endpoint that is no URL: none is secret.
        text = printable(str(error), 200)
        raise StoreError(
            UsageError(f"{what}: {text}", hint="see --profile, --region and --endpoint-url"),
            fatal=True,
        ) from error
