"""The everyday commands, each loaded once somebody types it, so that `haloop --help` stays quick.

They ask a running Haloop over HTTP, and what that takes costs more to load than all the rest of the program.
"""

from importlib import import_module
from typing import Any

import click


class Later(click.Command):
    """A command whose file is read when it is wanted."""

    def __init__(self, name: str, short_help: str) -> None:
        super().__init__(name, short_help=short_help)

    def load(self) -> click.Command:
        """The command itself."""
        file = str(self.name).replace("-", "_")
        loaded: click.Command = getattr(import_module(f"haloop.cli.{file}"), file)
        return loaded

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,  # noqa: ANN401  # click's own
    ) -> click.Context:
        return self.load().make_context(info_name, args, parent, **extra)


EVERYDAY = (
    Later("ask", "Ask for something."),
    Later("inbox", "What waits for you, oldest first."),
    Later("show", "A run with its trail, or a gate with its whole card."),
    Later("approve", "Say yes to a gate, or several, after reading its card."),
    Later("decline", "Say no to a gate."),
    Later("change", "Say what should be different; that is no yes."),
    Later("extend", "Give people more time to answer a gate."),
    Later("settle", "Say how an effect ended of which nobody knew."),
    Later("watch", "What happens, as it happens."),
    Later("activity", "The newest runs, a line each."),
    Later("missions", "Software work in steps: begin, read, change, let go on, send back."),
    Later("receipts", "The receipts of a run, and how a stranger checks them."),
    Later("artifacts", "The files that a run refers to; fetch them, or add one."),
    Later("proof", "That an event is in the ledger, or that nothing was changed since a checkpoint."),
    Later("cancel", "End a run as soon as nothing is under way that cannot be taken back."),
    Later("erase", "Make what a run said unreadable for good."),
    Later("grants", "The standing permissions of the account: list, ask for one, revoke."),
    Later("budgets", "The most that the account may spend: show it, set it."),
    Later("notices", "How you are told what waits for you."),
    Later("owner", "An owner's word about the home: its clock, the end of a recovery."),
    Later("mcp", "The door for agents, over MCP."),
    Later("tokens", "The tokens of the agents that may propose."),
    Later("people", "Who belongs to the account, and what they may do."),
    Later("invitations", "Letting somebody into the account."),
    Later("logins", "By which logins people come in from elsewhere."),
    Later("accounts", "The accounts you belong to."),
    Later("sessions", "The browsers in which you are known."),
    Later("stop-agents", "Stop every agent at once, now."),
    Later("defaults", "What each desk takes where nobody says."),
    Later("town", "The practice town's servers and their troubles."),
    Later("resume-agents", "Let work begin again after that."),
)
