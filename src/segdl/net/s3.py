"""The one place that knows boto3: credentials, signatures, and requests without file bytes.

boto3 reads the environment, ``~/.aws`` and the machine's role by itself. It never tries
again here: when to do so is decided where the run is known.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from segdl.core.head import parse_retry_after
from segdl.core.multipart import Stored, bare
from segdl.core.s3answer import Meaning, Object, Told
from segdl.core.s3url import S3Place
from segdl.core.spans import Span
from segdl.core.text import printable
from segdl.core.url import Location, parse_url
from segdl.errors import NetworkError, SegdlError, UsageError
from segdl.net.failures import TransferError
from segdl.options import NetworkOptions

if TYPE_CHECKING:
    from types import ModuleType, TracebackType

# What is signed is used at once, but an upload of 5 GiB may begin late and take long.
_VALID = 6 * 3600
_SMALL = 65536
_OBJECTS = frozenset({"404", "NoSuchKey", "NotFound"})
_UPLOADS = frozenset({"NoSuchUpload"})


class StoreError(TransferError):
    """The store said no, or could not be asked.

    Attributes:
        told: what it said; None where there was no answer.
        after: seconds that it asks to wait.
    """

    def __init__(
        self,
        error: SegdlError,
        told: Told | None = None,
        *,
        fatal: bool = False,
        after: float | None = None,
    ) -> None:
        super().__init__(error, fatal=fatal)
        self.told = told
        self.after = after


class S3:
    """A client of one store. Threads share it; `_lock` owns `_client`."""

    def __init__(self, network: NetworkOptions) -> None:
        self._network = network
        self._lock = threading.Lock()
        self._client: Any = None

    def sign_get(self, place: S3Place) -> Location:
        """Return a URL that anybody can read an object by, for some hours.

        Raises:
            StoreError: there are no credentials.
        """
        return self._sign(place, "get_object", {})

    def sign_put(self, place: S3Place) -> Location:
        """Return a URL that anybody can write an object by, for some hours.

        Raises:
            StoreError: as `sign_get`.
        """
        return self._sign(place, "put_object", {})

    def sign_part(self, place: S3Place, upload: str, number: int) -> Location:
        """Return a URL that anybody can send a part to.

        Raises:
            StoreError: as `sign_get`.
        """
        return self._sign(place, "upload_part", {"UploadId": upload, "PartNumber": number})

    def _sign(self, place: S3Place, what: str, more: dict[str, object]) -> Location:
        with _translated(str(place)):
            params = {"Bucket": place.bucket, "Key": place.key, **more}
            url = self._boto().generate_presigned_url(what, Params=params, ExpiresIn=_VALID)
        return parse_url(url)

    def head(self, place: S3Place) -> Object | None:
        """Return what is there; None where nothing is.

        Raises:
            StoreError: the store said no, or could not be asked.
        """
        with _none_where_missing(), _translated(str(place)):
            told = self._boto().head_object(Bucket=place.bucket, Key=place.key)
            return Object(
                told["ContentLength"],
                bare(told.get("ETag", "")),
                told.get("Metadata", {}),
            )
        # A bucket that is not there looks the same.
        with _translated(f"s3://{place.bucket}"):
            self._boto().head_bucket(Bucket=place.bucket)
        return None

    def read(self, place: S3Place) -> bytes | None:
        """Return the first bytes of a small object; None where nothing is.

        Raises:
            StoreError: as `head`.
        """
        with _none_where_missing(), _translated(str(place)):
            told = self._boto().get_object(Bucket=place.bucket, Key=place.key)
            body: bytes = told["Body"].read(_SMALL)
            return body
        return None

    def put(
        self,
        place: S3Place,
        data: bytes,
        md5: str,
        *,
        media_type: str = "",
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Write an object at once, and return its ETag.

        Args:
            place: where it goes.
            data: its bytes.
            md5: their MD5 in base64, which the store compares.
            media_type: of the object; empty leaves it to the store.
            metadata: kept with the object.

        Raises:
            StoreError: as `head`.
        """
        with _translated(str(place)):
            told = self._boto().put_object(
                Bucket=place.bucket,
                Key=place.key,
                Body=data,
                ContentMD5=md5,
                **_about(media_type, metadata),
            )
            return bare(told.get("ETag", ""))

    def delete(self, place: S3Place) -> None:
        """Delete an object; harmless where there is none.

        Raises:
            StoreError: as `head`.
        """
        with _translated(str(place)):
            self._boto().delete_object(Bucket=place.bucket, Key=place.key)

    def copy(
        self,
        source: S3Place,
        place: S3Place,
        *,
        media_type: str = "",
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Have the store copy an object of at most 5 GiB, and return the ETag of the copy.

        Args:
            source: the object.
            place: where the copy goes.
            media_type: of the copy; empty leaves it to the store.
            metadata: kept with the copy; None keeps what the object has.

        Raises:
            StoreError: as `head`.
        """
        about = _about(media_type, metadata)
        if metadata is not None:
            about["MetadataDirective"] = "REPLACE"
        with _translated(str(place)):
            told = self._boto().copy_object(
                Bucket=place.bucket, Key=place.key, CopySource=_source(source), **about
            )
            return bare(told["CopyObjectResult"].get("ETag", ""))

    def copy_part(
        self, source: S3Place, place: S3Place, upload: str, number: int, span: Span
    ) -> str:
        """Have the store make a part of an upload of some bytes of an object; return its ETag.

        Raises:
            StoreError: as `head`.
        """
        with _translated(str(place)):
            told = self._boto().upload_part_copy(
                Bucket=place.bucket,
                Key=place.key,
                CopySource=_source(source),
                CopySourceRange=f"bytes={span.start}-{span.stop - 1}",
                UploadId=upload,
                PartNumber=number,
            )
            return bare(told["CopyPartResult"].get("ETag", ""))

    def page(self, prefix: S3Place, token: str | None) -> tuple[dict[str, Object], str | None]:
        """Return a page of the objects below a prefix by key, and what the next one is asked by.

        Raises:
            StoreError: as `head`.
        """
        more = {} if token is None else {"ContinuationToken": token}
        with _translated(str(prefix)):
            told = self._boto().list_objects_v2(Bucket=prefix.bucket, Prefix=prefix.key, **more)
            found = {
                each["Key"]: Object(each["Size"], bare(each.get("ETag", "")))
                for each in told.get("Contents", [])
            }
            return found, told.get("NextContinuationToken") if told.get("IsTruncated") else None

    def begin(self, place: S3Place, media_type: str, metadata: Mapping[str, str]) -> str:
        """Begin an upload in parts and return what it is called.

        Raises:
            StoreError: as `head`.
        """
        with _translated(str(place)):
            told = self._boto().create_multipart_upload(
                Bucket=place.bucket, Key=place.key, **_about(media_type, metadata)
            )
            upload: str = told["UploadId"]
            return upload

    def parts(
        self, place: S3Place, upload: str, after: int
    ) -> tuple[dict[int, Stored], int | None] | None:
        """Return parts of an upload behind number `after`, and the number to go on behind.

        None where there is no such upload.

        Raises:
            StoreError: as `head`.
        """
        with _none_where_missing(_UPLOADS), _translated(str(place)):
            told = self._boto().list_parts(
                Bucket=place.bucket, Key=place.key, UploadId=upload, PartNumberMarker=after
            )
            found = {
                each["PartNumber"]: Stored(each["Size"], bare(each["ETag"]))
                for each in told.get("Parts", [])
            }
            more = told.get("IsTruncated") and found
            return found, max(found) if more else None
        return None

    def complete(self, place: S3Place, upload: str, parts: Mapping[int, str]) -> str | None:
        """Make the object of its parts, and return its ETag; None where the upload is gone.

        Raises:
            StoreError: as `head`.
        """
        listed = [
            {"PartNumber": number, "ETag": f'"{etag}"'} for number, etag in sorted(parts.items())
        ]
        with _none_where_missing(_UPLOADS), _translated(str(place)):
            told = self._boto().complete_multipart_upload(
                Bucket=place.bucket,
                Key=place.key,
                UploadId=upload,
                MultipartUpload={"Parts": listed},
            )
            return bare(told.get("ETag", ""))
        return None

    def abort(self, place: S3Place, upload: str) -> None:
        """Throw an upload and its parts away; harmless where it is gone.

        Raises:
            StoreError: as `head`.
        """
        with _none_where_missing(_UPLOADS), _translated(str(place)):
            self._boto().abort_multipart_upload(Bucket=place.bucket, Key=place.key, UploadId=upload)

    def close(self) -> None:
        """Close idle connections."""
        with self._lock:
            if self._client is not None:
                self._client.close()

    def _boto(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = _client(self._network)
            return self._client


def _source(place: S3Place) -> dict[str, str]:
    return {"Bucket": place.bucket, "Key": place.key}


def _about(media_type: str, metadata: Mapping[str, str] | None) -> dict[str, object]:
    about: dict[str, object] = {"Metadata": dict(metadata)} if metadata else {}
    if media_type:
        about["ContentType"] = media_type
    return about


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


def _client(network: NetworkOptions) -> Any:
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


class _none_where_missing:  # noqa: N801 - a context manager, used as a function is
    """Ends a block where the store says, by one of some codes, that there is no such thing."""

    def __init__(self, codes: frozenset[str] = _OBJECTS) -> None:
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
def _translated(what: str) -> Iterator[None]:
    """Say in segdl's terms what boto3 raises; `what` names the object."""
    try:
        import botocore.exceptions as boto
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
    except (boto.BotoCoreError, ValueError) as error:
        # Missing credentials, an unknown profile, an endpoint that is no URL: none is secret.
        text = printable(str(error), 200)
        raise StoreError(
            UsageError(f"{what}: {text}", hint="see --profile, --region and --endpoint-url"),
            fatal=True,
        ) from error
