"""The run against SLURM: a cluster of two nodes, and what must hold of docs/cluster."""
