"""The page of promises is only worth something if its check cannot be fooled: by a test that does not exist,
did not run, was skipped, failed for one parameter, or ran yesterday. Each way is tried here, with real
runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.promises import main

REPOSITORY = Path(__file__).parent.parent

SUITE = """
import pytest

def test_kept(): pass
def test_broken(): assert False
def test_skipped(): pytest.skip("no strace")
def test_torn_down(dirty): pass

@pytest.mark.xfail
def test_expected_to_fail(): assert False

@pytest.fixture
def dirty():
    yield
    assert False

@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_size(size): pass

@pytest.mark.parametrize("size", [1, 2, 3])
def test_most_sizes(size): assert size < 3

class TestGroup:
    def test_inside(self): pass
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project with one test of every fate, not run yet."""
    return make_project(tmp_path)


@pytest.fixture(scope="module")
def tested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same project after a test run called “now”."""
    project = make_project(tmp_path_factory.mktemp("tested"))
    run_tests(project, run="now")
    return project


def test_a_page_that_tells_the_truth_is_accepted(tested: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A page whose listed tests all ran and passed is accepted, and its promises are counted."""
    code = check(
        tested,
        """
        ## What is promised
        - P1.1: A sentence with a test. | Even with a bar. |
          - `tests/test_suite.py::test_kept`
          - `tests/test_suite.py::TestGroup::test_inside`
        - P1.2: A sentence with a test for every size.
          - `tests/test_suite.py::test_every_size`
        - P1.3: A sentence of which one half waits.
          - `tests/test_suite.py::test_every_size[2]`
          - not yet: the other half
        - P1.4: A sentence that waits.
          - not yet
        """,
        run="now",
    )

    assert code == 0
    assert capsys.readouterr().out == "promises: 2 kept, 1 kept in part, 1 not yet\n"


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ("tests/test_suite.py::test_broken", "P1.1: tests/test_suite.py::test_broken failed"),
        ("tests/test_suite.py::test_skipped", "P1.1: tests/test_suite.py::test_skipped skipped"),
        ("tests/test_suite.py::test_expected_to_fail", "test_expected_to_fail skipped"),
        ("tests/test_suite.py::test_torn_down", "P1.1: tests/test_suite.py::test_torn_down failed"),
        ("tests/test_suite.py::test_most_sizes", "P1.1: tests/test_suite.py::test_most_sizes[3] failed"),
        ("tests/test_suite.py::test_misspelt", "tests/test_suite.py::test_misspelt does not exist"),
        ("tests/test_suite.py::TestGroup::test_kept", "TestGroup::test_kept does not exist"),
        ("tests/test_nowhere.py::test_kept", "tests/test_nowhere.py::test_kept does not exist"),
        ("tests/test_suite.py::test_every", "tests/test_suite.py::test_every does not exist"),
    ],
)
def test_a_listed_test_that_proves_nothing_is_named(
    tested: Path, capsys: pytest.CaptureFixture[str], test: str, said: str
) -> None:
    """A listed test that failed, was skipped or does not exist is named, with its promise."""
    code = check(tested, f"- P1.1: A sentence.\n  - `{test}`\n", run="now")

    assert code == 1
    assert said in capsys.readouterr().err


def test_a_test_left_out_of_the_run_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A listed test that exists but was not selected for this run keeps no promise."""
    run_tests(project, "-k", "test_every_size", run="now")

    code = check(project, "- P1.1: A sentence.\n  - `tests/test_suite.py::test_kept`\n", run="now")

    assert code == 1
    assert "P1.1: tests/test_suite.py::test_kept did not run" in capsys.readouterr().err


def test_yesterdays_results_do_not_count(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The outcomes of another run are refused, however green they were."""
    run_tests(project, run="yesterday")

    code = check(project, "- P1.1: A sentence.\n  - `tests/test_suite.py::test_kept`\n", run="today")

    assert code == 1
    assert "is of run “yesterday”, not “today”" in capsys.readouterr().err


def test_a_run_that_dies_leaves_no_results(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """When a test kills the whole run, the green outcomes of the run before are gone and the check fails."""
    run_tests(project, run="now")
    (project / "tests" / "test_deadly.py").write_text("import os\ndef test_deadly(): os._exit(9)\n", encoding="utf-8")
    run_tests(project, run="now")

    code = check(project, "- P1.1: A sentence.\n  - `tests/test_suite.py::test_kept`\n", run="now")

    assert code == 1
    assert "tests.json is missing: the tests did not finish" in capsys.readouterr().err


def test_parallel_workers_lose_no_outcome(project: Path, tested: Path) -> None:
    """A run spread over two processes records the very outcomes of a run in one."""
    run_tests(project, "-n", "2", run="now")

    assert results(project) == results(tested)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("- P1.1: A bare sentence.\n", "line 1: P1.1 has neither a test nor the words “not yet”"),
        ("- P1.1: One.\n  - not yet\n- P1.3: Three.\n  - not yet\n", "line 3: P1.3 follows P1.1"),
        ("- P1.1: One.\n  - not yet\n- P1.1: Again.\n  - not yet\n", "line 3: P1.1 follows P1.1"),
        ("- P1.2: Two.\n  - not yet\n", "line 1: P1 starts at P1.2"),
        ("- P1.1: One.\n  - soon\n", "line 2: neither a promise, a test nor “not yet”: - soon"),
        ("- P1.1: One.\n  - tests/test_a.py::test_b\n", "line 2: neither a promise, a test nor “not yet”"),
        ("- P1.1 One.\n  - not yet\n", "line 1: neither a promise, a test nor “not yet”: - P1.1 One."),
        ("Nothing is promised.\n", "no promise found on the page"),
    ],
)
def test_a_page_that_cannot_be_read_is_refused(
    tested: Path, capsys: pytest.CaptureFixture[str], page: str, said: str
) -> None:
    """A sentence without evidence, a gap in the numbers, a line nobody can read: each is named."""
    code = check(tested, page, run="now")

    assert code == 1
    assert said in capsys.readouterr().err


def make_project(folder: Path) -> Path:
    """Write the small project into a folder."""
    (folder / "tests").mkdir()
    (folder / "tests" / "test_suite.py").write_text(SUITE, encoding="utf-8")
    return folder


def run_tests(project: Path, *options: str, run: str) -> None:
    """Run the project's tests as `make test` does, whatever comes of it, with our recorder listening."""
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider", *options],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "HALOOP_TEST_RUN": run},
        capture_output=True,
        check=False,
    )


def check(project: Path, page: str, run: str) -> int:
    """Check the page as `make test` does."""
    (project / "promises.md").write_text(page.replace("\n        ", "\n"), encoding="utf-8")
    return main(
        [
            *("--page", str(project / "promises.md")),
            *("--results", str(project / ".results" / "tests.json")),
            *("--root", str(project)),
            *("--run", run),
        ]
    )


def results(project: Path) -> dict[str, str]:
    """What the recorder wrote down."""
    recorded = json.loads((project / ".results" / "tests.json").read_text(encoding="utf-8"))
    outcomes: dict[str, str] = recorded["tests"]
    return outcomes
