"""`haloop doctor`: what is wrong here, and what to do about it."""

import asyncio

import click

from haloop.cli.answer import Answer, answering
from haloop.kernel.clock import SystemClock
from haloop.kernel.errors import BadInput, Exit
from haloop.kernel.reader import BUILT_IN
from haloop.ports.sandboxes import Network, NoSandbox
from haloop.settings import Settings
from haloop.store.doctor import Check, Verdict, examine


@click.command()
@answering
def doctor(settings: Settings) -> Answer:
    """Look at this machine and the home, one line for each check. Nothing is changed."""
    checks = [
        *examine(settings.home, settings.state, SystemClock()),
        *_model(settings),
        asyncio.run(_sandbox(settings)),
        *_room(settings),
    ]
    width = max(len(check.name) for check in checks)
    lines = [f"{one.verdict:4}  {one.name:{width}}  {one.sentence} {one.next_step}".rstrip() for one in checks]
    failed = [check.name for check in checks if check.verdict is Verdict.FAILED]
    return Answer(
        lines=lines,
        document={
            "checks": [
                {
                    "name": check.name,
                    "next_step": check.next_step,
                    "sentence": check.sentence,
                    "verdict": str(check.verdict),
                }
                for check in checks
            ],
            "ok": not failed,
        },
        exit=Exit.BAD if failed else Exit.OK,
    )


def _model(settings: Settings) -> list[Check]:
    """Whether the model that is switched on can be asked, as far as that is seen without asking it."""
    if settings.model_provider == BUILT_IN:
        return []
    from haloop.outward import model_host  # noqa: PLC0415  # a second that is spent only where there is a model

    try:
        host = model_host(settings)
    except BadInput as error:
        return [Check(name="model", verdict=Verdict.FAILED, sentence=error.sentence, next_step=error.next_step)]
    assert host is not None, "the provider is not the built-in reader"
    return [Check(name="model", verdict=Verdict.OK, sentence=f"{host.name} reads plain words.")]


async def _sandbox(settings: Settings) -> Check:
    """Which provider of sandboxes works, and why not another: the smallest sandbox there is was started and is gone."""
    from haloop.connectors.sandboxes.choosing import AUTO, choosing  # noqa: PLC0415  # only this command needs it
    from haloop.sandboxing import wanted  # noqa: PLC0415  # the same

    try:
        async with choosing(wanted(settings)) as chosen:
            passed_over = " ".join(chosen.passed_over)
            sentence = f"Agents' programs work in {chosen.sandboxes.name}. {passed_over}".rstrip()
            if Network.BRIDGE not in chosen.sandboxes.networks:
                sentence += " A step that needs the internet is refused there, and works in docker."
            return Check(name="sandbox", verdict=Verdict.OK, sentence=sentence)
    except NoSandbox as error:
        verdict = Verdict.NOTE if settings.sandbox_provider == AUTO else Verdict.FAILED
        return Check(name="sandbox", verdict=verdict, sentence=error.sentence, next_step=error.next_step)


def _room(settings: Settings) -> list[Check]:
    """Whether this machine has the memory that all steps at once, and the agents that wait, may use."""
    from haloop.connectors.sandboxes.room import at_once, memory_bytes, too_many  # noqa: PLC0415  # the same

    memory = memory_bytes()
    count = at_once(settings.sandbox_at_once, memory)
    sentence = too_many(count, memory)
    next_step = "Set sandbox.at_once to that, or give it more memory." if count > 1 else "Give it more memory."
    return [Check(name="memory", verdict=Verdict.NOTE, sentence=sentence, next_step=next_step)] if sentence else []
