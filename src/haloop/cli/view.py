"""A home looked at from the outside: read-only, beside a running process, on any folder that can be read."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from pathlib import Path

from haloop.kernel import canonical
from haloop.kernel.checkpoint import VerifierKey, open_note
from haloop.kernel.errors import BadNote, NotFound
from haloop.kernel.ids import account_id
from haloop.kernel.ledger import origin
from haloop.store import schema
from haloop.store.bodies import Bodies
from haloop.store.database import open_for_reading
from haloop.store.home import Home
from haloop.store.keys import KeyRing
from haloop.store.reader import Reader, StoredCheckpoint, Tree
from haloop.store.signing import verify_ed25519


class View:
    """Questions to a home, for one command. Keys are opened only when something said must be read."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self._home = Home(path)
        self._stack = stack
        connection = open_for_reading(
            self._home.ledger, application_id=schema.LEDGER_APPLICATION_ID, version=schema.VERSION
        )
        self.reader = Reader(stack.enter_context(closing(connection)))

    @cached_property
    def bodies(self) -> Bodies:
        keys = KeyRing.open_read_only(self._home.keys)
        return Bodies(self.reader, self._stack.enter_context(closing(keys)))

    def trees(self, account: str | None) -> list[Tree]:
        """All trees, or the one of this account."""
        return self.reader.trees() if account is None else [self.tree(account)]

    def tree(self, account: str) -> Tree:
        return self.reader.tree(account_id(account))

    def newest_checkpoint(self, tree: Tree) -> StoredCheckpoint:
        found = self.reader.newest_checkpoint(tree.number)
        if found is None:
            raise NotFound(
                f"No checkpoint of {tree.account} has been signed yet.",
                next_step="One is signed within a second while the ledger runs; try again.",
            )
        return found

    def verifier_key(self, tree: Tree) -> VerifierKey:
        """The key this tree's checkpoints are signed with: the one under the newest, else the newest enrolled."""
        newest = self.reader.newest_checkpoint(tree.number)
        named = origin(tree.account, newest.epoch if newest else 1)
        keys = [VerifierKey.of(named, signer) for signer in self.signers]
        if not keys:
            raise NotFound("This home has not said which key it signs with.")
        signed = [key for key in keys if newest is not None and _signed_by(key, newest.note)]
        return signed[-1] if signed else keys[-1]

    @cached_property
    def signers(self) -> list[bytes]:
        """The public keys this home says it signs with, the newest last."""
        found = []
        for tree in self.reader.trees():
            if tree.account.startswith("sys_"):
                for event in self.reader.facts(tree.number, "signer.enrolled"):
                    match canonical.decode(self.bodies.open(event, "signer").body):
                        case {"ed25519": str(key)}:
                            found.append(bytes.fromhex(key))
        return found


@contextmanager
def view_of(path: Path) -> Iterator[View]:
    """Open a home for looking."""
    with ExitStack() as stack:
        yield View(path, stack)


def _signed_by(key: VerifierKey, note: str) -> bool:
    try:
        open_note(note, key, verify_ed25519)
    except BadNote:
        return False
    return True
