"""The lab: what segdl must reach, measured beside other tools behind links made to measure.

    make bench [SCENARIOS="loopback lossy-20"] [ROUNDS=3] [DIR=folder]
    python benchmarks/bench.py [--rounds N] [--dir DIR] [--segdl PROGRAM] [SCENARIO ...]

Needs root on Linux, nginx, and the tools to compare with; see benchmarks/README.md.
"""

import sys

from lab.main import main

if __name__ == "__main__":
    sys.exit(main(__file__))
