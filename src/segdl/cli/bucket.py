"""Options that name a bucket to save in."""

from __future__ import annotations

import argparse
from pathlib import Path

from segdl.core.s3url import S3Place, is_s3, parse_s3
from segdl.errors import UsageError


def take_prefix(options: argparse.Namespace) -> S3Place | None:
    """Return the prefix that files go below, None where they go to the disk.

    What is left of `--dir` and `--output` is relative to it.

    Raises:
        UsageError: a bucket is named in a way that cannot be meant, or needs boto3.
    """
    prefix: S3Place | None = options.dir if isinstance(options.dir, S3Place) else None
    if is_s3(options.output or ""):
        place = parse_s3(options.output)
        if options.dir != Path() or not place.key or place.key.endswith("/"):
            raise UsageError(
                "-o takes s3://BUCKET/KEY, without --dir", hint="save to a prefix with --dir"
            )
        folder, slash, name = place.key.rpartition("/")
        prefix, options.output = S3Place(place.bucket, folder + slash), name
    if prefix is None:
        return None
    if options.output == "-" or options.dry_run:
        what = "-o -" if options.output == "-" else "--dry-run"
        raise UsageError(f"{what} does not go with a bucket", hint="leave one out")
    from segdl.net.boto import boto3_or_error

    boto3_or_error()
    from segdl.cli.asoptions import transfer_options
    from segdl.s3.upload import check_transfer

    check_transfer(transfer_options(options))
    options.dir = Path()
    return prefix
