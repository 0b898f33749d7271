"""Packages of npm that a few tests run beside Haloop, each pinned and locked in a folder of its own."""

import fcntl
import os
import runpy
from pathlib import Path
from typing import Any

import pytest

from tests.store.conftest import REPOSITORY


def node_with_packages(folder: Path, *, without: str) -> Any:
    """A Node, and in the folder what its lock names; where CI is set it must not be missing, elsewhere it is said."""
    try:
        node = runpy.run_path(str(REPOSITORY / "tools" / "web.py"))["require_node"]()
        with (folder / "package-lock.json").open() as lock:  # the gate's processes install it once, one after the other
            fcntl.flock(lock, fcntl.LOCK_EX)
            node.require_packages(folder)
    except SystemExit:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(without)
    return node
