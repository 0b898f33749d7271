"""Workflow templates on disk: a project's own in its `workflows/`, then the home's, where the shipped ones lie too.

A mission names its template by id, by name or by the file's path; where both places have it, the project's counts. What
lies elsewhere is no template, whatever path is named.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from haloop.desks.missions.workflow import TEMPLATE_BYTES_MAX, Workflow, digest_of, read_workflow
from haloop.kernel.errors import BadInput, NotFound

FOLDER = "workflows"
STANDARD = "standard-feature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A workflow, and the file it was read from."""

    workflow: Workflow
    digest: str
    file: Path


@dataclass(frozen=True, slots=True)
class Templates:
    """The templates that missions may follow."""

    home: Path
    project: Path | None

    def find(self, wanted: str) -> Template:
        """The template that somebody named; BadInput where its file is wrong, NotFound where there is none."""
        problem: BadInput | None = None
        known = []
        for file in self._files():
            try:
                template = _read(file)
            except BadInput as error:
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

    def _files(self) -> Iterator[Path]:
        for folder in (self.project, self.home):
            if folder is not None:
                yield from (file for file in sorted((folder / FOLDER).glob("*.yaml")) if file.is_file())


def _read(file: Path) -> Template:
    with file.open("rb") as opened:
        text = opened.read(TEMPLATE_BYTES_MAX + 1)
    return Template(workflow=read_workflow(text, file=str(file)), digest=digest_of(text), file=file)
