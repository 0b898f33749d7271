"""Brings the web app into whatever is built of this project: a wheel, an sdist, or an editable install."""

import os
import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WebApp(BuildHookInterface[Any]):
    """Builds the app where what is there is old; a machine without Node gets one for the while of the build."""

    def dependencies(self) -> list[str]:
        web = self._web()
        is_ready = self._is_skipped() or web["is_fresh"]() or web["node_of_machine"]() is not None
        return [] if is_ready else [web["NODE_FROM_PYPI"]]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        if not self._is_skipped():
            self._web()["build"]()

    def _web(self) -> dict[str, Any]:
        return runpy.run_path(str(Path(self.root) / "tools" / "web.py"))

    def _is_skipped(self) -> bool:
        """For work on the API alone; what is then served says how to build the rest."""
        return bool(os.environ.get("HALOOP_SKIP_WEB"))
