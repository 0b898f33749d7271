"""Checks `docs/promises.md`: every sentence we promise stands beside the tests that fail without it, or
beside the words "not yet". A listed test must exist, must have run in the test run just finished, and must
have passed with all of its parameters; a skipped test keeps no promise. `make test` runs this after the
tests."""

import argparse
import ast
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

PROMISE = re.compile(r"- (?P<section>P\d+)\.(?P<number>\d+): (?P<sentence>\S.*)")
TEST = re.compile(r"  - `(?P<test>[^`\s]+\.py::[^`]+)`")
NOT_YET = re.compile(r"  - not yet(: \S.*)?")
ANY_ITEM = re.compile(r"\s*[-*+] ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One sentence, the tests that hold it, and whether a part of it still waits for a test."""

    section: str
    number: int
    sentence: str
    line: int
    tests: tuple[str, ...] = ()
    waits: bool = False

    @property
    def id(self) -> str:
        return f"{self.section}.{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The page as read: its promises, and the lines that could not be read as one."""

    promises: tuple[Promise, ...]
    problems: tuple[str, ...]


def main(arguments: list[str] | None = None) -> int:
    """Say how many promises are kept; name each one that is not as the page says."""
    asked = _parse(arguments)
    page = read_page(asked.page.read_text(encoding="utf-8"))
    problems = [*page.problems, *_problems_of_numbering(page.promises)]
    try:
        outcomes = read_outcomes(asked.results, asked.run)
    except StaleResultsError as stale:
        problems.append(str(stale))
    else:
        problems.extend(_problems_of_tests(page.promises, outcomes, asked.root))
    for problem in problems:
        print(f"{asked.page}: {problem}", file=sys.stderr)
    print(_counts(page.promises))
    return 1 if problems else 0


def read_page(text: str) -> Page:
    """Read the list: a promise is an item with its id, what holds it are the items indented below it."""
    promises: list[Promise] = []
    problems: list[str] = []
    for line, words in enumerate(text.splitlines(), start=1):
        if found := PROMISE.fullmatch(words):
            number, sentence = int(found["number"]), found["sentence"]
            promises.append(Promise(section=found["section"], number=number, sentence=sentence, line=line))
        elif ANY_ITEM.match(words):
            held = _held_by(promises[-1], words) if promises else None
            if held is None:
                problems.append(f"line {line}: neither a promise, a test nor “not yet”: {words.strip()}")
            else:
                promises[-1] = held
    if not promises:
        problems.append("no promise found on the page")
    problems.extend(
        f"line {each.line}: {each.id} has neither a test nor the words “not yet”"
        for each in promises
        if not each.tests and not each.waits
    )
    return Page(promises=tuple(promises), problems=tuple(problems))


class StaleResultsError(Exception):
    """There are no outcomes of the run in question; those of another run say nothing about this tree."""


def read_outcomes(results: Path, run: str) -> Mapping[str, str]:
    """The outcome of every test of this run, and of no other."""
    if not results.exists():
        raise StaleResultsError(f"{results} is missing: the tests did not finish. Run `make test`.")
    recorded = json.loads(results.read_text(encoding="utf-8"))
    if recorded["run"] != run:
        raise StaleResultsError(f"{results} is of run “{recorded['run']}”, not “{run}”. Run `make test`.")
    outcomes: Mapping[str, str] = recorded["tests"]
    return outcomes


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Check docs/promises.md against the tests that just ran.")
    parser.add_argument("--page", type=Path, default=Path("docs/promises.md"))
    parser.add_argument("--results", type=Path, default=Path(".results/tests.json"))
    parser.add_argument("--root", type=Path, default=Path(), help="the folder that the test ids start from")
    parser.add_argument("--run", default="", help="the HALOOP_TEST_RUN that the tests were given")
    return parser.parse_args(arguments)


def _held_by(promise: Promise, words: str) -> Promise | None:
    """The promise with one more line below it; None where the line cannot be read."""
    tests, waits = promise.tests, promise.waits
    if found := TEST.fullmatch(words):
        tests = (*tests, found["test"])
    elif NOT_YET.fullmatch(words):
        waits = True
    else:
        return None
    return replace(promise, tests=tests, waits=waits)


def _problems_of_numbering(promises: Iterable[Promise]) -> Iterator[str]:
    """A promise that is dropped leaves a gap; a gap must not go unseen."""
    sections: dict[str, list[Promise]] = {}
    for promise in promises:
        sections.setdefault(promise.section, []).append(promise)
    for section, members in sections.items():
        if members[0].number != 1:
            yield f"line {members[0].line}: {section} starts at {members[0].id}"
        for before, after in pairwise(members):
            if after.number != before.number + 1:
                yield f"line {after.line}: {after.id} follows {before.id}"


def _problems_of_tests(promises: Iterable[Promise], outcomes: Mapping[str, str], root: Path) -> Iterator[str]:
    for promise in promises:
        for test in promise.tests:
            ran = _outcomes_of(test, outcomes)
            if not ran:
                fate = "did not run" if _exists(root, test) else "does not exist"
                yield f"line {promise.line}: {promise.id}: {test} {fate}"
            for name, outcome in ran.items():
                if outcome != "passed":
                    yield f"line {promise.line}: {promise.id}: {name} {outcome}"


def _outcomes_of(test: str, outcomes: Mapping[str, str]) -> Mapping[str, str]:
    """The outcomes a listed id stands for: itself, or all of its parameters when it names none."""
    return {name: ran for name, ran in outcomes.items() if name == test or name.startswith(f"{test}[")}


def _exists(root: Path, test: str) -> bool:
    """Whether the file defines that test; tells a misspelt id from a test that was left out of the run."""
    file, *names = test.partition("[")[0].split("::")
    if not (root / file).is_file():
        return False
    scope: list[ast.stmt] = ast.parse((root / file).read_text(encoding="utf-8")).body
    for name in names:
        found = [each for each in scope if getattr(each, "name", None) == name]
        if not found:
            return False
        scope = getattr(found[0], "body", [])
    return True


def _counts(promises: Iterable[Promise]) -> str:
    kept = sum(1 for each in promises if each.tests and not each.waits)
    partly = sum(1 for each in promises if each.tests and each.waits)
    waiting = sum(1 for each in promises if not each.tests)
    return f"promises: {kept} kept, {partly} kept in part, {waiting} not yet"


if __name__ == "__main__":
    sys.exit(main())
