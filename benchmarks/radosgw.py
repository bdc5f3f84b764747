"""segdl and the S3 of a real Ceph: what goes into a bucket, by hand and as a mirror, and out of it.

    sudo python benchmarks/radosgw.py [--dir FOLDER] [--json] [CHECK ...]

Starts a Ceph of one node (monitor, manager, one BlueStore OSD, radosgw; cephx is on) in process,
mount and network namespaces of its own, on a file system in an image that has lost its name:
whatever ends the run, the kernel takes all of it down, and nothing else on the machine can reach
it. Prints what was checked, and fails where something is not as it should be. Debian's packages:
`radosgw ceph-mon ceph-osd ceph-mgr ceph-common nginx-light`. Takes three to
five minutes.
"""

import sys

from rados.main import main

if __name__ == "__main__":
    sys.exit(main(__file__))
