"""The workflow templates in a home: as the plan has them, brought up to date, and never over somebody's own words."""

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from haloop.cli.workflows import shipped
from haloop.kernel import canonical
from tests.cli.conftest import Haloop
from tests.store.conftest import Place

NAME = "standard-feature.yaml"
AGENTS = (
    ("cleanup", "Cleanup", "cleanup-agent", "raw-input.md", "structured-text.md"),
    ("research", "Research", "research-agent", "structured-text.md", "research-output.md"),
    ("planning", "Planning", "planning-agent", "research-output.md", "implementation-plan.md"),
    ("implementation", "Implementation", "impl-agent", "implementation-plan.md", "implementation-result.json"),
)
PROJECT = {"research": {"project": "read"}, "planning": {"project": "read"}, "implementation": {"project": "change"}}
"""What each has of the project, which the plan leaves open."""
REVIEWS = (
    ("review-structured", "Review Structured"),
    ("review-research", "Review Research"),
    ("review-plan", "Review Plan"),
    ("review-impl", "Review Implementation"),
)


@pytest.fixture
def file(haloop: Haloop, place: Place) -> Path:
    """The template of a fresh home."""
    haloop("init")
    return place.home / "workflows" / NAME


def test_the_template_is_the_plans(tmp_path: Path, file: Path) -> None:
    """Read as YAML it is exactly this: eight steps, whose names and artifacts others address."""
    steps = []
    for (step, name, agent, read, written), (review, heading) in zip(AGENTS, REVIEWS, strict=True):
        artifacts = {"inputArtifact": read, "outputArtifact": written}
        steps.append(
            {"step_id": step, "name": name, "type": "agent", "agent": agent, **artifacts, **PROJECT.get(step, {})}
        )
        steps.append({"step_id": review, "name": heading, "type": "human-gate", "reviewArtifact": written})
    wanted = {"workflow_id": "standard-feature", "name": "Standard Feature", "steps": steps}
    schema = tmp_path / "exactly.json"
    for document, code in ((wanted, 0), ({**wanted, "name": "Other"}, 1)):
        schema.write_text(json.dumps({"const": document}))
        command = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(schema), str(file)]
        assert subprocess.run(command, check=False, capture_output=True).returncode == code

    assert list(shipped()) == [NAME]
    assert file.stat().st_mode & 0o077 == 0


def test_an_edited_template_stays_and_is_named(haloop: Haloop, file: Path) -> None:
    """However often a home is made again, and though a newer one ships."""
    file.write_text("# mine\n")
    for _ in range(2):
        said = haloop("init", "--json")
        assert said.document["edited"] == [f"workflows/{NAME}"]
        assert said.document["replaced"] == []
    assert "Edited by somebody, and left as it is: workflows/standard-feature.yaml." in haloop("init").out
    assert file.read_text() == "# mine\n"


def test_a_template_of_an_older_version_that_nobody_touched_is_replaced(haloop: Haloop, file: Path) -> None:
    """As an older version left it, file and memory; the next init brings what ships now, once."""
    _as_left_by_an_older_version(file, "workflow_id: standard-feature\n")

    assert haloop("init", "--json").document["replaced"] == [f"workflows/{NAME}"]
    assert file.read_bytes() == shipped()[NAME]
    assert haloop("init", "--json").document["replaced"] == []


def test_a_template_of_an_older_version_that_was_edited_stays(haloop: Haloop, file: Path) -> None:
    """One word more than the older version wrote is somebody's own."""
    _as_left_by_an_older_version(file, "workflow_id: standard-feature\n")
    file.write_text("workflow_id: standard-feature # mine\n")

    assert haloop("init", "--json").document["edited"] == [f"workflows/{NAME}"]
    assert file.read_text() == "workflow_id: standard-feature # mine\n"


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"standard-feature.yaml":3}'])
def test_where_nobody_remembers_what_was_put_there_it_stays(haloop: Haloop, file: Path, damage: str) -> None:
    """A file that differs from what ships could be anybody's."""
    file.write_text("# perhaps mine\n")
    (file.parents[1] / "runtime" / "workflows.json").write_text(damage)

    assert haloop("init", "--json").document["edited"] == [f"workflows/{NAME}"]
    assert file.read_text() == "# perhaps mine\n"


def test_a_template_that_is_gone_is_made_again(haloop: Haloop, file: Path) -> None:
    """Whoever wants none of it writes an empty file."""
    file.unlink()
    assert haloop("init", "--json").document["made"] == [f"workflows/{NAME}"]
    file.write_text("")
    assert haloop("init", "--json").document["edited"] == [f"workflows/{NAME}"]


def _as_left_by_an_older_version(file: Path, text: str) -> None:
    file.write_text(text)
    known = {NAME: sha256(text.encode()).hexdigest()}
    (file.parents[1] / "runtime" / "workflows.json").write_bytes(canonical.encode(known))
