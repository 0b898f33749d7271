"""Which gate or run somebody means: the whole id, an end of it that fits one alone, or the inbox's number."""

from collections.abc import Sequence

from haloop.cli.shown import recall
from haloop.client import Client
from haloop.kernel.errors import BadInput
from haloop.settings import Settings
from haloop.wire.gates import GateOut
from haloop.wire.people import AccountOut, PersonOut

END_LETTERS_MIN = 4
_SHORT_LETTERS = 6
_PAGE = 100


async def gate_named(settings: Settings, client: Client, name: str) -> GateOut:
    """The gate that is meant."""
    if name.startswith("gate_"):
        return await client.gate(name)
    if is_number(name):
        return await client.gate(recall(settings, int(name)))
    gates = {gate.id: gate for gate in await waiting_gates(client)}
    return gates[_only(name, list(gates), "gate that waits")]


async def run_named(client: Client, name: str) -> str:
    """The id of the run that is meant."""
    if name.startswith("run_"):
        return name
    return _only(name, [run.id for run in (await client.runs(limit=200)).runs], "run among the newest")


async def person_named(client: Client, name: str) -> PersonOut:
    """The person that is meant, by the whole name, the id, or an end of it."""
    people = {one.id: one for one in await client.people()}
    called = [one for one in people.values() if name in (one.id, one.name)]
    return called[0] if len(called) == 1 else people[_only(name, list(people), "person of the account")]


async def account_named(client: Client, name: str) -> AccountOut:
    """Your account that is meant, by its name, its id, or an end of it."""
    accounts = await client.accounts()
    found = [one for one in accounts if name in (one.id, one.name)] or [
        one for one in accounts if len(name) >= END_LETTERS_MIN and one.id.endswith(name)
    ]
    if len(found) != 1:
        many = "More than one of your accounts is" if found else "None of your accounts is"
        there = ", ".join(f"{one.name or 'without a name'} ({one.id})" for one in accounts)
        raise BadInput(
            f"{many} {name!r}. There are: {there}.",
            code="usage.account",
            next_step=f"Give the name, the id, or an end of it with at least {END_LETTERS_MIN} letters.",
        )
    return found[0]


async def waiting_gates(client: Client) -> list[GateOut]:
    """Everything that waits, the oldest first."""
    found: list[GateOut] = []
    while page := (await client.gates(after=found[-1].id if found else None, limit=_PAGE)).gates:
        found += page
        if len(page) < _PAGE:
            break
    return found


def is_number(name: str) -> bool:
    """Whether this is a number of the inbox, and too short for the end of an id."""
    return name.isascii() and name.isdigit() and len(name) < END_LETTERS_MIN


def short(name: str) -> str:
    """The end of an id that people read and type: of a gate with its number."""
    _, _, rest = name.partition("_")
    letters, mark, number = rest.partition("_")
    return letters[-_SHORT_LETTERS:] + mark + number


def _only(end: str, names: Sequence[str], what: str) -> str:
    found = [name for name in names if name.endswith(end)] if len(end) >= END_LETTERS_MIN else []
    if len(found) != 1:
        many = "more than one" if found else "no"
        raise BadInput(
            f"{end!r} is the end of {many} {what}.",
            code="usage.name",
            next_step=f"Give the whole id, or an end of it with at least {END_LETTERS_MIN} letters.",
        )
    return found[0]
