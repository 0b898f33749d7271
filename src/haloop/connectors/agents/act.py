"""What an agent wants to do: the parts of it that a person would read, and the hash that an answer is kept under.

What merely reads, or writes where the agent may write, needs nobody; in a step that is told no, only what reads there
or writes the step's own file. It is the agent's own word that says so, and nothing hangs on its being true: the sandbox
is what holds. Everything else asks, and so does all that names a command, whatever it says it is.
"""

from collections.abc import Iterator, Mapping
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
_READS = frozenset({"read", "search"})
_EDIT, _UNKNOWN = "edit", "other"
_HARMLESS = _READS | {_EDIT, "delete", "move"}
"""Inside its own folder."""
_COMMANDS = frozenset({"command", "commands", "cmd", "script"})
"""Where agents name what they would run."""


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
    has_command: bool
    """It names something to run, or says of the call what has no names at all."""

    @classmethod
    def of(cls, call: ToolCallUpdate) -> "Act":
        """What a call for permission is about; ValueError where it cannot be read."""
        edits = [one for one in call.content or () if isinstance(one, FileEditToolCallContent)]
        kind = call.kind or _UNKNOWN
        has_command = _is_command(call.raw_input)
        is_said_by_changes = bool(edits) and kind == _EDIT and not has_command
        return cls(
            kind=kind,
            title=_plain(call.title or ""),
            paths=tuple(_plain(one.path) for one in (*(call.locations or ()), *edits)),
            changes=tuple(
                Change(path=_plain(one.path), before=_plain(one.old_text or ""), after=_plain(one.new_text))
                for one in edits
            ),
            told="" if is_said_by_changes or call.raw_input is None else to_json(call.raw_input).decode(),
            has_command=has_command,
        )

    @property
    def is_harmless(self) -> bool:
        """Whether it says that it stays in its folder, and does what is done there."""
        return self.kind in _HARMLESS and self._stays_inside

    def only_looks(self, *, leaving: str) -> bool:
        """Whether it says that it reads in its folder, or edits the one file that its step is to leave."""
        is_its_own = self.kind == _EDIT and {_place_of(path) for path in self.paths} == {leaving}
        return self._stays_inside and (self.kind in _READS or is_its_own)

    @property
    def _stays_inside(self) -> bool:
        is_inside = bool(self.paths) and all(_place_of(path).startswith(f"{FOLDER}/") for path in self.paths)
        return is_inside and not self.has_command

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


def _is_command(told: object) -> bool:
    return not _COMMANDS.isdisjoint(told) if isinstance(told, Mapping) else told is not None


def _place_of(path: str) -> str:
    return normpath(join(FOLDER, path))


def _difference(change: Change) -> str:
    before, after = change.before.splitlines(), change.after.splitlines()
    if len(before) + len(after) > _COMPARED_LINES_MAX:  # to find what two long texts share takes too long
        lines = [*(f"-{line}" for line in before), *(f"+{line}" for line in after)]
    else:
        lines = list(unified_diff(before, after, lineterm=""))[2:]
    return "\n".join((change.path, *lines))
