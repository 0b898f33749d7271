"""What every test run leaves behind: `.results/tests.json`, the outcome of each test by its node id. The
check of `docs/promises.md` reads it, so it must speak of this run alone: the file of an earlier run is
deleted first, a run that dies leaves none, and the name of the run (`HALOOP_TEST_RUN`) is written inside."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import settings

# Shared machines stall now and then; a stall is not a finding.
settings.register_profile("haloop", deadline=None)
settings.load_profile("haloop")

pytest_plugins = ["haloop.testing.fixtures"]

RESULTS = Path(".results") / "tests.json"
BROWSED = ("tests/web/", "tests/connectors/storefront/", "tests/desks/errands/")
"""Where tests drive a browser."""

# A test reports up to three times: setup, call, teardown. A reader of the file must see the worst of them.
WORST_FIRST = ("failed", "skipped", "passed")


class OutcomeRecorder:
    """Collect the outcome of every test, whichever process ran it, and write them down at the end."""

    def __init__(self, results: Path, run: str) -> None:
        self._results = results
        self._run = run
        self._outcomes: dict[str, str] = {}

    def pytest_sessionstart(self) -> None:
        """Forget the last run first, so that a crash of this one cannot be read as its success."""
        self._results.unlink(missing_ok=True)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep a test's worst outcome. An expected failure is reported as skipped, and proves as little.

        One that is tried once more has no outcome yet.
        """
        outcome: str = report.outcome
        if outcome == "rerun":
            return
        seen = self._outcomes.get(report.nodeid, "passed")
        self._outcomes[report.nodeid] = min(seen, outcome, key=WORST_FIRST.index)

    def pytest_sessionfinish(self) -> None:
        """Write the file whole or not at all."""
        self._results.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._results.with_suffix(".partial")
        record = {"run": self._run, "tests": dict(sorted(self._outcomes.items()))}
        unfinished.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        unfinished.replace(self._results)


def pytest_configure(config: pytest.Config) -> None:
    """Record in the one process that hears of every test: pytest-xdist's workers report to it."""
    is_worker = hasattr(config, "workerinput")
    if is_worker or config.option.collectonly:
        return
    # Whatever reads the settings would refuse a name that is none of them, so nobody else sees it.
    recorder = OutcomeRecorder(config.rootpath / RESULTS, os.environ.pop("HALOOP_TEST_RUN", ""))
    config.pluginmanager.register(recorder, "haloop-outcomes")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In CI, a test with a browser that falls is tried once more, by itself, and the summary names it as rerun.

    Three programs share a core there, and whoever wrote the test is not at hand. A fall that comes again is one; a
    rerun is a finding too: something was not waited for, perhaps by the product.
    """
    if os.environ.get("CI") != "true":
        return
    for item in items:
        if item.nodeid.startswith(BROWSED):
            item.add_marker(pytest.mark.flaky(reruns=1))
