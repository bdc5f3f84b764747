"""Servers that die, lie and change, a disk that fills up, kill -9: and `segdl mirror` each time.

    python benchmarks/mirror_chaos.py [--runs 60] [--seed N] [--json]

One mirror for each kind of list (index pages, SHA256SUMS, JSON lines, URLs) is run again and
again with `--delete`, and most runs are ended at some moment. What must hold after every run:

- what is under its final name is, to the byte, a version that the server had;
- nothing is deleted that the list still has, nothing at all where a list could not be read or a
  file not be had, no more than `--max-delete`, and everything deleted is in the trash;
- exit code 0 only where the folder is what the list was at some moment of the run.

With healthy servers one more run then mends everything: the folder is equal to the list, nothing
waits or is left over, and the run after that fetches nothing. Needs root on Linux.
"""

import sys

from chaos.main import main

if __name__ == "__main__":
    sys.exit(main(__file__))
