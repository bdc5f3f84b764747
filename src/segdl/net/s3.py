"""The requests to an S3 store that carry no file bytes, and signatures for those that do."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from segdl.core.multipart import Stored, bare
from segdl.core.s3answer import Object
from segdl.core.s3url import S3Place
from segdl.core.spans import Span
from segdl.core.url import Location, parse_url
from segdl.net.boto import client_of, none_where_missing, translated
from segdl.options import NetworkOptions

# Seconds: what is signed is used at once, but an upload of 5 GiB may begin late and take long.
_VALID = 6 * 3600
_SMALL = 65536
_OBJECTS = frozenset({"404", "NoSuchKey", "NotFound"})
_UPLOADS = frozenset({"NoSuchUpload"})


class S3:
    """A client of one store. Threads share it; `_lock` owns `_client`.

    Attributes:
        valid: seconds for which what is signed is good.
    """

    def __init__(self, network: NetworkOptions) -> None:
        self.valid = _VALID
        self._network = network
        self._lock = threading.Lock()
        self._client: Any = None

    def sign_get(self, place: S3Place) -> Location:
        """Return a URL that anybody can read an object by, for `valid` seconds.

        Raises:
            StoreError: there are no credentials.
        """
        return self._sign(place, "get_object", {})

    def sign_put(self, place: S3Place) -> Location:
        """Return a URL that anybody can write an object by, for `valid` seconds.

        Raises:
            StoreError: as `sign_get`.
        """
        return self._sign(place, "put_object", {})

    def sign_part(self, place: S3Place, upload: str, number: int) -> Location:
        """Return a URL that anybody can send a part to, for `valid` seconds.

        Raises:
            StoreError: as `sign_get`.
        """
        return self._sign(place, "upload_part", {"UploadId": upload, "PartNumber": number})

    def _sign(self, place: S3Place, what: str, more: dict[str, object]) -> Location:
        with translated(str(place)):
            params = {"Bucket": place.bucket, "Key": place.key, **more}
            url = self._boto().generate_presigned_url(what, Params=params, ExpiresIn=self.valid)
        return parse_url(url)

    def head(self, place: S3Place) -> Object | None:
        """Return what is there; None where nothing is.

        Raises:
            StoreError: the store said no, or could not be asked.
        """
        with none_where_missing(_OBJECTS), translated(str(place)):
            told = self._boto().head_object(Bucket=place.bucket, Key=place.key)
            return Object(
                told["ContentLength"],
                bare(told.get("ETag", "")),
                told.get("Metadata", {}),
            )
        # A bucket that is not there looks the same.
        with translated(f"s3://{place.bucket}"):
            self._boto().head_bucket(Bucket=place.bucket)
        return None

    def read(self, place: S3Place) -> bytes | None:
        """Return the first bytes of a small object; None where nothing is.

        Raises:
            StoreError: as `head`.
        """
        with none_where_missing(_OBJECTS), translated(str(place)):
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
        with translated(str(place)):
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
        with translated(str(place)):
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
        with translated(str(place)):
            told = self._boto().copy_object(
                Bucket=place.bucket, Key=place.key, CopySource=_source(source), **about
            )
            return bare(told["CopyObjectResult"].get("ETag", ""))

    def copy_part(
        self, source: S3Place, place: S3Place, upload: str, number: int, span: Span | None
    ) -> str:
        """Have the store make a part of an upload of bytes of an object; return its ETag.

        Args:
            source: the object.
            place: what the upload makes.
            upload: what the store calls it.
            number: of the part.
            span: the bytes; None is all.

        Raises:
            StoreError: as `head`.
        """
        some = {} if span is None else {"CopySourceRange": f"bytes={span.start}-{span.stop - 1}"}
        with translated(str(place)):
            told = self._boto().upload_part_copy(
                Bucket=place.bucket,
                Key=place.key,
                CopySource=_source(source),
                UploadId=upload,
                PartNumber=number,
                **some,
            )
            return bare(told["CopyPartResult"].get("ETag", ""))

    def page(self, prefix: S3Place, token: str | None) -> tuple[dict[str, Object], str | None]:
        """Return a page of the objects below a prefix by key, and what the next one is asked by.

        Raises:
            StoreError: as `head`.
        """
        more = {} if token is None else {"ContinuationToken": token}
        with translated(str(prefix)):
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
        with translated(str(place)):
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
        with none_where_missing(_UPLOADS), translated(str(place)):
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

        It is empty where the answer names none.

        Raises:
            StoreError: as `head`.
        """
        listed = [
            {"PartNumber": number, "ETag": f'"{etag}"'} for number, etag in sorted(parts.items())
        ]
        with none_where_missing(_UPLOADS), translated(str(place)):
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
        with none_where_missing(_UPLOADS), translated(str(place)):
            self._boto().abort_multipart_upload(Bucket=place.bucket, Key=place.key, UploadId=upload)

    def close(self) -> None:
        """Close idle connections."""
        with self._lock:
            if self._client is not None:
                self._client.close()

    def _boto(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = client_of(self._network)
            return self._client


def _source(place: S3Place) -> dict[str, str]:
    return {"Bucket": place.bucket, "Key": place.key}


def _about(media_type: str, metadata: Mapping[str, str] | None) -> dict[str, object]:
    about: dict[str, object] = {"Metadata": dict(metadata)} if metadata else {}
    # A header field cannot be everything that a server may say.
    if media_type and media_type.isascii() and media_type.isprintable():
        about["ContentType"] = media_type
    return about
