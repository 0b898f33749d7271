"""What happened, in words: one line for each event, with its time and whoever did it."""

from collections.abc import Mapping
from typing import Any

from haloop.cli.naming import short
from haloop.client import Client
from haloop.kernel.money import Money
from haloop.kernel.queueing import HAS_COME
from haloop.wire.told import Told

SENTENCES: Mapping[str, str] = {
    "run.started": "asked for {desk}.{procedure}",
    "run.parked": "cannot go on with it: {sentence}",
    "run.cancelling": "cancels the run: {reason}",
    "run.ended": "ended the run, {code}: {reason}",
    "run.recorded": "noted {what}",
    "run.queued": "waits for a {what}, as number {place} in the queue",
    "artifact.added": "added {name}, {size} bytes",
    "child.started": "began {desk}.{procedure}",
    "step.begun": "works on {operation}",
    "step.done": "finished {operation}",
    "step.failed": "could not do {operation}: {sentence}",
    "sleep.begun": "rests for a while",
    "sleep.over": "goes on",
    "wait.begun": "waits for {arrival}: {key}",
    "wait.over": "waits no longer",
    "gate.opened": "asks for a yes: gate {gate}",
    "gate.changing": "wants it different: {change}",
    "gate.revised": "asks again, with revision {revision}: gate {gate} {problem}",
    "gate.answered": "said yes; more is needed: gate {gate}",
    "gate.approved": "said yes: gate {gate}, revision {revision}",
    "gate.refused": "said no: gate {gate} {reason}",
    "gate.expired": "had no answer in time, which means no: gate {gate}",
    "gate.withdrawn": "no longer asks: gate {gate} {reason}",
    "gate.escalated": "lets more people answer: gate {gate}",
    "gate.extended": "gave more time: gate {gate}",
    "answer.refused": "gave an answer that does not count: gate {gate}, {sentence}",
    "effect.intended": "is about to do {operation}, {cost_max}",
    "effect.resent": "sends {effect} again",
    "effect.uncertain": "does not know whether {effect} happened: {sentence}",
    "effect.happened": "did {effect}, {charged}",
    "effect.not_done": "did not do {effect}: {sentence}",
    "effect.contradicted": "was wrong about {effect}: {sentence}",
    "person.added": "welcomed {name}",
    "person.removed": "said goodbye to {person}",
    "credential.enrolled": "enrolled a passkey",
    "credential.revoked": "took a passkey away",
    "recovery_code.made": "had a recovery code made",
    "roles.changed": "gave {person} other roles: {roles}",
    "account.named": "called the account {name}",
    "invitation.made": "invited {name}",
    "invitation.withdrawn": "took an invitation back",
    "invitation.redeemed": "accepted an invitation",
    "login.linked": "linked a login",
    "login.unlinked": "took a login away",
    "token.issued": "gave {agent} a token",
    "token.revoked": "took a token back",
    "agents.stopped": "stopped every agent: {reason}",
    "agents.resumed": "let work go on",
    "defaults.set": "set what {desk} takes where nobody says",
    "rules.set": "set the account's rules",
    "change.refused": "tried to change what takes somebody else: {change}, {sentence}",
    "grant.given": "gave grant {grant}",
    "grant.revoked": "took grant {grant} back",
    "grant.suspended": "suspended grant {grant}: {sentence}",
    "inbox.arrived": "received {arrival}: {key}",
    "spending.kept": "keeps in mind what an erased run spent",
    "schedule.set": "set schedule {schedule}",
    "schedule.fired": "began what schedule {schedule} asks for {problem}",
}
"""Each kind of fact, after the name of whoever did it."""

_TURN_HAS_COME = "has its turn at a {what}"
_UNDER_A_GRANT = "opened gate {gate} under grant {grant}"
_NAMES_GATES = "gate"


async def names_of(client: Client) -> Mapping[str, str]:
    """The names of the account's people, as far as whoever asks may know them."""
    if (await client.me()).person is None:
        return {}
    return {person.id: person.name for person in await client.people()}


def told_line(told: Told, names: Mapping[str, str]) -> str:
    """An event as a line."""
    return f"{moment(told.at)}  {actor_words(told.actor, names)} {_sentence(told)}"


def actor_words(actor: str, names: Mapping[str, str]) -> str:
    """Whoever did it, by the name people know."""
    kind, _, name = actor.partition(":")
    match kind:
        case "person":
            return names.get(name, f"person {short(name)}")
        case "agent":
            return f"agent {name}"
        case "kernel":
            return "Haloop"
    return actor


def moment(text: str) -> str:
    """A time as it goes over the wire, to the second."""
    return text[:19].replace("T", " ") + "Z"


def _sentence(told: Told) -> str:
    if told.says is None:
        return f"{told.kind} (what it said is erased)"
    match told.kind:
        case "gate.approved" if told.says.get("grant") is not None:
            sentence = _UNDER_A_GRANT
        case "run.queued" if told.says.get("place") == HAS_COME:
            sentence = _TURN_HAS_COME
        case kind:
            sentence = SENTENCES.get(kind, kind)
    return sentence.format_map(_Words(told.says)).strip(" ,:")


class _Words(dict[str, Any]):
    """What a fact says, each field as people read it; nothing for what it does not say."""

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        match value:
            case None:
                return ""
            case {"minor": int(minor), "currency": str(currency)}:
                amount = Money(minor=minor, currency=currency).format()
                return f"at most {amount}" if name.endswith("_max") else amount
            case str() if name == _NAMES_GATES:
                return short(value)
        return str(value)
