"""Workflow templates on disk: a project's own in its `workflows/`, then the home's, where the shipped ones lie too.

A mission names its template by id, by name or by the file's path; where both places have it, the project's counts. What
lies elsewhere is no template, whatever path is named.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from haloop.desks.missions.workflow import TEMPLATE_BYTES_MAX, BadTemplate, Workflow, digest_of, read_workflow
from haloop.kernel.errors import NotFound

FOLDER = "workflows"
STANDARD = "standard-feature"
_KNOWN_MAX = 100
"""So many texts are remembered, each of no more than a template's bytes."""


class Origin(StrEnum):
    """Whose a template is."""

    PROJECT = "project"
    HOME = "home"


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A workflow, and the file it was read from."""

    workflow: Workflow
    digest: str
    file: Path
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A file that is there and cannot be followed."""

    file: Path
    origin: Origin
    fault: BadTemplate


@dataclass(frozen=True, slots=True)
class _Wrong:
    """What is wrong in a text, and where."""

    line: int
    problem: str


class Readings:
    """What the last texts of templates said: the same text says the same, and one of much nesting takes a second."""

    def __init__(self) -> None:
        self._said = lru_cache(maxsize=_KNOWN_MAX)(_said)

    def of(self, text: bytes, *, file: str) -> Workflow:
        """The workflow that a file's text is; BadTemplate where it is none."""
        said = self._said(text)
        if isinstance(said, _Wrong):
            raise BadTemplate(file, said.line, said.problem)
        return said


@dataclass(frozen=True, slots=True)
class Templates:
    """The templates that missions may follow."""

    home: Path
    project: Path | None
    readings: Readings = field(default_factory=Readings)

    def all(self) -> list[Template | Unreadable]:
        """Each workflow once, as `find` would find it by its id, and each file that cannot be followed."""
        found: dict[str | Path, Template | Unreadable] = {}
        for origin, file in self._files():
            try:
                template = self._read(origin, file)
            except BadTemplate as fault:
                found[file] = Unreadable(file=file, origin=origin, fault=fault)
            else:
                found.setdefault(template.workflow.workflow_id, template)
        return list(found.values())

    def find(self, wanted: str) -> Template:
        """The template that somebody named; BadTemplate where its file is wrong, NotFound where there is none."""
        problem: BadTemplate | None = None
        known = []
        for origin, file in self._files():
            try:
                template = self._read(origin, file)
            except BadTemplate as error:
                if wanted in (file.stem, str(file), file.name):
                    raise
                problem = problem or error
                continue
            known.append(template.workflow.workflow_id)
            if wanted in (template.workflow.workflow_id, template.workflow.name, str(file), file.name):
                return template
        raise NotFound(
            f"There is no workflow {wanted!r}. {problem.sentence if problem else ''}".rstrip(),
            code="workflow.unknown",
            next_step=f"Name one of these: {', '.join(dict.fromkeys(known)) or 'none is there; run haloop init'}.",
        )

    def _files(self) -> Iterator[tuple[Origin, Path]]:
        for origin, folder in ((Origin.PROJECT, self.project), (Origin.HOME, self.home)):
            if folder is not None:
                files = sorted((folder / FOLDER).glob("*.yaml"))
                yield from ((origin, file) for file in files if file.is_file())

    def _read(self, origin: Origin, file: Path) -> Template:
        try:
            with file.open("rb") as opened:
                text = opened.read(TEMPLATE_BYTES_MAX + 1)
        except OSError as error:
            raise BadTemplate(str(file), 1, "it cannot be opened") from error
        workflow = self.readings.of(text, file=str(file))
        return Template(workflow=workflow, digest=digest_of(text), file=file, origin=origin)


def _said(text: bytes) -> Workflow | _Wrong:
    try:
        return read_workflow(text, file="")
    except BadTemplate as fault:
        return _Wrong(fault.line, fault.problem)
