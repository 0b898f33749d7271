"""What an agent wants to do: the parts of it that a person would read, and the hash that an answer is kept under.

What merely reads, or writes where the agent may write, needs nobody. It is the agent's own word that says so, and
nothing hangs on its being true: the sandbox is what holds. Everything else asks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from hashlib import sha256
from posixpath import join, normpath

from acp.schema import FileEditToolCallContent, ToolCallUpdate
from pydantic_core import from_json, to_json

from haloop.kernel import canonical
from haloop.ports.agents import Asks
from haloop.ports.sandboxes import FOLDER

SIZE_MAX = 8 * 1024
"""What is larger, nobody would read, and a card has no room for it; it is refused."""
_COMPARED_LINES_MAX = 1_000
_HARMLESS = frozenset({"read", "search", "edit", "delete", "move"})
"""Inside its own folder."""
_EDIT, _UNKNOWN = "edit", "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What would be in a file instead of what is there."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing that it wants to do once; another attempt that wants the same has the same."""

    kind: str
    title: str
    paths: tuple[str, ...]
    changes: tuple[Change, ...]
    told: str
    """All that it says of the call, as JSON; nothing where it edits and the changes say it."""

    @classmethod
    def of(cls, call: ToolCallUpdate) -> "Act":
        """What a call for permission is about; ValueError where it cannot be read."""
        edits = [one for one in call.content or () if isinstance(one, FileEditToolCallContent)]
        kind = call.kind or _UNKNOWN
        is_said_by_changes = bool(edits) and kind == _EDIT
        return cls(
            kind=kind,
            title=_plain(call.title or ""),
            paths=tuple(_plain(one.path) for one in (*(call.locations or ()), *edits)),
            changes=tuple(
                Change(path=_plain(one.path), before=_plain(one.old_text or ""), after=_plain(one.new_text))
                for one in edits
            ),
            told="" if is_said_by_changes or call.raw_input is None else to_json(call.raw_input).decode(),
        )

    @property
    def is_harmless(self) -> bool:
        """Whether it says that it stays in its folder, and does what is done there."""
        return self.kind in _HARMLESS and bool(self.paths) and all(map(_is_inside, self.paths))

    @property
    def size(self) -> int:
        return sum(map(len, self._texts()))

    @property
    def digest(self) -> str:
        return sha256(canonical.encode(list(self._texts()))).hexdigest()

    def asks(self) -> Asks:
        """The question it comes to."""
        return Asks(act=self.digest, title=self.title, kind=self.kind, detail=self.detail)

    @property
    def detail(self) -> str:
        """The difference it would make, or the command it would run."""
        return "\n".join((*map(_difference, self.changes), _shown(self.told))).strip() or "\n".join(self.paths)

    def _texts(self) -> Iterator[str]:
        """All of it, with how many there are of what may be several."""
        yield from (self.kind, self.title, self.told, str(len(self.paths)), *self.paths)
        for change in self.changes:
            yield from (change.path, change.before, change.after)


def _shown(told: str) -> str:
    """The command where it says nothing else; else all of it, as it is."""
    match from_json(told) if told else None:
        case {"command": str(command), **more} if not more:
            return command
    return told


def _plain(text: str) -> str:
    """Half of a character, which JSON can hold and UTF-8 cannot, becomes a question mark."""
    return text.encode(errors="replace").decode()


def _is_inside(path: str) -> bool:
    return normpath(join(FOLDER, path)).startswith(f"{FOLDER}/")


def _difference(change: Change) -> str:
    before, after = change.before.splitlines(), change.after.splitlines()
    if len(before) + len(after) > _COMPARED_LINES_MAX:  # to find what two long texts share takes too long
        lines = [*(f"-{line}" for line in before), *(f"+{line}" for line in after)]
    else:
        lines = list(unified_diff(before, after, lineterm=""))[2:]
    return "\n".join((change.path, *lines))
