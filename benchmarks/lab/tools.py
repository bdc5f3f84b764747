"""The tools, with settings that are as equal as their options allow, and no tricks."""

from __future__ import annotations

from lab.scenario import Tool


def segdl(options: str) -> Tool:
    """One file; `options` are the whole difference."""
    command = f"segdl -q {options} -d {{dir}} -o {{name}} {{url}}"
    return Tool(f"segdl {options}", "segdl", command, options)


def segdl_tls(options: str) -> Tool:
    command = f"segdl -q {options} --cacert {{cacert}} -d {{dir}} -o {{name}} {{url}}"
    return Tool(f"segdl {options}", "segdl", command, options)


def segdl_mirrors(options: str) -> Tool:
    command = f"segdl -q {options} -d {{dir}} -o {{name}} {{url}} {{mirrors}}"
    return Tool(
        f"segdl {options} --mirror", "segdl", command, f"{options} --mirror http://127.0.0.1:9/y"
    )


def segdl_list(options: str) -> Tool:
    command = f"segdl -q {options} -d {{dir}} -i {{list}}"
    return Tool(f"segdl {options}", "segdl", command, options)


def aria2(connections: int, *, tls: bool = False, more: str = "") -> Tool:
    """More than 16 connections to a server it does not make.

    Without preallocation, which is a pass over the disk that the others do not make.
    """
    trust = "--ca-certificate={cacert} " if tls else ""
    command = (
        f"aria2c --no-conf -q -x{connections} -s{connections} -k1M --file-allocation=none "
        f"{more}{trust}-d {{dir}} -o {{name}} {{urls}}"
    )
    return Tool(f"aria2c -x{connections}", "segmented", command)


def axel(connections: int, *, tls: bool = False) -> Tool:
    """It takes no file of authorities: over TLS it is told not to look."""
    trust = "-k " if tls else ""
    command = f"axel -q -n{connections} {trust}-o {{dir}}/{{name}} {{urls}}"
    return Tool(f"axel -n{connections}", "segmented", command)


def lftp(connections: int, *, tls: bool = False) -> Tool:
    trust = "set ssl:ca-file {cacert}; " if tls else ""
    pget = f"pget -n {connections} {{url}} -o {{dir}}/{{name}}"
    return Tool(f"lftp pget -n {connections}", "segmented", f'lftp --norc -c "{trust}{pget}"')


def wget2(connections: int, chunk: str, *, tls: bool = False) -> Tool:
    trust = "--ca-certificate={cacert} " if tls else ""
    command = (
        f"wget2 --no-config -q --chunk-size={chunk} --max-threads={connections} {trust}"
        "-O {dir}/{name} {url}"
    )
    return Tool(f"wget2 {connections} threads", "segmented", command)


def curl(*, tls: bool = False, name: str = "curl", url: str = "{url}") -> Tool:
    trust = "--cacert {cacert} " if tls else ""
    return Tool(name, "single", f"curl -q -sf {trust}-o {{dir}}/{{name}} {url}")


def rivals(connections: int, chunk: str, *, tls: bool = False) -> tuple[Tool, ...]:
    """All others, with so many connections each."""
    return (
        aria2(connections, tls=tls),
        axel(connections, tls=tls),
        lftp(connections, tls=tls),
        wget2(connections, chunk, tls=tls),
        curl(tls=tls),
    )


def rivals_with_lists(files: int) -> tuple[Tool, ...]:
    """Those that take a list, with so many files at once and one connection each."""
    aria = f"aria2c --no-conf -q -j{files} --file-allocation=none -d {{dir}} -i {{list}}"
    many = f"curl -q -sf -Z --parallel-max {files} --remote-name-all --output-dir {{dir}} {{urls}}"
    wget = f"wget2 --no-config -q --max-threads={files} -P {{dir}} -i {{list}}"
    return (
        Tool(f"aria2c -j{files}", "segmented", aria),
        Tool(f"wget2 -i, {files} threads", "segmented", wget),
        Tool(f"curl -Z, {files} at once", "single", many),
    )
