"""What a parser has read, as frozen options: how to reach servers, how to fetch files."""

from __future__ import annotations

import argparse

from segdl.cli.values import read_user
from segdl.options import NetworkOptions, S3Options, TransferOptions


def network_options(arguments: argparse.Namespace) -> NetworkOptions:
    """Return how to reach servers; asks for a missing password on a terminal."""
    return NetworkOptions(
        headers=tuple(arguments.header),
        user=read_user(arguments.user),
        netrc=arguments.netrc,
        cookies=arguments.cookies,
        location_trusted=arguments.location_trusted,
        proxy=arguments.proxy,
        cacert=arguments.cacert,
        cert=arguments.cert,
        key=arguments.key,
        insecure=arguments.insecure,
        connect_timeout=arguments.connect_timeout,
        stall_timeout=arguments.stall_timeout,
        limit_rate=arguments.limit_rate,
        s3=S3Options(
            endpoint_url=arguments.endpoint_url,
            profile=arguments.profile,
            region=arguments.region,
        ),
    )


def transfer_options(arguments: argparse.Namespace) -> TransferOptions:
    """Return how to fetch and keep each file."""
    return TransferOptions(
        connections=arguments.connections,
        min_split=arguments.min_split,
        retries=arguments.retries,
        if_exists=arguments.if_exists,
        range=arguments.range,
        remote_time=arguments.remote_time,
        fresh=arguments.fresh,
        layout=arguments.layout,
        metalink_over_http=arguments.metalink_over_http,
    )
