"""The run against Ceph: a cluster of one node, what segdl does with it, and what must hold."""
