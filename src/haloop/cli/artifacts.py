"""`haloop artifacts`: the files that a run refers to, from the running Haloop."""

import re
from hashlib import sha256
from pathlib import Path

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.naming import run_named
from haloop.cli.new_file import new_file
from haloop.cli.reaching import reach
from haloop.client import Client
from haloop.kernel.errors import BadInput, BadProof
from haloop.settings import Settings
from haloop.wire.artifacts import ArtifactOut


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--out", type=click.Path(path_type=Path), metavar="FOLDER", help="Fetch the files into it.")
@click.option("--add", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Give the run this file.")
@answering
def artifacts(settings: Settings, run: str, out: Path | None, add: Path | None) -> Answer:
    """Show the files that RUN refers to; fetch them with --out, or add one with --add while the run has not ended.

    Each is held against its hash. A file that an agent gave may hold anything: open it with care.
    """
    if out is not None and add is not None:
        raise BadInput("Fetch files or add one, not both at once.", code="usage.bad")
    given = None if add is None else (add.name, add.read_bytes())
    return reach(settings, lambda client: _artifacts(client, run, out, given))


async def _artifacts(client: Client, name: str, out: Path | None, given: tuple[str, bytes] | None) -> Answer:
    run = await run_named(client, name)
    if given is not None:
        await client.submit_artifact(run, given[1], name=given[0])
    found = await client.artifacts(run)
    files = [None if out is None else str(out / _file_name(one)) for one in found]
    for one, file in zip(found, files, strict=True):
        if file is not None:
            await _fetch(client, one, Path(file))
    return Answer(
        lines=[_line(one, file) for one, file in zip(found, files, strict=True)] or ["It refers to no files."],
        document={
            "artifacts": [{**one.model_dump(), "file": file} for one, file in zip(found, files, strict=True)],
            "run": run,
        },
    )


async def _fetch(client: Client, artifact: ArtifactOut, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    seen = sha256()
    with new_file(file) as opened:
        async for piece in client.artifact_file(artifact):
            seen.update(piece)
            opened.write(piece)
        if seen.hexdigest() != artifact.digest:
            raise BadProof(f"What came for {artifact.name!r} is not what the run refers to.")


def _line(artifact: ArtifactOut, file: str | None) -> str:
    where = "" if file is None else f", written to {file}"
    return f"{artifact.digest[:8]}  {artifact.name}  {artifact.size:,} bytes, by {artifact.by}{where}"


def _file_name(artifact: ArtifactOut) -> str:
    """Its own name, without what a shell or a file manager might obey."""
    return f"{artifact.digest[:8]}-{re.sub(r'[^A-Za-z0-9._-]', '-', artifact.name)}"
