"""Missions: begin one, see how far it is, change a file, let it go on, or say that it is done.

A mission is a run, and every word about it is a fact of that run: what goes on here is what goes on at its gates. Who
reads a mission is shown a gate's draft; who then goes on says yes to that draft, and to no later one.
"""

import asyncio
import logging
import re
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import ClassVar, TypeVar

from haloop.connectors.projects.difference import FileChange, Hunk, hunks_of, read_listing
from haloop.desks.missions.drafts import Edit
from haloop.desks.missions.mission import PERMISSION, Brief, MissionType, mission, mission_of, run_of_mission
from haloop.desks.missions.progress import FORCED, MissionStatus, Progress
from haloop.desks.missions.workflow import RAW_INPUT
from haloop.engines.decisions import GateView
from haloop.engines.local import LocalEngine
from haloop.identity import Caller, NotAllowed
from haloop.kernel import values
from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import AnswerRefused, BadInput, ForeignRun, NotFound, Refused
from haloop.kernel.fact import ChangeTurnedAway, Fact
from haloop.kernel.failure import Permanent
from haloop.kernel.gate import Answer, GateId, GateStatus, Verdict, View
from haloop.kernel.ids import AccountId, PersonId, RunId
from haloop.kernel.passkey import Site
from haloop.kernel.people import Proof, Role
from haloop.ports.agents import ARTIFACT_NAME, Artifact
from haloop.ports.models import Cost, Spending
from haloop.ports.projects import PART_NAME, Change, Project
from haloop.store.sqlite import SqliteLedger
from haloop.workshop.files import LedgerFiles
from haloop.workshop.known import KnownMissions
from haloop.workshop.telling import tag_of
from haloop.workshop.templates import STANDARD, Readings, Templates

log = logging.getLogger("haloop.workshop")

ARTIFACT_BYTES_MAX = 4 << 20
"""As much as an agent may leave."""
VERSIONS_MAX = 300
VIEW = View(language="en", renderer="missions/1", catalogue="0" * 64)
"""How a mission's page showed a card that it has no message catalogue for: as data."""
_SERVED_MAX = 10_000
_ANSWER_SECONDS = 60
_WAIT_SECONDS = 30.0
_SECOND = 1_000_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A mission that somebody asks for."""

    title: str
    type: MissionType
    raw: str
    template: str = STANDARD


class ChangedSince(AnswerRefused):
    """Somebody else changed the file first; what stands now comes along, so that nothing is lost."""

    code = "mission.changed"
    next_step = "Read it again; then change or approve what stands there now."

    since: ClassVar = "was changed since you read it."

    def __init__(self, artifact: str, now: str) -> None:
        super().__init__(f"{artifact} {self.since}")
        self.artifact = artifact
        self.now = now

    @property
    def stands(self) -> dict[str, str]:
        """What there is now."""
        return {"artifact": self.artifact, "now": self.now}


@dataclass(slots=True, kw_only=True)
class Missions:
    """The missions of one home."""

    ledger: SqliteLedger
    engine: LocalEngine
    files: LedgerFiles
    home: Path
    project: Callable[[], Path | None]
    """The one that is linked."""
    spending: Spending
    """What agents' calls of models came to."""
    keeper: AccountId
    """Whose the home is. What it links is nobody else's: whoever is in another account works on no project."""
    known: KnownMissions = field(init=False)
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Whoever writes into a mission's folder has it, from when they look at what there is to write."""
    _readings: Readings = field(default_factory=Readings)
    _served: OrderedDict[tuple[str, RunId], str] = field(default_factory=OrderedDict)
    """What each was shown last of each mission, by its tag."""

    def __post_init__(self) -> None:
        self.known = KnownMissions(self.ledger, self.engine)

    def templates(self, account: AccountId) -> Templates:
        """What an account's missions may follow."""
        return Templates(self.home, self._linked(account), self._readings)

    # Looking

    async def all(self, caller: Caller) -> list[Progress]:
        """The missions that somebody may see, the one where something happened last first."""
        found = [one for one in await self.known.of_account(caller.account) if _may_see(caller, one)]
        return sorted(found, key=lambda one: (one.updated_at, one.run), reverse=True)

    async def show(self, caller: Caller, name: str) -> Progress:
        """One mission, for whoever may see it; an agent sees what it asked for itself."""
        try:
            progress = await self.known.of_run(caller.account, _run(name))
        except ForeignRun as error:
            raise _not_found(name) from error
        if progress is None or not _may_see(caller, progress):
            raise _not_found(name)
        return progress

    async def bytes_of(self, account: AccountId, progress: Progress) -> dict[str, bytes]:
        """Each file of a mission; not one that it was told of and has not been given yet."""
        there = [one for one in progress.files.values() if one.digest in progress.versions.get(one.name, ())]
        read = await self.files.read_all(account, progress.run, [one.digest for one in there])
        return dict(zip([one.name for one in there], read, strict=True))

    async def contents(self, account: AccountId, progress: Progress) -> dict[str, str]:
        """What each file of a mission says; bytes that are no text are replaced by a sign."""
        files = await self.bytes_of(account, progress)
        return {name: content.decode(errors="replace") for name, content in files.items()}

    def costs(self, progress: Progress) -> Mapping[str, Cost]:
        """What each attempt used of a model, by its id: as its end says, or as it was counted where nobody saw that."""
        try:
            counted = self.spending.used_in(progress.mission)
        except Permanent as fault:  # a mission is read all the same
            log.warning("what a mission used cannot be read", extra={"run": progress.run, "code": str(fault.failure)})
            counted = {}
        return {**counted, **{one.id: one.use for one in progress.attempts if one.use is not None}}

    async def change(self, caller: Caller, name: str) -> tuple[Progress, Change, tuple[FileChange, ...]]:
        """What a mission's agent changed in the project, file by file."""
        progress = await self.show(caller, name)
        if progress.change is None:
            raise NotFound(
                "This mission has changed nothing in a project.",
                code="mission.no_change",
                next_step="Its implementation step does, where a project is linked.",
            )
        listing = await self.files.read(caller.account, progress.run, progress.change.listing)
        return progress, progress.change, await asyncio.to_thread(read_listing, listing)

    async def lines(self, caller: Caller, name: str, path: str) -> tuple[FileChange, tuple[Hunk, ...]]:
        """What is different in one file of it."""
        progress, change, files = await self.change(caller, name)
        found = next((one for one in files if one.path == path), None)
        if found is None:
            raise NotFound(
                f"This mission has not changed {path}.",
                code="mission.no_such_file",
                next_step="haloop missions diff MISSION lists the files that it changed.",
            )
        told = await self.files.read_part(caller.account, progress.run, change.patch, found.start, found.end)
        return found, await asyncio.to_thread(lambda: tuple(hunks_of(told)))

    async def read(self, caller: Caller, name: str) -> tuple[Progress, GateView | None]:
        """One mission with the gate it waits at; whoever asks has been shown its draft from now on.

        The gate itself is ahead of what is durable for a moment, and so of the files that are shown: both are of one
        revision here.
        """
        run = (await self.show(caller, name)).run
        progress, seen = await self._until(run, partial(self._at_one, caller, name))
        if seen is not None:
            self._serve(caller, run, seen)
        return progress, seen

    # Doing

    async def begin(self, caller: Caller, wanted: Wanted, *, key: str | None = None) -> Progress:
        """Write a mission down; nothing runs before somebody lets it go on."""
        linked = await asyncio.to_thread(self._linked, caller.account)
        template = await asyncio.to_thread(Templates(self.home, linked, self._readings).find, wanted.template)
        content = wanted.raw.encode()
        require_small(content)
        raw = Artifact(name=RAW_INPUT, digest=sha256(content).hexdigest(), size=len(content))
        if not template.workflow.works_on_project:
            linked = None
        brief = Brief(
            title=wanted.title,
            type=wanted.type,
            workflow=template.workflow,
            template=template.digest,
            raw=raw,
            project=None if linked is None else Project(name=linked.name, path=str(linked)),
        )
        run = await self.engine.start(caller.account, mission.of(brief), by=caller.actor, key=key)
        await self.files.keep(caller.account, run, RAW_INPUT, content, by=caller.actor)
        await self._until(run, partial(self._has_begun, caller.account, run))
        progress, _ = await self.read(caller, mission_of(run))
        return progress

    async def write(
        self, caller: Caller, name: str, artifact: str, content: str, *, match: str | None = None, is_known: bool = True
    ) -> None:
        """Save a file: where a gate is about it, a change of its draft; a file of another name is simply there.

        Whoever saves what they do not know, because it was read elsewhere, has to read it before they say yes to it.
        """
        progress = await self.show(caller, name)
        encoded = content.encode()
        require_small(encoded)
        _require_going_on(progress)
        _require_room(progress)
        if artifact != progress.reviewed:
            _require_other(caller, progress, artifact)
            await self.files.keep(caller.account, progress.run, artifact, encoded, by=caller.actor)
            return
        person = require_decider(caller)
        seen = await self._standing(caller, progress, match)
        kept = await self.files.keep(caller.account, progress.run, artifact, encoded, by=caller.actor)
        if kept.digest == progress.files[artifact].digest:
            return
        change = values.plain(Edit, Edit(digest=kept.digest, size=kept.size))
        await self.engine.decide(caller.account, self._answer(seen, person, Verdict.CHANGED, change=change))
        now = await self._revised(caller, name, seen, kept)
        if now is not None and is_known:
            self._serve(caller, progress.run, now)

    async def go_on(self, caller: Caller, name: str, *, site: Site, at_least: Proof, match: str | None = None) -> None:
        """Say yes to what somebody was shown; where nothing waits because it is over, nothing happens."""
        progress = await self.show(caller, name)
        if caller.person is None:
            await self._turn_away(caller, progress, str(Verdict.APPROVED))
        person = require_decider(caller)
        if progress.status is MissionStatus.COMPLETED:
            return
        _require_going_on(progress)
        if progress.parked is not None:
            await self.engine.wake(caller.account, progress.run)
            return
        if progress.gate is None:
            raise AnswerRefused("An agent is at work; there is nothing to say yes to.", code="mission.running")
        if progress.gate.pushes and match is None:
            raise AnswerRefused(
                "A yes to this puts a commit into the project, and does not say which.",
                code="mission.unread",
                next_step="Read the mission and its gate's card, and name the gate's tag with If-Match.",
            )
        seen = await self._standing(caller, progress, match)
        if progress.gate.asks == PERMISSION or max(seen.gate.need.proof, at_least) > Proof.TOKEN:
            raise NotAllowed(
                "This takes an answer at its gate.",
                code="mission.at_its_gate",
                next_step=f"Decide at /open?draft_id={seen.gate.id}.",
            )
        answer = self._answer(seen, person, Verdict.APPROVED)
        await self.engine.decide(caller.account, answer, site=site, at_least=at_least)

    async def mark_completed(self, caller: Caller, name: str) -> None:
        """End a mission as it is: what runs is stopped, what waits is closed, and nothing more happens."""
        progress = await self.show(caller, name)
        if caller.person is None:
            await self._turn_away(caller, progress, FORCED)
        require_decider(caller)
        if progress.end is not None:
            return
        await self.engine.cancel(caller.account, progress.run, by=caller.actor, reason=FORCED)
        await self.engine.ended(caller.account, progress.run)

    def _linked(self, account: AccountId) -> Path | None:
        return self.project() if account == self.keeper else None

    # Gates

    async def _standing(self, caller: Caller, progress: Progress, match: str | None) -> GateView:
        """The gate, if it stands as whoever asks was shown it; ChangedSince where it does not."""
        assert progress.gate is not None
        seen = await self.engine.gate(caller.account, GateId(progress.gate.id))
        known = match or self._served.get((_who(caller), progress.run), "")
        if not known.startswith(f"{seen.gate.id}."):
            raise AnswerRefused(
                "You have not read what this mission waits for.",
                code="mission.unread",
                next_step="Read the mission first, or name its revision with If-Match.",
            )
        if known != tag_of(seen):
            artifact = progress.reviewed or ""
            said = await self.contents(caller.account, progress)
            raise ChangedSince(artifact, said.get(artifact, ""))
        return seen

    async def _turn_away(self, caller: Caller, progress: Progress, wanted: str) -> None:
        """An agent tried to decide: that stands in the ledger, and it is refused."""
        if progress.gate is not None:
            gate = GateId(progress.gate.id)
            await self.engine.turn_agent_away(caller.account, gate, wanted, agent=caller.actor)
        refusal = NotAllowed("An agent proposes; it never decides.", code="answer.agent")
        fact = ChangeTurnedAway(change=f"mission {wanted}", code=refusal.code, sentence=refusal.sentence)
        await self.engine.record(caller.account, fact, by=caller.actor)
        raise refusal

    async def _at_one(self, caller: Caller, name: str) -> tuple[Progress, GateView | None] | None:
        """A mission and its gate where both say the same; nothing while one is ahead of the other."""
        progress = await self.show(caller, name)
        if progress.gate is None or progress.parked is not None:
            return progress, None
        seen = await self.engine.gate(caller.account, GateId(progress.gate.id))
        is_open = seen.gate.status is GateStatus.OPEN and seen.gate.revision == progress.gate.revision
        return (progress, seen) if is_open else None

    async def _has_begun(self, account: AccountId, run: RunId) -> Progress | None:
        """A mission once it waits to begin; one that was asked for before under the same key may be further."""
        progress = await self.known.of_run(account, run)
        if progress is None or not (progress.gate or progress.attempts or progress.end or progress.parked):
            return None
        return progress

    async def _revised(self, caller: Caller, name: str, before: GateView, kept: Artifact) -> GateView | None:
        """The gate once a change has become its revision, where it still stands; ChangedSince where it did not."""

        async def is_next() -> tuple[Progress, GateView | None] | None:
            found = await self._at_one(caller, name)
            gate = found[0].gate if found else None
            return found if gate is None or gate.revision > before.gate.revision else None

        progress, seen = await self._until(_run(name), is_next)
        is_mine = seen is not None and seen.gate.revision == before.gate.revision + 1
        if not is_mine or progress.files[kept.name].digest != kept.digest:
            raise ChangedSince(kept.name, (await self.contents(caller.account, progress)).get(kept.name, ""))
        return seen

    async def _until(self, run: RunId, look: Callable[[], Awaitable[T | None]]) -> T:
        """What is found, as soon as the run's facts have brought it about."""
        changed = asyncio.Event()

        def hear(_account: AccountId, heard: RunId, _fact: Fact) -> None:
            if heard == run:
                changed.set()

        self.engine.watch(hear)
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                while (found := await look()) is None:
                    await changed.wait()
                    changed.clear()
            return found
        finally:
            self.engine.unwatch(hear)

    def _serve(self, caller: Caller, run: RunId, seen: GateView) -> None:
        self._served[(_who(caller), run)] = tag_of(seen)
        self._served.move_to_end((_who(caller), run))
        while len(self._served) > _SERVED_MAX:
            self._served.popitem(last=False)

    def _answer(self, seen: GateView, person: PersonId, verdict: Verdict, *, change: Canonical = None) -> Answer:
        return Answer(
            gate=seen.gate.id,
            revision=seen.gate.revision,
            draft=seen.gate.draft,
            card=seen.gate.card,
            view=VIEW,
            verdict=verdict,
            person=person,
            nonce=secrets.token_hex(16),
            expires=self.engine.world.now() + _ANSWER_SECONDS * _SECOND,
            change=change,
        )


def _run(name: str) -> RunId:
    try:
        return RunId(run_of_mission(name))
    except ValueError as error:
        raise _not_found(name) from error


def _may_see(caller: Caller, progress: Progress) -> bool:
    return caller.person is not None or progress.asked_by == caller.actor


def _not_found(name: str) -> NotFound:
    return NotFound(f"Mission not found: {name}", code="mission.unknown", next_step="")


def _who(caller: Caller) -> str:
    """A person in one browser, or a program: each remembers for itself what it was shown."""
    return f"{caller.account} {caller.actor} {caller.session}"


def require_decider(caller: Caller) -> PersonId:
    """The person, if they may decide."""
    person = caller.require_person()
    caller.require_role(Role.OWNER, Role.APPROVER)
    return person


def require_small(content: bytes) -> None:
    """As much as a file may hold."""
    if len(content) > ARTIFACT_BYTES_MAX:
        raise BadInput(
            f"A file that is written here has {ARTIFACT_BYTES_MAX:,} bytes at most.", code="artifact.too_large"
        )


def _require_room(progress: Progress) -> None:
    """A run has room for so many events, and files must leave it enough to be decided and to end."""
    if sum(map(len, progress.versions.values())) >= VERSIONS_MAX:
        raise Refused(
            f"This mission's files have {VERSIONS_MAX} versions, as many as they may have.",
            code="artifact.too_many",
            next_step="Let it go on, or begin another.",
        )
    if not progress.has_room:
        raise Refused(
            "This mission's history has room for its steps alone by now.",
            code="mission.long",
            next_step="Say yes or no to what it waits for, or mark it completed and begin another.",
        )


def _require_going_on(progress: Progress) -> None:
    if progress.end is not None:
        raise AnswerRefused("This mission is over.", code="mission.over")


def _require_other(caller: Caller, progress: Progress, artifact: str) -> None:
    """A file that the workflow makes is changed at its gate alone; any other name is free."""
    if re.fullmatch(ARTIFACT_NAME, artifact) is None or re.fullmatch(PART_NAME, artifact):
        raise BadInput("A file's name is letters, digits, dots, dashes and underscores.", code="artifact.name")
    made = {RAW_INPUT, *(step.output_artifact for step in progress.brief.workflow.steps)}
    if artifact in made:
        raise AnswerRefused(
            f"{artifact} is not open for changes now.",
            code="mission.not_open",
            next_step="Change it at its gate, or send the mission back to the step that makes it.",
        )
    if caller.person is None:
        if progress.gate is not None:
            raise NotAllowed("While people are asked, an agent changes nothing.", code="mission.gate_open")
        return
    require_decider(caller)
