"""An account's export as a running Haloop gives it: written piece by piece, and checked before it has its name."""

from pathlib import Path
from shlex import quote
from typing import BinaryIO

from haloop.cli.answer import Answer
from haloop.cli.new_file import new_file
from haloop.cli.progress import Progress
from haloop.cli.reaching import reach
from haloop.client import Client
from haloop.kernel.checkpoint import VerifierKey
from haloop.settings import Settings
from haloop.store.export import ExportFindings, verify_export


def fetch_export(settings: Settings, out: Path, address: str | None) -> Answer:
    """Fetch the account of whoever asks into a new file."""
    with new_file(out) as file:
        key = reach(settings, lambda client: _fetch(client, file), address=address)
        found = _checked(file, key)
    return Answer(
        lines=[
            f"{found.events} event(s) written to {out}: {found.parts} part(s), {found.erased} erased.",
            f"next: haloop verify {quote(str(out))} --key {quote(key)}",
        ],
        document={
            "erased": found.erased,
            "events": found.events,
            "file": str(out),
            "key": key,
            "origin": found.checkpoint.origin,
            "parts": found.parts,
        },
    )


async def _fetch(client: Client, file: BinaryIO) -> str:
    async for piece in client.export():
        file.write(piece)
    return await client.verifier_key()


def _checked(file: BinaryIO, key: str) -> ExportFindings:
    """What came, held against the server's own key: a file that was cut short gets no name."""
    file.seek(0)
    known = VerifierKey.parse(key)
    with Progress("verified") as progress:
        return verify_export(file, {known.name: known}, progress)
