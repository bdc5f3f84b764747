"""`python -m segdl`."""

from segdl.cli.main import run

if __name__ == "__main__":
    run()
