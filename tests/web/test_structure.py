"""The rules of the web app's code that no linter holds, each tried on a planted violation."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "web" / "src"
LINES_MAX = 250
MAY_FETCH = {"api/client.ts", "api/session.ts", "stream.ts", "worker/house.ts", "worker/shell.ts"}
HTML = re.compile(r"dangerouslySetInnerHTML|\.innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(")

Rule = Callable[[Path], Iterator[str]]


def long_files(source: Path) -> Iterator[str]:
    """A file is read in one sitting."""
    yield from (name for name, code in files(source) if code.count("\n") > LINES_MAX)


def other_fetches(source: Path) -> Iterator[str]:
    """One place speaks with the server: whatever else did would forget who is asking, or what no answer means."""
    yield from (name for name, code in files(source) if re.search(r"\bfetch\(", code) and name not in MAY_FETCH)


def html_from_text(source: Path) -> Iterator[str]:
    """Nothing that somebody wrote is ever more than text."""
    yield from (name for name, code in files(source) if HTML.search(code))


def desks_that_see_each_other(source: Path) -> Iterator[str]:
    """A desk brings its own canvas; what two of them need is a shared part."""
    for name, code in files(source):
        own = re.match(r"desks/([^/]+)/", name)
        seen = set(re.findall(r'"@/desks/([^/"]+)', code))
        if own and seen - {own[1]}:
            yield name


RULES: list[Rule] = [long_files, other_fetches, html_from_text, desks_that_see_each_other]


@pytest.mark.parametrize("rule", RULES)
def test_the_app_keeps_the_rule(rule: Rule) -> None:
    """No file of the app breaks it."""
    assert list(rule(SOURCE)) == []


@pytest.mark.parametrize(
    ("rule", "name", "code"),
    [
        (long_files, "a.ts", "\n" * (LINES_MAX + 1)),
        (other_fetches, "drafts/a.ts", "await fetch('/api/me')"),
        (html_from_text, "ui/a.tsx", "<p dangerouslySetInnerHTML={{ __html: text }} />"),
        (desks_that_see_each_other, "desks/shop/a.ts", 'import { b } from "@/desks/errands/b";'),
    ],
)
def test_the_rule_sees_a_violation(tmp_path: Path, rule: Rule, name: str, code: str) -> None:
    """A rule that sees nothing cannot pass for a clean house."""
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(code, encoding="utf-8")
    assert list(rule(tmp_path)) == [name]


def files(source: Path) -> Iterator[tuple[str, str]]:
    """Every file that somebody wrote, by its path from the folder."""
    for path in sorted(source.rglob("*.ts*")):
        if path.name != "schema.d.ts":
            yield path.relative_to(source).as_posix(), path.read_text(encoding="utf-8")
