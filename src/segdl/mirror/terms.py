"""On which terms a mirror's files are fetched, in whichever process."""

from __future__ import annotations

from dataclasses import replace

from segdl.options import NetworkOptions, TransferOptions


def network_for_files(network: NetworkOptions) -> NetworkOptions:
    """Return how servers are reached: each request has what is meant for its server, no other."""
    return replace(network, headers=(), user=None)


def transfer_for_files(
    transfer: TransferOptions, *, connections: int | str | None = None
) -> TransferOptions:
    """Return how files are fetched and kept.

    Args:
        transfer: as it was asked for.
        connections: for one file; None leaves that as it is.
    """
    kept = replace(transfer, if_exists="overwrite", remote_time=True)
    return kept if connections is None else replace(kept, connections=connections)
