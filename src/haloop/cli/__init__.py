"""The command line: `haloop` and its commands, one file each."""

from haloop.cli.program import main

__all__ = ["main"]
