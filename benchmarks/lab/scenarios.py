"""The rows of the lab: what is measured, and what segdl must reach there."""

from __future__ import annotations

from lab.scenario import GIB, KIB, MIB, Link, Scenario, Server
from lab.targets import Limit, Ratio, Share
from lab.tools import (
    aria2,
    axel,
    curl,
    rivals,
    rivals_with_lists,
    segdl,
    segdl_list,
    segdl_mirrors,
    segdl_tls,
)

_SEGMENTED = ("segmented",)
_FIXED = (segdl("-j 8"), segdl("-j 16"), segdl("-j 32"))
_FIXED_OR_AUTO = (*_FIXED, segdl("-j auto"))
_LOSSY = Link(rate=200, rtt=0.08, loss=0.005)

# Each connection has a rate of its own; one in five is 13 times slower than 2 MiB/s.
_OWN_RATES = """map $connection $own_rate {
    ~[05]$ 161320; ~[16]$ 2560k; ~[27]$ 2304k; ~[38]$ 2048k; default 1792k;
  }"""
_FOUR_AT_ONCE = "limit_conn_zone $binary_remote_addr zone=client:1m;"

SCENARIOS = (
    Scenario(
        "loopback",
        "1 GiB over loopback HTTP",
        GIB,
        (*_FIXED_OR_AUTO, segdl("-j 8 --layout inplace"), *rivals(8, "8M")),
        (
            Ratio("segdl -j 8", 1.0, _SEGMENTED),
            Ratio("segdl -j 8 --layout inplace", 0.9, _SEGMENTED),
            Limit("segdl -j 8 --layout inplace", "cpu", 1.0),
            Ratio("segdl -j auto", 1.2, ("curl",)),
        ),
    ),
    Scenario(
        "tls",
        "1 GiB over loopback TLS",
        GIB,
        (
            *(segdl_tls(tool.options) for tool in _FIXED_OR_AUTO),
            *rivals(8, "8M", tls=True),
        ),
        (Ratio("segdl -j 8", 1.0, _SEGMENTED),),
        servers=(Server(tls=True),),
    ),
    Scenario(
        "capped",
        "200 MiB, every connection capped at 2 MiB/s",
        200 * MIB,
        (*_FIXED_OR_AUTO, *rivals(8, "25M")),
        (Ratio("segdl -j 8", 1.02), Ratio("segdl -j auto", 0.4)),
        servers=(Server(server="limit_rate 2m;"),),
    ),
    Scenario(
        "uneven",
        "200 MiB, each connection its own cap, one in five 13 times slower",
        200 * MIB,
        (*_FIXED_OR_AUTO, *rivals(8, "25M")),
        (Ratio("segdl -j 8", 0.9),),
        servers=(Server(http=_OWN_RATES, server="limit_rate $own_rate;"),),
        patience=240,
    ),
    Scenario(
        "refusing",
        "200 MiB, connections capped at 4 MiB/s, 503 beyond four",
        200 * MIB,
        # Where it is refused aria2 gives up, unless told to wait.
        (*_FIXED_OR_AUTO, aria2(8, more="--retry-wait=1 -m0 "), *rivals(8, "25M")[1:]),
        (Ratio("segdl -j 8", 1.05), Limit("segdl -j 8", "refusals", 20)),
        servers=(Server(http=_FOUR_AT_ONCE, server="limit_rate 4m; limit_conn client 4;"),),
    ),
    Scenario(
        "lossy-20",
        "20 MiB over 200 Mbit/s, 80 ms, 0.5 % loss",
        20 * MIB,
        (*_FIXED_OR_AUTO, aria2(16), axel(8), curl()),
        (Ratio("segdl -j auto", 0.6, ("aria2c -x16", "axel -n8")),),
        servers=(Server(_LOSSY),),
        patience=240,
    ),
    Scenario(
        "lossy-200",
        "200 MiB over 200 Mbit/s, 80 ms, 0.5 % loss",
        200 * MIB,
        (*_FIXED, segdl("-j 96"), segdl("-j auto"), segdl("-j auto:96"), aria2(16)),
        (Ratio("segdl -j auto", 0.6, ("aria2c -x16",)), Share("segdl -j auto:96", 0.75)),
        servers=(Server(_LOSSY),),
        patience=240,
    ),
    Scenario(
        "clean-20",
        "20 MiB over 100 Mbit/s, 80 ms, no loss",
        20 * MIB,
        (*_FIXED_OR_AUTO, aria2(16), axel(8), curl()),
        (Ratio("segdl -j auto", 1.0, ("curl",)),),
        servers=(Server(Link(rate=100, rtt=0.08)),),
    ),
    Scenario(
        "many",
        "500 files of 1 MB over loopback, from a list",
        1_000_000,
        (
            segdl_list("--max-files 4"),
            segdl_list("--max-files 16"),
            *rivals_with_lists(16),
        ),
        (
            Ratio("segdl --max-files 16", 1.0, ("aria2c -j16",)),
            Ratio("segdl --max-files 16", 1.0, ("curl -Z, 16 at once",)),
        ),
        files=500,
    ),
    Scenario(
        "mirrors",
        "200 MiB from three mirrors: 100 Mbit/s, 20 Mbit/s, and one that stalls after 3 MiB",
        200 * MIB,
        (
            segdl_mirrors("-j 8"),
            segdl_mirrors("-j auto"),
            aria2(8),
            axel(8),
            curl(name="curl, the fast one"),
            curl(name="curl, the slow one", url="{second}"),
        ),
        (Share("segdl -j auto --mirror", 0.95, of=("curl, the fast one", "curl, the slow one")),),
        servers=(
            Server(Link(rate=100, rtt=0.02)),
            Server(Link(rate=20, rtt=0.02)),
            Server(Link(rate=100, rtt=0.02), server="limit_rate_after 3m; limit_rate 1;"),
        ),
        patience=180,
    ),
    Scenario(
        "tiny",
        "1 KiB over loopback, the whole process",
        KIB,
        (segdl("-j 8"), segdl("-j auto"), aria2(8), axel(8), curl()),
        (Limit("segdl -j 8", "wall", 0.25), Limit("segdl -j auto", "wall", 0.25)),
    ),
)
