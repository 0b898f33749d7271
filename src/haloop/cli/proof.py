"""`haloop proof`: that an event is in the ledger, or that the ledger still begins with what a checkpoint saw."""

from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.new_file import new_file
from haloop.cli.reaching import reach
from haloop.cli.target import read_notes
from haloop.client import Client
from haloop.kernel.checkpoint import Checkpoint, Proof, VerifierKey, open_note, read_unverified
from haloop.kernel.errors import BadInput, BadProof, Exit
from haloop.kernel.ledger import Header, leaf_hash
from haloop.kernel.merkle import verify_consistency, verify_inclusion
from haloop.settings import Settings
from haloop.store.signing import verify_ed25519
from haloop.wire.ledger import GrowthOut


@click.command()
@click.argument("event", required=False, type=click.IntRange(min=0), metavar="[EVENT]")
@click.option("--since", type=click.Path(path_type=Path), metavar="FILE", help="A checkpoint that was kept elsewhere.")
@click.option("--key", "vkey", metavar="VKEY", help="The account's verifier key, from somewhere you trust.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the event's proof to this new file.")
@answering
def proof(settings: Settings, event: int | None, since: Path | None, vkey: str | None, out: Path | None) -> Answer:
    """Prove that EVENT, by its index, is in the ledger; or, with --since, that nothing a checkpoint saw was changed.

    The running Haloop gives the hashes, and they are checked here. Exit code 0: it holds; 1: it does not; 3: it is
    consistent, but no --key says who signed it.
    """
    key = None if vkey is None else VerifierKey.parse(vkey.strip())
    if (event is None) == (since is None) or (since is not None and out is not None):
        raise BadInput("Give an event, with --out if you like, or a checkpoint with --since.", code="usage.bad")
    if since is not None:
        notes = read_notes(since)
        return reach(settings, lambda client: _prove_growth(client, notes, key))
    return reach(settings, lambda client: _prove_event(client, event or 0, key, out))


async def _prove_event(client: Client, index: int, key: VerifierKey | None, out: Path | None) -> Answer:
    given = await client.proof(index)
    header, path = Header.decode(given.header.encode()), Proof.parse(given.proof)
    signed = _opened(path.note, key)
    if path.index != index:
        raise BadProof(f"The proof is of event {path.index}, not {index}.")
    verify_inclusion(leaf_hash(given.header.encode()), index, signed.size, path.hashes, signed.root)
    if out is not None:
        with new_file(out) as file:
            file.write(given.proof.encode())
    return Answer(
        lines=[
            f"event {index} ({header.kind}, {header.run_id}) is one of the {signed.size} of {signed.origin}",
            *([f"its proof is written to {out}"] if out is not None else []),
            _verdict(key),
        ],
        document={
            "header": given.header,
            "index": index,
            "origin": signed.origin,
            "proof": given.proof,
            "signer_known": key is not None,
            "size": signed.size,
        },
        exit=_exit(key),
    )


async def _prove_growth(client: Client, notes: Sequence[str], key: VerifierKey | None) -> Answer:
    account, lines = (await client.me()).account, []
    kept = [note for note in notes if account in read_unverified(note).origin.split("/")]
    if not kept:
        raise BadInput(f"None of these checkpoints is of {account}.", code="usage.bad")
    for note in kept:
        old = _opened(note, key)
        given = await client.growth(since=old.size)
        new = _opened(given.note, key)
        _check(old, new, given)
        lines.append(f"{new.origin}: the {new.size} events begin with the {old.size} of the checkpoint kept")
    return Answer(
        lines=[*lines, _verdict(key)],
        document={"account": account, "checkpoints": len(kept), "signer_known": key is not None},
        exit=_exit(key),
    )


def _check(old: Checkpoint, new: Checkpoint, given: GrowthOut) -> None:
    if old.origin != new.origin:
        raise BadProof(f"The ledger goes on as {new.origin}, not as {old.origin}: it went back since.")
    hashes = [b64decode(one) for one in given.hashes]
    verify_consistency(old.size, old.root, new.size, new.root, hashes)


def _opened(note: str, key: VerifierKey | None) -> Checkpoint:
    return read_unverified(note) if key is None else open_note(note, key, verify_ed25519)


def _verdict(key: VerifierKey | None) -> str:
    return "OK: signed by the key given" if key else "CONSISTENT, SIGNER UNKNOWN: give --key"


def _exit(key: VerifierKey | None) -> Exit:
    return Exit.OK if key else Exit.SIGNER_UNKNOWN
