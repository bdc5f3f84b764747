"""segdl and a real SLURM: the scripts of docs/cluster, as they are, on two nodes.

    sudo python benchmarks/slurm.py [--dir FOLDER] [--json] [CHECK ...]

Starts munged, slurmctld and two slurmd in process, mount and network namespaces of their own, each
node with a host name and an address; there they are all on loopback. Whatever ends the run,
the kernel takes all of it down, and nothing else on the machine can reach it. Prints what was
checked, and fails where something is not as it should be. Debian's packages: `slurmctld slurmd
slurm-client munge nginx-light`; for Python `segdl[dask]` and dask-jobqueue, which segdl itself does
not need. Takes some six minutes.
"""

import sys

from batch.main import main

if __name__ == "__main__":
    sys.exit(main(__file__))
