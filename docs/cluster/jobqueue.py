"""Mirror with workers that dask-jobqueue has SLURM start: jobqueue.py SOURCE DIR [OPTIONS].

Needs segdl[dask] and dask-jobqueue in the same Python here and on the nodes.
"""

import subprocess
import sys

from dask.distributed import Client
from dask_jobqueue import SLURMCluster

with SLURMCluster(
    cores=4,  # threads of a worker: files, or pieces, at once
    processes=1,
    memory="2GB",
    walltime="04:00:00",
    local_directory="${TMPDIR:-/tmp}",  # of the node, never of the shared file system
    scheduler_options={"dashboard": False, "dashboard_address": ":0"},
) as cluster:
    # Between one job and eight, as there is work.
    cluster.adapt(minimum_jobs=1, maximum_jobs=8)
    with Client(cluster) as client:
        # However long the queue is: segdl waits for --patience seconds.
        client.wait_for_workers(1)
    address = cluster.scheduler_address.removeprefix("tcp://")
    command = ["segdl", "mirror", "--engine", f"dask://{address}", *sys.argv[1:]]
    sys.exit(subprocess.run(command, check=False).returncode)
