"""A SLURM of two nodes in a folder: munge, slurmctld, two slurmd, every port on loopback.

Files end with the disk that they are on, and whatever ends the run processes end with its sandbox.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from batch.job import Job, job_of
from checking.daemons import Daemons, running
from lab.programs import LabError, run

NEEDED = ("munged", "sbatch", "scancel", "scontrol", "slurmctld", "slurmd", "srun")
PACKAGES = "slurmctld slurmd slurm-client munge"
NODES = ("n1", "n2")
CPUS = 4
"""Of a node, for SLURM; the machine may have fewer."""

_PATIENCE = 60.0
_PARTITION = "all"
# SLURM resolves no name, not even an address, where a machine has 127.0.0.1 alone.
_CONTROL, _ADDRESSES = "10.78.0.1", ("10.78.0.2", "10.78.0.3")
_CONFIG = """ClusterName=segdl
SlurmctldHost={host}({control})
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/ctld
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/ctld/pid
SlurmdPidFile={folder}/%n/pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
SlurmctldTimeout=30
SlurmdTimeout=10
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0
MinJobAge=86400
ReturnToService=2
{nodes}
PartitionName={partition} Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@dataclass
class Slurm:
    """A cluster and its commands; one thread uses it.

    Attributes:
        environment: what jobs, and programs that submit them, run with.
    """

    folder: Path
    environment: Mapping[str, str]
    _daemons: Daemons = field(init=False)

    def __post_init__(self) -> None:
        self._daemons = Daemons(self.folder, self.surroundings())

    # -- coming up --

    def bring_up(self) -> None:
        """Start it, and return once both nodes can be used.

        Raises:
            LabError: it does not come up.
        """
        host = socket.gethostname()
        self._name_hosts(host)
        nodes = [
            f"NodeName={name} NodeHostname={name} NodeAddr={address} Port={7000 + at} "
            f"CPUs={CPUS} RealMemory=16000"
            for at, (name, address) in enumerate(zip(NODES, _ADDRESSES, strict=True))
        ]
        self._config.write_text(
            _CONFIG.format(
                host=host,
                control=_CONTROL,
                folder=self.folder,
                nodes="\n".join(nodes),
                partition=_PARTITION,
            )
        )
        for name in ("munge", "ctld", *NODES):
            (self.folder / name).mkdir(mode=0o700)
        self._start_munge(self.folder / "munge")
        self._daemons.start("slurmctld", "-D", "-f", str(self._config))
        for name in NODES:
            # Its own host name is what `hostname` in a job says.
            become = f'hostname {name} && exec slurmd -D -N {name} -f "$0"'
            self._daemons.start("unshare", "--uts", "sh", "-c", become, str(self._config))
        self._wait_for_nodes()

    def end(self) -> None:
        """End every daemon; the sandbox ends what they started."""
        self._daemons.end()

    def version(self) -> str:
        """Return what runs, from the programs themselves."""
        return ", ".join(run(name, "-V").strip() for name in ("slurmctld", "munged"))

    # -- jobs --

    def submit(
        self, script: Path, *arguments: str, options: Sequence[str] = (), **environment: str
    ) -> int:
        """Submit a script; return the number of its job, or array of jobs."""
        words = ("sbatch", "--parsable", *options, str(script), *arguments)
        return int(self._daemons.ask(*words, **environment).split(";")[0])

    def jobs(self, number: int | None = None) -> list[Job]:
        """Return a job, or the tasks of an array, or else all jobs."""
        words = () if number is None else (str(number),)
        told = self._daemons.ask("scontrol", "show", "job", "--oneliner", *words)
        return [job_of(line) for line in told.splitlines() if line.startswith("JobId=")]

    def task(self, number: int, place: int) -> Job:
        """Return one task of an array."""
        return next(each for each in self.jobs(number) if each.task == place)

    def wait(self, number: int, patience: float = 180.0) -> list[Job]:
        """Return a job, or the tasks of an array, once all of them are over."""
        deadline = time.monotonic() + patience
        while True:
            jobs = self.jobs(number)
            if all(each.over for each in jobs):
                return jobs
            if time.monotonic() > deadline:
                states = ", ".join(f"{each.number} {each.state}" for each in jobs)
                raise LabError(f"job {number} does not end: {states}")
            time.sleep(0.2)

    def cancel(self, what: str) -> None:
        """Run scancel; `what` is a job, a step as ``5.0``, or a task of an array as ``5_3``."""
        self._daemons.ask("scancel", what)

    def requeue(self, what: str) -> None:
        """Have a job run from its beginning."""
        self._daemons.ask("scontrol", "requeue", what)

    def hold(self, *, held: bool) -> None:
        """Have jobs that are submitted wait, or no longer."""
        state = "DOWN" if held else "UP"
        self._daemons.ask("scontrol", "update", f"PartitionName={_PARTITION}", f"State={state}")

    def processes(self, number: int, *words: str, node: str | None = None) -> list[int]:
        """Return processes of a job, of those on one node, whose commands have these words."""
        wanted = {f"SLURM_JOB_ID={number}"} | ({f"SLURMD_NODENAME={node}"} if node else set())
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                with contextlib.suppress(OSError):  # it has ended
                    environment = (folder / "environ").read_text(errors="replace").split("\0")
                    command = (folder / "cmdline").read_text(errors="replace").split("\0")
                    if wanted <= {*environment} and all(each in command for each in words):
                        found.append(int(folder.name))
        return found

    def kill(self, processes: Sequence[int]) -> None:
        """End processes without a word."""
        for each in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)

    # -- programs --

    @property
    def _config(self) -> Path:
        return self.folder / "slurm.conf"

    def surroundings(self) -> dict[str, str]:
        """Return the environment of a program that talks to this cluster."""
        return {**self.environment, "SLURM_CONF": str(self._config)}

    def _name_hosts(self, host: str) -> None:
        for address in (_CONTROL, *_ADDRESSES):
            run("ip", "addr", "add", f"{address}/32", "dev", "lo")
        names = [("127.0.0.1", "localhost"), (_CONTROL, host), *zip(_ADDRESSES, NODES, strict=True)]
        hosts = self.folder / "hosts"
        hosts.write_text("".join(f"{address} {name}\n" for address, name in names))
        run("mount", "--bind", str(hosts), "/etc/hosts")  # this sandbox's alone

    def _start_munge(self, folder: Path) -> None:
        key = folder / "key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        files = {"key-file": key, "socket": folder / "socket", "pid-file": folder / "pid"}
        files |= {"log-file": folder / "log", "seed-file": folder / "seed"}
        # By force: it does not like folders that others may write to, such as /dev/shm.
        options = [f"--{name}={path}" for name, path in files.items()]
        munge = self._daemons.start("munged", "--foreground", "--force", *options)
        deadline = time.monotonic() + _PATIENCE
        while not files["socket"].exists():
            if munge.poll() is not None or time.monotonic() > deadline:
                raise LabError(f"munged does not come up: {self._daemons.last_words}")
            time.sleep(0.05)

    def _wait_for_nodes(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            with contextlib.suppress(LabError):
                told = self._daemons.ask("sinfo", "--noheader", "--Node", "--format", "%T")
                if told.split() == ["idle"] * len(NODES):
                    return
            if time.monotonic() > deadline:
                raise LabError(f"the nodes do not come up: {self._daemons.last_words}")
            time.sleep(0.2)


def slurm(folder: Path, environment: Mapping[str, str]) -> AbstractContextManager[Slurm]:
    """Return a cluster that runs within, in a folder that is there."""
    return running(Slurm(folder, environment))
