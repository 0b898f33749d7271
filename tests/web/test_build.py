"""How the app comes into the package: built of just what is there, small, and under licences that allow it."""

import json
import os
import re
import runpy
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from haloop.web import pages

REPOSITORY = Path(__file__).parents[2]
BUILT = Path(pages.__file__).parent / "app"
LOCK: dict[str, Any] = json.loads((REPOSITORY / "web" / "package-lock.json").read_text(encoding="utf-8"))
PACKAGES: dict[str, Any] = LOCK["packages"]
KB = 1_000
JS_FIRST_MAX, CSS_MAX, FONT_MAX = 100 * KB, 10 * KB, 32 * KB
SAID_IN = {"today": "actor.agent", "settings": "limits.budgets", "missions": "missions.new", "rest": "change.own"}
"""A message of each part of the words."""
OF_DESK = {place: desk for desk, places in pages.PLACES_OF_DESKS.items() for place in places.values()}
IN_SETTINGS = {
    place
    for places in (pages.PLACES, *pages.PLACES_OF_DESKS.values())
    for path, place in places.items()
    if path.startswith("/settings")
}
MAY_BE_SHIPPED = {"Apache-2.0", "BSD-3-Clause", "ISC", "MIT", "OFL-1.1", "Unlicense"}


def web() -> dict[str, Any]:
    """The tool that builds the app."""
    return runpy.run_path(str(REPOSITORY / "tools" / "web.py"))


def squeezed(name: str) -> int:
    """How many bytes of an asset go over the wire to a browser that takes gzip."""
    return (BUILT / f"{name}.gz").stat().st_size


def test_what_is_there_was_built_of_just_this() -> None:
    """Nobody tests, or ships, the app of yesterday."""
    assert web()["is_fresh"]()


def test_any_change_makes_it_old(tmp_path: Path) -> None:
    """Also one in a catalogue of words, and a file that is new."""
    tool = web()
    for folder in ("web/src", "src/haloop/words"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    fingerprint = tool["fingerprint"]
    place = {"ROOT": tmp_path, "SOURCE": tmp_path / "web", "WORDS": tmp_path / "src/haloop/words"}
    fingerprint.__globals__.update(place)

    seen = [fingerprint()]
    (tmp_path / "src/haloop/words/en.json").write_text("{}", encoding="utf-8")
    seen.append(fingerprint())
    (tmp_path / "web/src/new.ts").touch()
    seen.append(fingerprint())

    assert len(set(seen)) == 3


def test_a_wheel_holds_the_app(tmp_path: Path) -> None:
    """Whoever installs the package needs no Node and no build."""
    uv = shutil.which("uv") or str(REPOSITORY / ".local" / "uv" / "bin" / "uv")
    built = subprocess.run(
        [uv, "build", "--wheel", "--quiet", "--out-dir", tmp_path, REPOSITORY],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"haloop/web/app/index.html", "haloop/web/app/begins.json", "haloop/web/app/licences.md"} <= set(names)
    assert {"haloop/web/app/sw.js", "haloop/web/app/manifest.webmanifest", "haloop/web/app/icons/512.png"} <= set(names)
    assert "haloop/words/de.json" in names
    assert [name for name in names if name.startswith("haloop/web/app/assets/today-") and name.endswith(".js.br")]
    assert [name for name in names if "node_modules" in name] == []


@pytest.mark.parametrize("place", sorted({*pages.PLACES.values(), *OF_DESK} - {"kit"}))
def test_a_place_begins_within_its_budget(place: str) -> None:
    """Whoever opens it waits for no more than that, whichever part of the words it takes along."""
    begins = json.loads((BUILT / "begins.json").read_text(encoding="utf-8"))[place]
    parts = (BUILT / "assets").glob("en-*.js")
    known = {part: path for path in parts for part, says in SAID_IN.items() if f'"{says}":' in path.read_text("utf-8")}
    words = [known[part] for part in taken_by(place)]
    assert sum(squeezed(name) for name in [*begins, *(f"assets/{one.name}" for one in words)]) <= JS_FIRST_MAX


def taken_by(place: str) -> list[str]:
    """The parts of the words that a place begins with; all else says what Today says too."""
    if place in IN_SETTINGS:
        return ["settings"]
    return [OF_DESK.get(place, place)] if place in ("today", *OF_DESK) else ["today", "rest"]


def test_the_look_of_it_is_small_too() -> None:
    """One stylesheet, and one font."""
    styles, fonts = sorted(BUILT.glob("assets/*.css")), sorted(BUILT.glob("assets/*.woff2"))
    assert [squeezed(f"assets/{one.name}") <= CSS_MAX for one in styles] == [True]
    assert [one.stat().st_size <= FONT_MAX for one in fonts] == [True]


def test_what_is_shipped_may_be_shipped() -> None:
    """Every package whose code is in the app is named with its licence, which asks for no more than a notice."""
    recorded = (BUILT / "licences.md").read_text(encoding="utf-8")
    found = dict(re.findall(r"^## (\S+) - \S+ \(([^)]+)\)$", recorded, re.MULTILINE))
    assert {
        "react",
        "react-dom",
        "wouter",
        "lucide-react",
        "@tanstack/query-core",
        "@fontsource-variable/instrument-sans",
    } <= set(found)
    assert set(found.values()) <= MAY_BE_SHIPPED
    described = (REPOSITORY / "docs" / "dependencies.md").read_text(encoding="utf-8")
    wanted = PACKAGES[""]["dependencies"] | PACKAGES[""]["devDependencies"]
    assert [name for name in wanted if f"`{name}`" not in described] == []


def test_the_lock_is_whole() -> None:
    """On every platform `npm ci` finds its own binaries in it, and accepts it."""
    wanted = {name for package in PACKAGES.values() for name in package.get("optionalDependencies", {})}
    peers = {name for name in wanted if f"node_modules/{name}" not in PACKAGES}
    assert [name for name in peers if re.search(r"(darwin|win32|linux|android|freebsd|wasm32)", name)] == []


def test_the_units_hold() -> None:
    """What is worked out in the browser is tried without one: words, amounts, forms, differences."""
    tool = web()
    node = tool["require_node"]()
    told = subprocess.run(
        [node.program, tool["SOURCE"] / "node_modules" / "vitest" / "vitest.mjs", "run"],
        cwd=tool["SOURCE"],
        env={**os.environ, "LC_ALL": "en_US.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
