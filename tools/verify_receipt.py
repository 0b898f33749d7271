#!/usr/bin/env python3
"""Check a Haloop receipt offline, with nothing but this file and Python 3.8 or later.

    python3 verify_receipt.py FILE [--key VKEY] [--person KEY]

A receipt holds a few events of one account's ledger. The ledger is an append-only Merkle tree whose head
(size and root hash) is signed from time to time: that signed text is a checkpoint. From the file alone this
script shows that each event lies in the tree of its checkpoint at the stated place, that each disclosed part
is what the event committed to, that events of one run that follow each other are linked by their hashes, and
that, as far as they are disclosed, they belong together: what was approved is what ran.

  --key VKEY     the log's verifier key, "name+id+base64", which you must have from somewhere you trust. With
                 it the checkpoints are proved to come from that log; a file alone can be invented by anyone.
  --person KEY   "es256:<base64>" or "eddsa:<base64>", the public key of a person's passkey, again from
                 somewhere you trust. With it every yes in the file must have been said by that key, over exactly
                 the decision shown. Give it once for each person who said yes.

What a good receipt proves: the log recorded these facts, in this order, and cannot deny or alter them. Where
it says "what was approved is what ran: checked", they tell one story: each yes was given to the very draft
and card shown; enough people gave one, or a grant did; what was sent is what that draft holds, while the
approval was good; and the outcome is that effect's. Where it says "not checked", it names what is missing.
What it does not prove: that the facts are true (the log's clock and the words of outside systems are its own
report); who said yes, unless --person was checked; that nothing else happened; that the passkey was used on
the right web site (its address is printed); that the log shows the same tree to everybody (keep the
checkpoints you have seen and compare). A part that is "not disclosed" was left out or erased; its hash still
holds its place.

Exit code: 0 proved; 1 bad, and the last line names the first bad event; 2 not a receipt, a key that cannot
be read, or wrong usage; 3 consistent, but no --key was given, so nobody knows who signed it.

The file is in five sections: the receipt and the story it tells (what Haloop defines), strict reading,
Ed25519, P-256. The first two are the ones to read; the last two are published mathematics.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

PROVED, BAD, NOT_A_RECEIPT, SIGNER_UNKNOWN = 0, 1, 2, 3
FORMAT = "haloop/receipt/1"
FILE_BYTES_MAX = 16 * 1024 * 1024
SHOWN_CHARACTERS_MAX = 300
SIGNATURES_MAX = 64


class ReceiptError(Exception):
    """Something in the receipt, or in a key that was given, is wrong; the sentence says what."""


class Verdict(NamedTuple):
    """The exit code, and everything there is to print; the last line is the verdict."""

    exit_code: int
    lines: list[str]


# ======================================================================================= 1. The receipt


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the receipt named on the command line, print what it shows, and return the exit code."""
    parser = argparse.ArgumentParser(
        description="Check a Haloop receipt offline.",
        epilog="Exit code: 0 proved, 1 bad, 2 not a receipt, 3 consistent but signer unknown.",
    )
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--key", metavar="VKEY", help="the log's verifier key: name+id+base64")
    parser.add_argument("--person", metavar="KEY", action="append", default=[], help="es256:… or eddsa:…")
    given = parser.parse_args(arguments)
    try:
        with open(given.file, "rb") as file:  # noqa: PTH123 - one import less to read
            data = file.read(FILE_BYTES_MAX + 1)
    except (OSError, ValueError) as problem:
        verdict = Verdict(NOT_A_RECEIPT, [f"CANNOT READ THE FILE: {problem}"])
    else:
        verdict = verify(data, given.key, given.person)
    print("\n".join(printable(line) for line in verdict.lines))
    return verdict.exit_code


def verify(data: bytes, key: str | None = None, persons: Sequence[str] = ()) -> Verdict:
    """Judge the bytes of a receipt file; no input makes this raise."""
    lines: list[str] = []
    try:
        log_key = None if key is None else read_log_key(key)
        person_keys = [read_person_key(person) for person in persons]
    except ReceiptError as problem:
        # Without it less would be checked than was asked for, and that must not read like a good verdict.
        return Verdict(NOT_A_RECEIPT, [f"CANNOT READ A KEY: {problem}"])
    try:
        origin, items = read_file(data)
    except ReceiptError as problem:
        return Verdict(NOT_A_RECEIPT, [f"NOT A RECEIPT: {problem}"])
    seen = Seen()
    for number, item in enumerate(items, 1):
        try:
            event = read_event(item)
            check_event(event, origin, log_key, seen)
            lines += describe(number, event)
            check_story(event, seen.stories.setdefault(event.header.run_id, Story()))
            if event.header.kind in ("gate.answered", "gate.approved"):
                lines.append(f"  who said yes: {check_approval(event, person_keys)}")
                seen.approvals += event.header.kind == "gate.approved"
        except ReceiptError as problem:
            return Verdict(BAD, [*lines, f"BAD: {name_of(number, item)}: {problem}"])
    if person_keys and not seen.approvals:
        # An approval left out of the file must not turn "checked" into "nothing to check, so all is well".
        return Verdict(BAD, [*lines, "BAD: --person was given, but no approval in this receipt can be checked"])
    for story in seen.stories.values():
        lines += what_ran(story)
    return conclude(lines, origin, log_key, seen)


def conclude(lines: list[str], origin: str, log_key: LogKey | None, seen: Seen) -> Verdict:
    """Say what was shown once every event has passed."""
    found = f"{len(seen.indexes)} event(s) of {origin}, under {len(seen.roots)} checkpoint(s)"
    if log_key is None:
        signers = ", ".join(sorted(seen.signers))
        line = f"CONSISTENT, SIGNER UNKNOWN: {found}, said to be signed by key {signers} (give --key)"
        return Verdict(SIGNER_UNKNOWN, [*lines, line])
    return Verdict(PROVED, [*lines, f"PROVED: {found}, signed by the key given"])


class Seen:
    """What earlier events of the file have said, so that a later one cannot contradict them."""

    def __init__(self) -> None:
        self.indexes: set[int] = set()
        self.last_of_run: dict[str, Event] = {}
        self.roots: dict[int, bytes] = {}
        self.verified: set[tuple[bytes, bytes]] = set()
        self.signers: set[str] = set()
        self.stories: dict[str, Story] = {}
        self.approvals = 0


def check_event(event: Event, origin: str, log_key: LogKey | None, seen: Seen) -> None:
    """Check one event against itself, against its checkpoint, and against the events before it."""
    header, proof = event.header, event.proof
    if origin.split("/")[1] != header.account:
        raise ReceiptError(f"it belongs to account {header.account}, not to {origin}")
    check_parts(event)
    if proof.checkpoint.origin != origin:
        raise ReceiptError(f"its checkpoint is of another log, {proof.checkpoint.origin}")
    if root_of(header.leaf, proof) != proof.checkpoint.root:
        raise ReceiptError("it is not in the tree of its checkpoint")
    check_order(event, seen)
    if seen.roots.setdefault(proof.checkpoint.size, proof.checkpoint.root) != proof.checkpoint.root:
        raise ReceiptError("its checkpoint contradicts an earlier one of the same size: the log shows two histories")
    check_signature(proof.checkpoint, log_key, seen)


def check_parts(event: Event) -> None:
    """Check that the header commits to the named parts, and that each disclosed body is its part."""
    names = json.dumps(event.parts, sort_keys=True, separators=(",", ":")).encode("ascii")
    if sha256(b"haloop/payload/1", names).hex() != event.header.payload:
        raise ReceiptError("its parts are not the ones its header commits to")
    for name, body in event.bodies.items():
        label = name.encode("ascii")
        if sha256(b"haloop/part/1", event.salts[name], uint32(label), label, body).hex() != event.parts[name]:
            raise ReceiptError(f"the disclosed part {name} is not the one that was recorded")


def root_of(leaf: bytes, proof: Proof) -> bytes:
    """Climb from a leaf to the root of its tree, as RFC 6962 builds it."""
    place, last = proof.leaf_index, proof.checkpoint.size - 1
    if place > last:
        raise ReceiptError("its index lies beyond the end of its checkpoint's tree")
    node = leaf
    for sibling in proof.path:
        if last == 0:
            raise ReceiptError("its path is longer than the tree is high")
        # The byte 0x01 marks an inner node: without it, an inner node could be passed off as a leaf.
        if place & 1 or place == last:
            node = sha256(b"\x01", sibling, node)
            while not place & 1 and place:  # the right edge of the tree: levels where this node has no sibling
                place, last = place >> 1, last >> 1
        else:
            node = sha256(b"\x01", node, sibling)
        place, last = place >> 1, last >> 1
    if last:
        raise ReceiptError("its path ends below the root of the tree")
    return node


def check_order(event: Event, seen: Seen) -> None:
    """Check the event's place against the events before it in the file, and its link to its predecessor."""
    header, index = event.header, event.proof.leaf_index
    if index in seen.indexes:
        raise ReceiptError("another event of this file has the same index")
    seen.indexes.add(index)
    if header.run_seq == 1 and header.prev != "0" * 64:
        raise ReceiptError("it is the first of its run and yet names a predecessor")
    earlier = seen.last_of_run.get(header.run_id)
    seen.last_of_run[header.run_id] = event
    if earlier is None:
        return
    if header.run_seq <= earlier.header.run_seq:
        raise ReceiptError("its run_seq does not come after the one before it in the file")
    if index <= earlier.proof.leaf_index:
        raise ReceiptError("its index contradicts the order of its run")
    if header.run_seq == earlier.header.run_seq + 1 and header.prev != earlier.header.leaf.hex():
        raise ReceiptError("it does not follow its predecessor: the hash it names is another event's")


def check_signature(checkpoint: Checkpoint, log_key: LogKey | None, seen: Seen) -> None:
    """Check that the log signed the checkpoint; signatures of others (witnesses) are ignored."""
    if log_key is None:
        own = [line for line in checkpoint.signatures if line.name == checkpoint.origin]
        if not own:
            raise ReceiptError("its checkpoint carries no signature in the log's name")
        seen.signers.update(f"{line.name}+{line.key_id.hex()}" for line in own)
        return
    if log_key.name != checkpoint.origin:
        raise ReceiptError(f"its checkpoint is of {checkpoint.origin}; the key given speaks for {log_key.name}")
    own = [line for line in checkpoint.signatures if (line.name, line.key_id) == (log_key.name, log_key.key_id)]
    if not own:
        raise ReceiptError("its checkpoint is not signed by the key given")
    for line in own:
        already = (checkpoint.text, line.signature)
        if already not in seen.verified and not ed25519_verify(log_key.public_key, line.signature, checkpoint.text):
            raise ReceiptError("the log's signature on its checkpoint is false")
        seen.verified.add(already)


DECISION_KEYS = {"gate", "revision", "draft", "card", "view", "verdict", "person", "nonce", "expires"}
ASSERTION_KEYS = {"credential", "alg", "authenticator_data", "client_data", "signature", "enrolled_at"}
USER_PRESENT, USER_VERIFIED = 0x01, 0x04


def check_approval(event: Event, persons: Sequence[PersonKey]) -> str:
    """Say who approved, having checked what the file and the keys given allow to be checked."""
    bodies = event.bodies
    if "decision" in bodies:
        decision = read_object(read_canonical(bodies["decision"], "the decision"), "the decision", DECISION_KEYS)
        # A person's signed "no" is a good signature too; under this event it must not count as a yes.
        if decision["verdict"] != "approved":
            raise ReceiptError("it records an approval, but the decision in it is not one")
    missing = [name for name in ("assertion", "decision") if name not in bodies]
    if missing and persons:
        raise ReceiptError(f"--person cannot be checked: its {missing[0]} is not disclosed")
    if missing == ["decision"]:
        return "not checked (a passkey assertion is disclosed, but not the decision it was given for)"
    if missing:
        return "the log alone says so; no passkey assertion is disclosed"
    return check_assertion(bodies, persons)


def check_assertion(bodies: Mapping[str, bytes], persons: Sequence[PersonKey]) -> str:
    """Check a passkey's answer: over this decision, by a person who was there, with a key that was given."""
    assertion = read_object(parse(bodies["assertion"]), "the assertion", ASSERTION_KEYS)
    credential = to_base64url(from_base64url(assertion["credential"], "the credential"))
    enrolled_at = whole(assertion["enrolled_at"], "enrolled_at", 0)
    algorithm = whole(assertion["alg"], "alg", -8)
    if algorithm not in (-7, -8):
        raise ReceiptError("its passkey algorithm is neither ES256 nor EdDSA")
    authenticator_data = from_base64url(assertion["authenticator_data"], "the authenticator data")
    client_data = from_base64url(assertion["client_data"], "the client data")
    signature = from_base64url(assertion["signature"], "the passkey signature")

    client = parse(client_data)
    if not isinstance(client, dict) or client.get("type") != "webauthn.get":
        # "webauthn.create" is what a browser signs when a key is enrolled: never a yes to anything.
        raise ReceiptError("its passkey answer is not an assertion (webauthn.get)")
    if client.get("challenge") != to_base64url(challenge_of(bodies)):
        raise ReceiptError("its passkey answered another question: the challenge is not this decision's")
    if len(authenticator_data) < 37 or not authenticator_data[32] & USER_PRESENT:
        raise ReceiptError("nobody was present at the passkey")
    if not authenticator_data[32] & USER_VERIFIED:
        # Without it a found or borrowed device would do: no PIN, face or finger was asked for.
        raise ReceiptError("the passkey did not verify who was present")

    said = f"said by credential {credential}, enrolled at leaf {enrolled_at}"
    if not persons:
        return f"{said}: not checked (give --person)"
    signed = authenticator_data + sha256(client_data)
    if not any(signed_by(person, algorithm, signature, signed) for person in persons):
        raise ReceiptError(f"credential {credential} said yes, but no --person key given made that signature")
    return f"{said}, at {text(client.get('origin', 'an unnamed site'), 'origin')}: checked with the key given"


def challenge_of(bodies: Mapping[str, bytes]) -> bytes:
    """Compute what the passkey had to sign: the hash of the decision, or of the batch that contains it."""
    asked = bodies["decision"]
    if "batch" in bodies:
        asked = bodies["batch"]
        batch = read_canonical(asked, "the batch")
        if not isinstance(batch, list):
            raise ReceiptError("the batch is not a list of decisions")
        decisions = [canonical(read_object(one, "a decision of the batch", DECISION_KEYS)) for one in batch]
        if decisions != sorted(set(decisions)):
            raise ReceiptError("the batch is not sorted, or names a decision twice")
        if bodies["decision"] not in decisions:
            raise ReceiptError("the batch that was signed does not contain this decision")
    # The prefix keeps a challenge of Haloop's from being a hash that means something elsewhere.
    return sha256(b"haloop/decision/1", asked)


def signed_by(person: PersonKey, algorithm: int, signature: bytes, message: bytes) -> bool:
    """Try one person's key; a key is only ever used with its own algorithm."""
    if person.algorithm != algorithm:
        return False
    check = p256_verify if algorithm == -7 else ed25519_verify
    return check(person.public_key, signature, message)


def describe(number: int, event: Event) -> list[str]:
    """Show one event: when, what, who, where, and each of its parts."""
    header = event.header
    seconds, microseconds = divmod(header.ts, 1_000_000)
    when = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{microseconds:06d}Z"
    place = f"run {header.run_id} #{header.run_seq}, index {event.proof.leaf_index}"
    lines = [f"event {number}: {when} {header.kind} by {header.actor}, {place}"]
    for name in sorted(event.parts):
        body = event.bodies.get(name)
        lines.append(f"  {name}: {'(not disclosed or erased)' if body is None else shown(body)}")
    return lines


def name_of(number: int, item: object) -> str:
    """Name an event for the verdict as far as it can be read, for it may be the unreadable one."""
    known = [*words_of_header(item), *words_of_proof(item)]
    return f"event {number}" + (f" ({', '.join(known)})" if known else "")


def words_of_header(item: object) -> list[str]:
    """Read kind and run, or nothing."""
    try:
        header = read_object(parse(text(read_object(item, "")["header"], "").encode("utf-8")), "")
        return [text(header["kind"], ""), f"run {text(header['run_id'], '')}"]
    except (ReceiptError, KeyError):
        return []


def words_of_proof(item: object) -> list[str]:
    """Read the index, or nothing."""
    try:
        found = re.search("\nindex ([0-9]{1,19})\n", text(read_object(item, "")["proof"], ""))
    except (ReceiptError, KeyError):
        return []
    return [f"index {found.group(1)}"] if found else []


# ============================================================================ 2. What was approved is what ran
# The proofs above show that each fact is in the log. Here the facts of one run are held against each other.
# Each says what it says in its part "fact", a canonical object. What a file does not disclose cannot be
# checked, and is named; what it does disclose must agree with everything disclosed before it.

GATES, YESES = {"gate.opened", "gate.revised"}, {"gate.answered", "gate.approved"}
DECISIONS = YESES | {"gate.changing", "gate.refused"}
INTENT, OUTCOME = "effect.intended", "effect.happened"
PROMISED = ("operation", "connector", "cost_max", "payee", "purpose", "live")
UNDO = "/undo"
DEPTH_MAX = 64

Name = TypeVar("Name")
Shown = TypeVar("Shown")


class Gate(NamedTuple):
    """One revision of a gate: the draft and card that people were shown, and how many of them must say yes."""

    draft: str
    card: str
    yeses_needed: int
    effects: dict[str, object] | None
    """What the draft allows, by name; nothing where the draft is not disclosed."""


class Approval(NamedTuple):
    """A gate's yes: the grant that gave it, if one did, and until when it is good."""

    grant: object
    valid_until: int


class Intent(NamedTuple):
    """An effect about to be sent; what of its story is missing, and whose results it was given unseen."""

    revision: int
    position: str
    cost_max: object
    missing: list[str]
    unseen: set[str]


class Story:
    """What the earlier events of one run have said."""

    def __init__(self) -> None:
        self.kinds: set[str] = set()
        self.hidden: set[str] = set()
        """Kinds of which some event does not disclose its fact."""
        self.gates: dict[tuple[str, int], Gate] = {}
        self.yeses: dict[tuple[str, int], set[str]] = {}
        self.approvals: dict[tuple[str, int], Approval] = {}
        self.missing: dict[tuple[str, int], list[str]] = {}
        self.intents: dict[tuple[str, str], Intent] = {}
        self.made: dict[tuple[str, str], object] = {}
        """What each effect that happened made."""


def what_ran(story: Story) -> list[str]:
    """Say of each effect whether what was approved is what ran."""
    if not story.kinds & {"gate.approved", INTENT, OUTCOME}:
        return []
    effects = [*story.intents, *(about for about in story.made if about not in story.intents)]
    return [verdict_on(about, story) for about in effects] or [not_checked("", ["the intent"])]


def verdict_on(about: tuple[str, str], story: Story) -> str:
    """Say of one effect whether its story is whole, and if not, what is missing."""
    intent, effect = story.intents.get(about), f" for {about[1]}"
    missing = ["the intent"] if intent is None else list(intent.missing)
    if about not in story.made:
        missing.append("what happened")
    if intent is None or missing:
        return not_checked(effect, missing)
    unseen = ", ".join(sorted(intent.unseen))
    spared = f", except the places filled with what {unseen} made (not disclosed)" if unseen else ""
    return f"what was approved is what ran: checked{effect}{spared}"


def not_checked(effect: str, missing: Sequence[str]) -> str:
    """Name what would have to be disclosed."""
    named = "; ".join(f"{what} is not disclosed" for what in dict.fromkeys(missing))
    return f"what was approved is what ran: not checked{effect} ({named})"


def check_story(event: Event, story: Story) -> None:
    """Hold one event against what its run has said before."""
    kind = event.header.kind
    if kind not in GATES | DECISIONS | {INTENT, OUTCOME}:
        return
    story.kinds.add(kind)
    fact = read_part(event, "fact") if "fact" in event.bodies else None
    if kind in DECISIONS and "decision" in event.bodies:
        check_decision(read_part(event, "decision"), fact, story)
    if fact is None:
        story.hidden.add(kind)
    elif kind in GATES:
        take_gate(event, fact, story)
    elif kind in YESES:
        take_yes(event, fact, story)
    elif kind == INTENT:
        take_intent(event, fact, story)
    elif kind == OUTCOME:
        take_outcome(fact, story)


def take_gate(event: Event, fact: Mapping[str, object], story: Story) -> None:
    """Remember what a revision showed, by the hashes that a decision must name."""
    need = read_object(field(fact, "need"), "need")
    gate = Gate(
        draft=hash_of_part(event, "draft"),
        card=hash_of_part(event, "card"),
        yeses_needed=whole(field(need, "count"), "count", 1),
        effects=read_effects(event) if "draft" in event.bodies else None,
    )
    about = gate_of(fact)
    if about in story.yeses or about in story.approvals:
        raise ReceiptError(f"{revision_name(about)} comes after a yes to it")
    remember(story.gates, about, gate, revision_name(about))


def hash_of_part(event: Event, name: str) -> str:
    """Compute a draft's or a card's hash: the commitment to this one part, disclosed or not."""
    if name not in event.parts:
        raise ReceiptError(f"it has no {name}")
    return sha256(b"haloop/payload/1", canonical({name: event.parts[name]})).hex()


def read_effects(event: Event) -> dict[str, object]:
    """Read which effects a disclosed draft allows."""
    return read_object(field(read_part(event, "draft"), "effects"), "effects")


def check_decision(decision: Mapping[str, object], fact: Mapping[str, object] | None, story: Story) -> None:
    """Check that a decision is the one its event records, and is about what its gate showed."""
    for name in ("gate", "revision", "person") if fact is not None else ():
        if differ(field(decision, name), field(fact or {}, name)):
            raise ReceiptError(f"its decision says another {name} than its fact")
    about = gate_of(decision)
    gate = find_gate(about, story)
    for name, shown_hash in () if gate is None else (("draft", gate.draft), ("card", gate.card)):
        if field(decision, name) != shown_hash:
            raise ReceiptError(f"its decision names another {name} than {revision_name(about)} shows")


def take_yes(event: Event, fact: Mapping[str, object], story: Story) -> None:
    """Count a person's yes; where it is an approval, check that there were enough, or a grant."""
    about, person = gate_of(fact), field(fact, "person")
    if person is not None:
        story.yeses.setdefault(about, set()).add(f"person:{text(person, 'person')}")
        if event.header.actor != f"person:{person}":
            raise ReceiptError("its actor is not the person whose yes it says it is")
        if "decision" not in event.bodies:
            story.missing.setdefault(about, []).append("the decision")
    if event.header.kind != "gate.approved":
        return
    approval = Approval(field(fact, "grant"), whole(field(fact, "valid_until"), "valid_until", 0))
    if any((gate, intent.revision) == about for (gate, _), intent in story.intents.items()):
        raise ReceiptError(f"the approval of {revision_name(about)} comes after what was done under it")
    remember(story.approvals, about, approval, f"the approval of {revision_name(about)}")
    by = field(fact, "by")
    if not isinstance(by, list) or not all(isinstance(one, str) for one in by):
        raise ReceiptError("by is not a list of texts")
    if person is None:
        check_grant(event, approval, by)
    else:
        check_quorum(set(by), about, story)


def check_grant(event: Event, approval: Approval, by: list[str]) -> None:
    """Check that an approval nobody gave was given by a grant."""
    grant = f"grant:{text(approval.grant, 'grant')}"
    if by != [grant] or event.header.actor != grant:
        raise ReceiptError("it does not say by which grant it was approved")


def check_quorum(by: set[str], about: tuple[str, int], story: Story) -> None:
    """Check that the approval counts as many people as its gate needs, and that each of them did say yes."""
    gate = find_gate(about, story)
    if gate is not None and len(by) < gate.yeses_needed:
        raise ReceiptError(f"{revision_name(about)} needs {gate.yeses_needed} yeses, and it counts {len(by)}")
    unheard = sorted(by - story.yeses.get(about, set()))
    if unheard and story.hidden & YESES:
        story.missing.setdefault(about, []).append("a yes")
    elif unheard:
        raise ReceiptError(f"it counts a yes of {unheard[0]}, which this receipt does not show")


def take_intent(event: Event, fact: Mapping[str, object], story: Story) -> None:
    """Check that what is about to be sent was approved, and in time."""
    about, effect = gate_of(fact), text(field(fact, "effect"), "effect")
    intent = Intent(
        revision=about[1],
        position=text(field(fact, "at"), "at"),
        cost_max=field(fact, "cost_max"),
        missing=list(story.missing.get(about, [])),
        unseen=set(),
    )
    if (about[0], effect) in story.made:
        raise ReceiptError(f"the intent of {effect}, {about[0]} comes after its outcome")
    remember(story.intents, (about[0], effect), intent, f"the intent of {effect}, {about[0]}")
    approval_name = f"the approval of {revision_name(about)}"
    approval = find(story.approvals, about, approval_name, hidden="gate.approved" in story.hidden)
    if approval is None:
        intent.missing.append("the approval")
    else:
        check_approved(event, fact, approval, is_undo=effect.endswith(UNDO))
    gate = find_gate(about, story)
    if gate is None or gate.effects is None:
        intent.missing.append("the gate" if gate is None else "the draft")
    elif effect.endswith(UNDO):
        check_undo(fact, gate.effects, effect[: -len(UNDO)], intent.unseen, made_under(about[0], story))
    else:
        check_effect(fact, gate.effects, effect, intent.unseen, made_under(about[0], story))


def check_approved(event: Event, fact: Mapping[str, object], approval: Approval, *, is_undo: bool) -> None:
    """Check that the approval was still good when the intent was recorded; it covers an undo for ever."""
    if differ(field(fact, "grant"), approval.grant):
        raise ReceiptError("its grant is not the one that approved it")
    if event.header.ts >= approval.valid_until and not is_undo:
        raise ReceiptError("its approval was no longer good: valid_until had passed")


def made_under(gate: str, story: Story) -> dict[str, object]:
    """Collect what the effects of one approval have made so far."""
    return {effect: result for (other, effect), result in story.made.items() if other == gate}


def check_effect(
    fact: Mapping[str, object],
    effects: Mapping[str, object],
    name: str,
    unseen: set[str],
    made: Mapping[str, object],
) -> None:
    """Check that an effect of the draft is sent as the draft has it."""
    planned = read_planned(effects, name)
    check_promised(fact, planned)
    check_argument(field(planned, "argument"), field(fact, "argument"), "argument", unseen, made)


def check_undo(
    fact: Mapping[str, object],
    effects: Mapping[str, object],
    name: str,
    unseen: set[str],
    made: Mapping[str, object],
) -> None:
    """Check that an undo is the one the draft named for that effect, and takes back what that effect made."""
    undone = read_planned(effects, name)
    if field(undone, "undo") is None:
        raise ReceiptError(f"the approved draft names no undo for {name}")
    purpose = f"undo {text(field(undone, 'purpose'), 'purpose')}"
    check_promised(fact, {**undone, "operation": undone["undo"], "cost_max": None, "payee": None, "purpose": purpose})
    if name not in made:
        unseen.add(name)
    elif differ(made[name], field(fact, "argument")):
        raise ReceiptError(f"its argument is not what {name} made")


def read_planned(effects: Mapping[str, object], name: str) -> dict[str, object]:
    """Find an effect in the approved draft."""
    if name not in effects:
        raise ReceiptError(f"the approved draft holds no effect {name}")
    return read_object(effects[name], f"effect {name}")


def check_promised(fact: Mapping[str, object], planned: Mapping[str, object]) -> None:
    """Compare what is sent with what was approved, field by field."""
    for name in PROMISED:
        if differ(field(planned, name), field(fact, name)):
            raise ReceiptError(f"its {name} is not the approved one")


def check_argument(approved: object, sent: object, place: str, unseen: set[str], made: Mapping[str, object]) -> None:
    """Compare arguments place by place; {"$later": name} may be filled with what that effect made, and only that."""
    if isinstance(approved, dict) and list(approved) == ["$later"]:
        maker = text(approved["$later"], "$later")
        if not isinstance(sent, dict) or list(sent) != ["$filled"]:
            raise ReceiptError(f"its {place} is not filled with what {maker} made")
        if maker not in made:
            unseen.add(maker)
        elif differ(made[maker], sent["$filled"]):
            raise ReceiptError(f"its {place} is not what {maker} made")
    elif isinstance(approved, dict) and isinstance(sent, dict) and list(approved) == list(sent):
        for key, value in approved.items():
            check_argument(value, sent[key], f"{place}.{key}", unseen, made)
    elif isinstance(approved, list) and isinstance(sent, list) and len(approved) == len(sent):
        for number, value in enumerate(approved):
            check_argument(value, sent[number], f"{place}.{number}", unseen, made)
    elif differ(approved, sent):
        raise ReceiptError(f"its {place} is not the approved one")


def take_outcome(fact: Mapping[str, object], story: Story) -> None:
    """Check that what happened is what was intended, and that it says truly whether it cost too much."""
    gate, effect = text(field(fact, "gate"), "gate"), text(field(fact, "effect"), "effect")
    remember(story.made, (gate, effect), field(fact, "result"), f"the outcome of {effect}, {gate}")
    intent = find(story.intents, (gate, effect), f"the intent of {effect}, {gate}", hidden=INTENT in story.hidden)
    if intent is None:
        return
    for name, intended in (("revision", intent.revision), ("at", intent.position)):
        if differ(field(fact, name), intended):
            raise ReceiptError(f"its {name} is not that of its intent")
    if field(fact, "exceeded") is not exceeds(field(fact, "charged"), intent.cost_max):
        raise ReceiptError("exceeded is not true: compare charged with the cost_max of its intent")


def exceeds(charged: object, cost_max: object) -> bool:
    """Tell whether more was charged than was approved; where no cost was approved, anything is more."""
    if charged is None:
        return False
    minor, currency = read_money(charged, "charged")
    if minor <= 0:
        return False
    if cost_max is None:
        return True
    minor_max, currency_approved = read_money(cost_max, "cost_max")
    return currency != currency_approved or minor > minor_max


def read_money(value: object, what: str) -> tuple[int, str]:
    """Read an amount: so many of the smallest units of a currency."""
    fields = read_object(value, what, {"currency", "minor"})
    return whole(fields["minor"], what, -INTEGER_MAX), text(fields["currency"], what)


def find_gate(about: tuple[str, int], story: Story) -> Gate | None:
    """Find the revision of a gate that a fact is about."""
    return find(story.gates, about, revision_name(about), hidden=bool(story.hidden & GATES))


def find(shown: Mapping[Name, Shown], about: Name, name: str, *, hidden: bool) -> Shown | None:
    """Find an earlier fact, or nothing where it is not disclosed.

    To leave out is no lie. But where all facts of the kind are open and none is the right one, the file puts
    together what does not belong together, and no reader should have to notice that.
    """
    if about not in shown and shown and not hidden:
        raise ReceiptError(f"it belongs to {name}, and what this receipt shows before it is another")
    return shown.get(about)


def remember(shown: dict[Name, Shown], about: Name, value: Shown, name: str) -> None:
    """Keep a fact for the later ones; there is one of each, and a second would let the file choose."""
    if about in shown:
        raise ReceiptError(f"{name} is in this receipt twice")
    shown[about] = value


def gate_of(fact: Mapping[str, object]) -> tuple[str, int]:
    """Read which revision of which gate a fact or a decision is about."""
    return text(field(fact, "gate"), "gate"), whole(field(fact, "revision"), "revision", 1)


def revision_name(about: tuple[str, int]) -> str:
    """Name a revision of a gate."""
    return f"{about[0]}, revision {about[1]}"


def read_part(event: Event, name: str) -> dict[str, object]:
    """Read a disclosed part that is a canonical object."""
    try:
        value = read_object(read_canonical(event.bodies[name], ""), "")
    except ReceiptError:
        value = {}
    if not value or not is_shallow(value, DEPTH_MAX):
        raise ReceiptError(f"the {name} is not a canonical object")
    return value


def is_shallow(value: object, depth: int) -> bool:
    """Tell whether a value is nested no deeper than the log allows; what is can be compared at no risk."""
    if not isinstance(value, (dict, list)):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return depth > 0 and all(is_shallow(one, depth - 1) for one in inner)


def field(fields: Mapping[str, object], name: str) -> object:
    """Require a field; what a fact does not say cannot agree with anything."""
    if name not in fields:
        raise ReceiptError(f"it does not say {name}")
    return fields[name]


def differ(one: object, other: object) -> bool:
    """Compare as the log does, by canonical bytes: to Python, true is 1."""
    return canonical(one) != canonical(other)


# ==================================================================================== 3. Strict reading
# Every byte of the file is either hashed, signed, or has one permitted spelling. Where two spellings meant
# the same, two readers could see two things in one file, or a changed file could pass for the original.

FILE_KEYS = {"format", "origin", "events"}
EVENT_KEYS = {"header", "parts", "disclosed", "proof"}
HEADER_KEYS = {"account", "actor", "kind", "payload", "prev", "run_id", "run_seq", "ts"}
INTEGER_MAX = 2**53 - 1
YEAR_10000 = 253_402_300_800_000_000
HASH = "[0-9a-f]{64}"
DECIMAL = "0|[1-9][0-9]{0,18}"
NAME = "[a-z][a-z0-9_.-]{0,63}"
ORIGIN = r"haloop\.local/[A-Za-z0-9_.~-]+(/([2-9]|[1-9][0-9]{1,8}))?"


class Header(NamedTuple):
    """What the log hashed about one event; the parts stay outside and can be disclosed one by one."""

    account: str
    actor: str
    kind: str
    payload: str
    prev: str
    run_id: str
    run_seq: int
    ts: int
    leaf: bytes


class Proof(NamedTuple):
    """Where an event lies in the tree: its place, its path to the root, and the signed head."""

    leaf_index: int
    path: list[bytes]
    checkpoint: Checkpoint


class Checkpoint(NamedTuple):
    """A signed tree head: the signed text, what it says, and the signature lines under it."""

    text: bytes
    origin: str
    size: int
    root: bytes
    signatures: list[Signature]


class Signature(NamedTuple):
    """One signature line of a checkpoint."""

    name: str
    key_id: bytes
    signature: bytes


class LogKey(NamedTuple):
    """The log's verifier key, as given on the command line."""

    name: str
    key_id: bytes
    public_key: bytes


class PersonKey(NamedTuple):
    """A person's passkey, as given on the command line; the algorithm is its WebAuthn number."""

    algorithm: int
    public_key: bytes


class Event(NamedTuple):
    """One event of the receipt, read but not yet believed."""

    header: Header
    parts: dict[str, str]
    salts: dict[str, bytes]
    bodies: dict[str, bytes]
    proof: Proof


def read_file(data: bytes) -> tuple[str, list[object]]:
    """Read the outermost object: the log's origin and the events, unread."""
    if len(data) > FILE_BYTES_MAX:
        raise ReceiptError("the file is too large")
    value = parse(data)
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise ReceiptError(f'its "format" is not "{FORMAT}"')
    fields = read_object(value, "the file", FILE_KEYS)
    if json.dumps(fields, separators=(",", ":")).encode("ascii") + b"\n" != data:
        raise ReceiptError("it is not in the one permitted form: compact, sorted, ASCII, one newline at the end")
    events = fields["events"]
    if not isinstance(events, list) or not events:
        raise ReceiptError("it holds no events")
    return matching(ORIGIN, fields["origin"], "the origin"), events


def read_event(item: object) -> Event:
    """Read one event of the file."""
    fields = read_object(item, "the event", EVENT_KEYS)
    parts = {
        matching(NAME, name, "a part's name"): matching(HASH, value, f"the hash of part {name}")
        for name, value in read_object(fields["parts"], "the list of parts").items()
    }
    salts, bodies = {}, {}
    for name, value in read_object(fields["disclosed"], "the disclosed parts").items():
        if name not in parts:
            raise ReceiptError(f"it discloses {name}, which is none of its parts")
        disclosed = read_object(value, f"the disclosed part {name}", {"salt", "body"})
        salts[name] = from_base64(disclosed["salt"], f"the salt of {name}", 32)
        bodies[name] = from_base64(disclosed["body"], f"the body of {name}")
    header = read_header(text(fields["header"], "the header").encode("utf-8"))
    return Event(header, parts, salts, bodies, read_proof(text(fields["proof"], "the proof")))


def read_header(data: bytes) -> Header:
    """Read an event's header, which must be canonical, and compute its leaf hash."""
    value = read_canonical(data, "the header")
    claim = {"claim"} if isinstance(value, dict) and "claim" in value else set()
    fields = read_object(value, "the header", HEADER_KEYS | claim)
    if claim:
        matching(HASH, fields["claim"], "claim")
    moment = whole(fields["ts"], "ts", 0)
    if moment >= YEAR_10000:
        raise ReceiptError("its ts is beyond the year 9999")
    return Header(
        account=text(fields["account"], "account"),
        actor=text(fields["actor"], "actor"),
        kind=text(fields["kind"], "kind"),
        payload=matching(HASH, fields["payload"], "payload"),
        prev=matching(HASH, fields["prev"], "prev"),
        run_id=text(fields["run_id"], "run_id"),
        run_seq=whole(fields["run_seq"], "run_seq", 1),
        ts=moment,
        # 0x00 marks a leaf (RFC 6962), 0x01 is the version of the header's layout.
        leaf=sha256(b"\x00\x01", uint32(data), data),
    )


def read_proof(proof: str) -> Proof:
    """Read a proof in the format c2sp.org/tlog-proof@v1."""
    if re.search("[\x00-\x09\x0b-\x1f]", proof):
        raise ReceiptError("its proof contains control characters")
    top, _, note = proof.partition("\n\n")
    first, *lines = top.split("\n")
    # The format allows an "extra" line that nobody signs. A receipt has no use for one, so it is refused.
    if first != "c2sp.org/tlog-proof@v1" or not lines or not lines[0].startswith("index "):
        raise ReceiptError("its proof is not a c2sp.org/tlog-proof@v1 with an index")
    index = int(matching(DECIMAL, lines[0][len("index ") :], "the index"))
    path = [from_base64(line, "a hash of its path", 32) for line in lines[1:]]
    return Proof(index, path, read_checkpoint(note))


def read_checkpoint(note: str) -> Checkpoint:
    """Read a checkpoint (c2sp.org/tlog-checkpoint), which is a signed note (c2sp.org/signed-note)."""
    body, _, signatures = note.rpartition("\n\n")
    lines = body.split("\n")
    if len(lines) < 3 or not all(lines) or not signatures.endswith("\n"):
        raise ReceiptError("its checkpoint is not a signed note of at least three lines")
    signature_lines = signatures[:-1].split("\n")
    if len(signature_lines) > SIGNATURES_MAX:
        raise ReceiptError("its checkpoint carries too many signatures")
    return Checkpoint(
        text=f"{body}\n".encode(),
        origin=lines[0],
        size=int(matching(DECIMAL, lines[1], "the checkpoint's size")),
        root=from_base64(lines[2], "the checkpoint's root", 32),
        signatures=[read_signature(line) for line in signature_lines],
    )


def read_signature(line: str) -> Signature:
    """Read one signature line of a note."""
    found = re.fullmatch(r"— ([^\s+]+) ([A-Za-z0-9+/=]+)", line)
    if found is None:
        raise ReceiptError("a signature line of its checkpoint is malformed")
    data = from_base64(found.group(2), "a signature of its checkpoint")
    if len(data) < 5:
        raise ReceiptError("a signature of its checkpoint is too short")
    return Signature(found.group(1), data[:4], data[4:])


def read_log_key(key: str) -> LogKey:
    """Read a verifier key (c2sp.org/signed-note): name, id and Ed25519 key, joined by plus signs."""
    found = re.fullmatch(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)", key)
    data = from_base64(found.group(3), "--key") if found else b""
    if found is None or len(data) != 33 or data[0] != 0x01:
        raise ReceiptError("--key is not an Ed25519 verifier key (name+id+base64)")
    name, key_id = found.group(1), bytes.fromhex(found.group(2))
    try:
        expected = sha256(name.encode("utf-8"), b"\n", data)[:4]
    except UnicodeEncodeError:
        raise ReceiptError("--key is not UTF-8") from None
    if key_id != expected:
        raise ReceiptError("--key is damaged: its id is not that of its name and key")
    return LogKey(name, key_id, data[1:])


def read_person_key(key: str) -> PersonKey:
    """Read a person's public key: es256 with an uncompressed point, or eddsa with 32 bytes."""
    kind, _, encoded = key.partition(":")
    if kind == "es256":
        return PersonKey(-7, from_base64(encoded, "--person", 65))
    if kind == "eddsa":
        return PersonKey(-8, from_base64(encoded, "--person", 32))
    raise ReceiptError('--person must begin with "es256:" or "eddsa:"')


def parse(data: bytes) -> object:
    """Read JSON that can mean only one thing: no duplicate keys, no floats, no halves of characters."""
    try:
        value: object = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=sorted_object,
            parse_int=small_integer,
            parse_float=no_float,
            parse_constant=no_float,
        )
        canonical(value)  # fails on half a surrogate pair, which has no UTF-8 and could not be hashed
    except RecursionError:
        raise ReceiptError("its JSON is nested too deeply") from None
    except ValueError as problem:
        raise ReceiptError(f"its JSON cannot be read strictly: {problem}") from None
    return value


def sorted_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Build an object in canonical order (RFC 8785: by UTF-16 code units), refusing duplicate keys."""
    result = dict(sorted(pairs, key=lambda pair: pair[0].encode("utf-16-be", "surrogatepass")))
    if len(result) != len(pairs):
        raise ValueError("a key appears twice")  # one reader would take the first, another the last
    return result


def small_integer(digits: str) -> int:
    """Read an integer every JSON reader agrees on; the length is judged first, for speed."""
    if len(digits) > 17 or abs(int(digits)) > INTEGER_MAX:
        raise ValueError("an integer is too large")
    return int(digits)


def no_float(digits: str) -> object:
    """Refuse a float: its canonical spelling differs between languages."""
    raise ValueError(f"{digits[:20]} is not an integer")


def canonical(value: object) -> bytes:
    """Spell a parsed value canonically; its objects are already in order."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def read_canonical(data: bytes, what: str) -> object:
    """Read JSON that must be spelled canonically, since its bytes are what was hashed."""
    value = parse(data)
    if canonical(value) != data:
        raise ReceiptError(f"{what} is not canonical JSON")
    return value


def read_object(value: object, what: str, keys: Iterable[str] | None = None) -> dict[str, object]:
    """Require an object with exactly these keys."""
    if not isinstance(value, dict):
        raise ReceiptError(f"{what} is not an object")
    if keys is not None and set(value) != set(keys):
        raise ReceiptError(f"{what} must have exactly the keys {', '.join(sorted(keys))}")
    return value


def text(value: object, what: str) -> str:
    """Require a string that is not empty."""
    if not isinstance(value, str) or not value:
        raise ReceiptError(f"{what} is not a text")
    return value


def whole(value: object, what: str, least: int) -> int:
    """Require an integer of at least this size; true and false are no integers here."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ReceiptError(f"{what} is not an integer of at least {least}")
    return value


def matching(pattern: str, value: object, what: str) -> str:
    """Require a string that matches a pattern from end to end."""
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise ReceiptError(f"{what} is malformed")
    return value


def from_base64(value: object, what: str, length: int | None = None) -> bytes:
    """Decode base64 in its one spelling; a lenient decoder ignores stray characters and spare bits."""
    if not isinstance(value, str):
        raise ReceiptError(f"{what} is not a text")
    try:
        data = base64.b64decode(value, validate=True)
    except ValueError:
        raise ReceiptError(f"{what} is not base64") from None
    if base64.b64encode(data).decode("ascii") != value:
        raise ReceiptError(f"{what} is not in the one spelling of base64")
    if length is not None and len(data) != length:
        raise ReceiptError(f"{what} is not {length} bytes")
    return data


def from_base64url(value: object, what: str) -> bytes:
    """Decode base64url without padding, in its one spelling."""
    encoded = matching("[A-Za-z0-9_-]+", value, what)
    padded = encoded.replace("-", "+").replace("_", "/") + "=" * (-len(encoded) % 4)
    return from_base64(padded, what)


def to_base64url(data: bytes) -> str:
    """Encode as browsers do: base64url without padding."""
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def sha256(*pieces: bytes) -> bytes:
    """Hash the pieces, one after another."""
    return hashlib.sha256(b"".join(pieces)).digest()


def uint32(data: bytes) -> bytes:
    """Spell the length of some bytes, so that no two fields can trade bytes at their border."""
    return len(data).to_bytes(4, "big")


def shown(body: bytes) -> str:
    """Show the beginning of a disclosed body, or its size where it is no text."""
    try:
        characters = body.decode("utf-8")
    except UnicodeDecodeError:
        return f"({len(body)} bytes that are not text)"
    rest = len(characters) - SHOWN_CHARACTERS_MAX
    return characters[:SHOWN_CHARACTERS_MAX] + (f"... ({rest} more characters)" if rest > 0 else "")


def printable(line: str) -> str:
    """Escape what could steer a terminal or turn the reading order: controls, and all but Latin letters."""
    safe = (
        one if " " <= one <= "~" or (one <= "\u024f" and one.isprintable()) else f"\\u{ord(one):04x}" for one in line
    )
    encoding = sys.stdout.encoding or "ascii"
    return "".join(safe).encode(encoding, "backslashreplace").decode(encoding)


# =========================================================================================== 4. Ed25519
# RFC 8032, over the curve -x² + y² = 1 + d·x²·y². Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.
# The addition formula is complete: it needs no special cases, so there is none to get wrong.

ED_PRIME = 2**255 - 19
ED_ORDER = 2**252 + 0x14DEF9DEA2F79CD65812631A5CF5D3ED
ED_D = 0x52036CEE2B6FFE738CC740797779E89800700A4D4141D8AB75EB4DCA135978A3
ED_X = 0x216936D3CD6E53FEC0A4E231FDD6DC5C692CC7609525A7B2C9562D608F25D51A
ED_Y = 0x6666666666666666666666666666666666666666666666666666666666666658
ED_BASE = (ED_X, ED_Y, 1, ED_X * ED_Y % ED_PRIME)
ED_ZERO = (0, 1, 1, 0)


def ed25519_verify(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Verify an Ed25519 signature, strictly: no second spelling of a good one, no key that fits anything."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    key = ed25519_point(public_key)
    if key is None:
        return False
    doubled = ed25519_add(key, key)
    fourfold = ed25519_add(doubled, doubled)
    eightfold = ed25519_add(fourfold, fourfold)
    if eightfold[0] == 0 and eightfold[1] == eightfold[2]:
        return False  # a key of small order accepts one signature for many messages
    scalar = int.from_bytes(signature[32:], "little")
    if scalar >= ED_ORDER:
        return False  # adding the order would give a second valid signature for the same message
    digest = hashlib.sha512(signature[:32] + public_key + message).digest()
    challenge = int.from_bytes(digest, "little") % ED_ORDER
    minus_key = (-key[0], key[1], key[2], -key[3])
    x, y, z, _ = sum_of_multiples(ed25519_add, ED_ZERO, (scalar, ED_BASE), (challenge, minus_key))
    inverse = pow(z, -1, ED_PRIME)
    x, y = x * inverse % ED_PRIME, y * inverse % ED_PRIME
    # Comparing bytes, not points, refuses an R that is spelled in a second way.
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]


def ed25519_point(data: bytes) -> tuple[int, ...] | None:
    """Decode a point, or return nothing where the bytes are not the one spelling of a point."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= ED_PRIME:
        return None  # the same point has a shorter spelling
    x_squared = (y * y - 1) * pow(ED_D * y * y + 1, -1, ED_PRIME) % ED_PRIME
    x = pow(x_squared, (ED_PRIME + 3) // 8, ED_PRIME)
    if x * x % ED_PRIME != x_squared:
        x = x * pow(2, (ED_PRIME - 1) // 4, ED_PRIME) % ED_PRIME
    if x * x % ED_PRIME != x_squared:
        return None  # no point of the curve has this y
    if x == 0 and sign:
        return None  # zero has no sign: a second spelling again
    if x & 1 != sign:
        x = ED_PRIME - x
    return x, y, 1, x * y % ED_PRIME


def ed25519_add(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, ...]:
    """Add two points (RFC 8032, section 5.1.4)."""
    x1, y1, z1, t1 = first
    x2, y2, z2, t2 = second
    a = (y1 - x1) * (y2 - x2) % ED_PRIME
    b = (y1 + x1) * (y2 + x2) % ED_PRIME
    c = 2 * ED_D * t1 * t2 % ED_PRIME
    d = 2 * z1 * z2 % ED_PRIME
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % ED_PRIME, g * h % ED_PRIME, f * g % ED_PRIME, e * h % ED_PRIME


def sum_of_multiples(
    add: Callable[[tuple[int, ...], tuple[int, ...]], tuple[int, ...]],
    zero: tuple[int, ...],
    first: tuple[int, tuple[int, ...]],
    second: tuple[int, tuple[int, ...]],
) -> tuple[int, ...]:
    """Compute m·P + n·Q in one walk over the bits of m and n, on either curve."""
    (times_first, point), (times_second, other) = first, second
    choices = (zero, point, other, add(point, other))
    total = zero
    for place in range(max(times_first.bit_length(), times_second.bit_length()) - 1, -1, -1):
        total = add(total, total)
        choice = (times_first >> place & 1) | (times_second >> place & 1) << 1
        if choice:
            total = add(total, choices[choice])
    return total


# ============================================================================================= 5. P-256
# ECDSA with SHA-256 over y² = x³ - 3x + b (FIPS 186-5). Points are (X, Y, Z) with x = X/Z, y = Y/Z; the
# addition formula (Renes, Costello, Batina 2016) is complete on this curve, doubling and zero included.

P256_PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
P256_BASE = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    1,
)
P256_ZERO = (0, 1, 0)


def p256_verify(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Verify an ECDSA signature in DER by an uncompressed P-256 key.

    For every (r, s) there is a second valid signature (r, n - s), and passkeys send either; the receipt is
    not loosened by it, because the ledger has committed to the bytes of the one that was given.
    """
    numbers = p256_signature(signature)
    if numbers is None or len(public_key) != 65 or public_key[0] != 4:
        return False
    r, s = numbers
    if not (0 < r < P256_ORDER and 0 < s < P256_ORDER):
        return False  # zeros once passed for a signature of anything by anyone (CVE-2022-21449)
    x, y = int.from_bytes(public_key[1:33], "big"), int.from_bytes(public_key[33:], "big")
    if x >= P256_PRIME or y >= P256_PRIME:
        return False  # the same point, spelled in a second way
    if (y * y - x * x * x + 3 * x - P256_B) % P256_PRIME:
        return False  # off the curve lie weaker curves, where signatures can be made without the key
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    inverse = pow(s, -1, P256_ORDER)
    base_part = (digest * inverse % P256_ORDER, P256_BASE)
    key_part = (r * inverse % P256_ORDER, (x, y, 1))
    big_x, _, big_z = sum_of_multiples(p256_add, P256_ZERO, base_part, key_part)
    if big_z == 0:
        return False  # the point at infinity has no x to compare
    return big_x * pow(big_z, -1, P256_PRIME) % P256_PRIME % P256_ORDER == r


def p256_signature(data: bytes) -> tuple[int, int] | None:
    """Decode the DER pair of integers in a signature, or return nothing.

    What was read is spelled again and compared: that one comparison refuses negative numbers, spare zeros,
    long lengths and trailing bytes, each of them another spelling of a good signature.
    """
    if not 8 <= len(data) <= 72:
        return None  # two integers below 2**256 need no more, and no length then fills a second byte
    end_of_r = 4 + data[3]
    r, s = int.from_bytes(data[4:end_of_r], "big"), int.from_bytes(data[end_of_r + 2 :], "big")
    inner = der_integer(r) + der_integer(s)
    return (r, s) if bytes([0x30, len(inner)]) + inner == data else None


def der_integer(number: int) -> bytes:
    """Spell a non-negative integer in DER; a leading zero byte keeps it from reading as negative."""
    digits = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return bytes([0x02, len(digits)]) + digits


def p256_add(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, ...]:
    """Add two points."""
    x1, y1, z1 = first
    x2, y2, z2 = second
    xx, yy, zz = x1 * x2 % P256_PRIME, y1 * y2 % P256_PRIME, z1 * z2 % P256_PRIME
    xy, xz, yz = x1 * y2 + x2 * y1, x1 * z2 + x2 * z1, y1 * z2 + y2 * z1
    mixed = 3 * (P256_B * zz - xz) % P256_PRIME
    lower, upper = yy - mixed, yy + mixed
    slope = 3 * (xx - zz)
    shift = 3 * (P256_B * xz - xx - 3 * zz) % P256_PRIME
    return (
        (xy * lower - yz * shift) % P256_PRIME,
        (upper * lower + slope * shift) % P256_PRIME,
        (yz * upper + xy * slope) % P256_PRIME,
    )


if __name__ == "__main__":
    sys.exit(main())
