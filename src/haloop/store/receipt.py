"""Making a receipt from what is stored, beside the live ledger or within it."""

from collections.abc import Collection, Mapping

from haloop.kernel.checkpoint import read_unverified
from haloop.kernel.ids import AccountId
from haloop.kernel.receipt import Disclosed, ProvenEvent, Receipt
from haloop.store.bodies import Bodies
from haloop.store.proofs import prove_event
from haloop.store.reader import Reader


def make_receipt(
    reader: Reader, bodies: Bodies, account: AccountId, disclose: Mapping[int, Collection[str]], note: str
) -> Receipt:
    """Show events by leaf index, each with the named parts readable, under a checkpoint that covers them."""
    checkpoint = read_unverified(note)
    tree = reader.number(account)
    events = []
    for index in sorted(disclose):
        proof = prove_event(reader, tree, index, note)
        event = reader.event(tree, index)
        opened = {name: bodies.open(event, name) for name in disclose[index]}
        events.append(
            ProvenEvent(
                header=reader.header(tree, index),
                parts=event.parts,
                disclosed={name: Disclosed(body=part.body, salt=part.salt) for name, part in opened.items()},
                proof=proof,
            )
        )
    return Receipt(origin=checkpoint.origin, events=tuple(events))
