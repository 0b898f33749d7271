"""Number 25, the other half: what is installed is locked by its hash and listed."""

import json
import re
import shutil
import subprocess
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
OURS = "haloop-app"


@pytest.fixture(scope="module")
def locked() -> dict[str, dict[str, Any]]:
    """Every package of the lock but our own, by its name and version."""
    lock = tomllib.loads((REPOSITORY / "uv.lock").read_text(encoding="utf-8"))
    packages = {f"{one['name']} {one['version']}": one for one in lock["package"] if one["name"] != OURS}
    assert len(packages) > 50
    return packages


def _files(package: dict[str, Any]) -> list[dict[str, Any]]:
    return [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]


def test_25_every_file_that_may_be_installed_is_locked_by_its_hash(locked: dict[str, dict[str, Any]]) -> None:
    """From the public index alone, each wheel and each source with its SHA-256; and the setup takes nothing else."""
    for package in locked.values():
        assert package["source"] == {"registry": "https://pypi.org/simple"}
        assert _files(package)
        for file in _files(package):
            assert file["url"].startswith("https://files.pythonhosted.org/")
            assert len(file["hash"].removeprefix("sha256:")) == sha256().digest_size * 2
    assert "sync --locked" in (REPOSITORY / "tools" / "setup.sh").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("uv") is None, reason="THE BILL OF MATERIALS WAS NOT MADE: uv is not on the path")
def test_25_the_bill_of_materials_lists_what_is_installed_with_us(
    tmp_path: Path, locked: dict[str, dict[str, Any]]
) -> None:
    """CycloneDX, made from the lock: every dependency of ours and theirs, with hashes that the lock has too."""
    bill = tmp_path / "bill" / "haloop.cdx.json"
    subprocess.run(["make", "sbom", f"SBOM={bill}"], cwd=REPOSITORY, check=True, capture_output=True)
    made = json.loads(bill.read_text(encoding="utf-8"))

    assert (made["bomFormat"], made["specVersion"], made["metadata"]["component"]["name"]) == ("CycloneDX", "1.5", OURS)
    direct = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    listed = {f"{one['name']} {one['version']}": one for one in made["components"]}
    assert {re.split("[>=]=", name)[0] for name in direct} <= {one["name"] for one in made["components"]}
    for name, component in listed.items():
        hashes = {each["content"] for file in component["externalReferences"] for each in file["hashes"]}
        assert hashes == {file["hash"].removeprefix("sha256:") for file in _files(locked[name])}
