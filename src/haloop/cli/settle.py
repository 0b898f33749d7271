"""`haloop settle`: a person's word on how an effect ended of which nobody knew."""

from collections.abc import Iterator, Sequence

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.approve import TakesPasskey
from haloop.cli.arguments import read_json
from haloop.cli.card import argument_words
from haloop.cli.naming import run_named, short
from haloop.cli.offers import taken_lines
from haloop.cli.reaching import reach
from haloop.cli.run_page import how_it_ended
from haloop.cli.telling import moment
from haloop.client import Client
from haloop.kernel.errors import BadInput, Exit
from haloop.settings import Settings
from haloop.wire.gates import Found, UncertainOut


@click.command()
@click.argument("run", metavar="RUN")
@click.argument("effect", metavar="[EFFECT]", required=False)
@click.option("--happened", "result", metavar="JSON", help="It happened, and this is what came of it.")
@click.option("--did-not-happen", "absent", is_flag=True, help="It certainly did not happen.")
@click.option("--because", default="", help="How you know; it stands in the ledger.")
@answering
def settle(
    settings: Settings,
    run: str,
    effect: str | None,
    result: str | None,
    absent: bool,  # noqa: FBT001
    because: str,
) -> Answer:
    """Say how an EFFECT of RUN ended of which nobody knows, once you have found out. It takes what approving took.

    With neither --happened nor --did-not-happen it shows what is uncertain, and what a finding has to say.
    """
    if result is not None and absent:
        raise BadInput("It cannot have happened and not happened.", code="usage.bad")
    if result is None and not absent:
        return reach(settings, lambda client: _list(client, run))
    found = {"happened": not absent, "result": None if result is None else _read(result), "sentence": because}
    return reach(settings, lambda client: _settle(client, run, effect, found))


def _read(result: str) -> object:
    try:
        found: object = read_json(result)
    except ValueError as error:
        next_step = "Write what came of it as JSON; haloop settle RUN shows what is asked for."
        raise BadInput(f"{result[:60]!r} is not JSON.", code="usage.bad", next_step=next_step) from error
    return found


async def _list(client: Client, name: str) -> Answer:
    run = await run_named(client, name)
    found = await client.uncertain(run)
    return Answer(
        lines=[line for one in found for line in _lines(run, one)] or ["Nothing in it is uncertain."],
        document={"run": run, "uncertain": [one.model_dump() for one in found]},
    )


async def _settle(client: Client, name: str, effect: str | None, found: dict[str, object]) -> Answer:
    run = await run_named(client, name)
    meant = _meant(await client.uncertain(run), effect)
    if meant.passkey:
        raise TakesPasskey(
            "This takes a passkey, which a terminal cannot ask.",
            next_step=f"Settle it in the browser: {client.address}/",
        )
    await client.settle(meant.gate, Found.model_validate({"effect": meant.effect, **found}))
    after = await client.run(run)
    said = "happened" if found["happened"] else "did not happen"
    return Answer(
        lines=[f"{meant.effect} {said}, by your word; now: {how_it_ended(after)}"],
        document={"effect": meant.effect, "run": after.model_dump()},
        exit=Exit.OK,
    )


def _meant(found: Sequence[UncertainOut], effect: str | None) -> UncertainOut:
    fits = [one for one in found if effect in (None, one.effect)]
    if len(fits) != 1:
        known = ", ".join(one.effect for one in found) or "nothing"
        raise BadInput(
            f"It is not clear which effect is meant: {known} is uncertain here.",
            code="usage.name",
            next_step="Name one of them, as haloop settle RUN shows it.",
        )
    return fits[0]


def _lines(run: str, one: UncertainOut) -> Iterator[str]:
    where = "for real" if one.live else "in practice"
    yield f"{one.effect}: {one.operation}({argument_words(one.executed)}) by {one.connector}, {where}"
    yield f"  begun {moment(one.begun_at)}; nobody knows how it ended: {one.sentence}"
    yield "  ask there, then say one of:"
    yield f"  haloop settle {short(run)} {one.effect} --did-not-happen"
    yield f"  haloop settle {short(run)} {one.effect} --happened JSON, with"
    yield from (f"    {line}" for line in taken_lines(one.result))
