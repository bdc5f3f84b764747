"""`segdl mirror` beside wget2, lftp, rclone, aria2 and curl: from empty, again, and after a kill.

    python benchmarks/mirror.py [--rounds 3] [--scale 0.1] [--rate MBIT|none] [TOOL ...]

10,000 files of 1 to 100 KB and 50 of 100 MB from two nginx servers. Needs root on Linux,
nginx, and the tools to compare with; see benchmarks/README.md.
"""

import sys

from mirroring.main import main

if __name__ == "__main__":
    sys.exit(main(__file__))
