"""`haloop key`: the public keys with which a stranger checks this home's checkpoints and receipts."""

import click

from haloop.cli.answer import Answer, answering
from haloop.cli.view import view_of
from haloop.settings import Settings


@click.command()
@click.argument("account", required=False)
@answering
def key(settings: Settings, account: str | None) -> Answer:
    """Print the verifier keys, one line for each account.

    A key is public: give it to whoever shall check your receipts, by another way than the receipts.
    """
    with view_of(settings.home) as view:
        found = {tree.account: str(view.verifier_key(tree)) for tree in view.trees(account)}
    return Answer(lines=list(found.values()), document={"keys": {str(one): text for one, text in found.items()}})
