"""`haloop stop-agents`: the switch for an owner who has seen enough. It asks nothing: a question costs seconds."""

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.reaching import reach
from haloop.client import Client
from haloop.settings import Settings


@click.command("stop-agents")
@click.option("--reason", default="", help="Why, for the ledger.")
@answering
def stop_agents(settings: Settings, reason: str) -> Answer:
    """Stop every agent at once, now, without a question.

    Their tokens open nothing any more, what was approved and not yet begun is void, grants rest, and nothing begins.
    Whoever works on a mission is ended, with what it was asking its model. What has left the house already is seen to
    its end. Haloop itself goes on: look what happened, and say no.
    """
    return reach(settings, lambda client: _stop(client, reason))


async def _stop(client: Client, reason: str) -> Answer:
    await client.stop_agents(reason=reason)
    under_way = [run.id for run in (await client.runs(waiting=True, limit=200)).runs if run.newest == "effect.intended"]
    begun = [f"{run} had already sent something; haloop show {run} tells how that ends." for run in under_way]
    return Answer(
        lines=[
            "Every agent is stopped. Nothing begins until an owner says so; your word stands in the ledger.",
            *begun,
            "next: haloop activity, haloop inbox; then haloop resume-agents, and new tokens for whom you still trust.",
        ],
        document={"agents_stopped": True, "under_way": list(under_way)},
    )
