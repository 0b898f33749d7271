"""`haloop resume-agents`: an owner lets work begin again after `haloop stop-agents`."""

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.reaching import reach
from haloop.client import Client
from haloop.settings import Settings


@click.command("resume-agents")
@answering
def resume_agents(settings: Settings) -> Answer:
    """Let work begin again after haloop stop-agents.

    What the stop took away does not come back by itself: make new tokens, give new grants, and approve anew.
    """
    return reach(settings, _resume)


async def _resume(client: Client) -> Answer:
    await client.resume_agents()
    return Answer(
        lines=[
            "Work may begin again; your word stands in the ledger.",
            "next: haloop tokens new AGENT for each that may propose again; grants and approvals are given anew too.",
        ],
        document={"agents_stopped": False},
    )
