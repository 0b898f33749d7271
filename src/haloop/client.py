"""The typed client: what any outsider uses, and the command line too.

Each method asks one route and gives back what `haloop.wire` says goes over it. A refusal is raised as `Problem`,
with the code, the sentence and the next step that the server gave; nothing is tried again by itself.
"""

import base64
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from hashlib import sha256
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar
from urllib.parse import parse_qs, quote, urlsplit

import httpx2
from pydantic import BaseModel, TypeAdapter, ValidationError

from haloop.kernel.errors import BadInput, Exit, HaloopError
from haloop.kernel.grant import GrantTerms
from haloop.kernel.link import link_to
from haloop.kernel.people import AccountSort, Role
from haloop.wire.activity import ActivityPage
from haloop.wire.agents import Stop
from haloop.wire.artifacts import ArtifactOut
from haloop.wire.defaults import DefaultsOut, DefaultsWanted
from haloop.wire.gates import (
    Approval,
    Batch,
    BatchOut,
    Change,
    Found,
    GateOut,
    GatePage,
    MoreTime,
    Refusal,
    Row,
    RowOut,
    Said,
    Seen,
    UncertainOut,
    Withdrawal,
)
from haloop.wire.health import Status
from haloop.wire.ledger import CheckpointOut, CheckpointPage, EventPage, GrowthOut, InclusionOut
from haloop.wire.logins import LinkedLogin
from haloop.wire.missions import (
    CODE_HEADER,
    Enveloped,
    FileChanges,
    MissionChanges,
    MissionDetail,
    MissionIn,
    MissionListItem,
    MissionLog,
    MissionMeta,
)
from haloop.wire.notices import DeviceOut, DevicesOut, NoticesOut, NoticesWanted, Subscription, TriedOut
from haloop.wire.passkeys import (
    ChallengeOut,
    PasskeyAdded,
    PasskeyAnswer,
    PasskeyConfirmed,
    PasskeyMade,
    PasskeyOptions,
    PasskeyOut,
    RecoveryCodeOut,
    RecoveryCodeSaid,
)
from haloop.wire.people import (
    AccountChosen,
    AccountOut,
    AccountWanted,
    BudgetOut,
    GrantOut,
    InvitationOut,
    InvitationSent,
    InvitationWanted,
    Me,
    PersonOut,
    RolesWanted,
    TokenMade,
    TokenOut,
    TokenWanted,
)
from haloop.wire.projects import LinkedProjectOut, ProjectWanted
from haloop.wire.receipts import Opinion, ReceiptOut, VerifierKeyOut
from haloop.wire.requests import Answered, Asked, AskedInWords, Begun, DeskOut
from haloop.wire.rules import RulesOut, RulesWanted
from haloop.wire.runs import Cancellation, ErasureWanted, RunDetail, RunPage, RunState
from haloop.wire.sessions import SESSION_HEADER, SessionOut, SessionSeen, Visit, VisitOut
from haloop.wire.told import Told
from haloop.wire.town import ServerOut, TroubleWanted
from haloop.wire.workflows import WorkflowsOut

T = TypeVar("T")

Sign: TypeAlias = Callable[[ChallengeOut], Awaitable[PasskeyAnswer | bytes]]
"""Has a person's passkey answer a challenge: as a browser gives it, or in the ledger's own bytes."""

TIMEOUT_SECONDS = 30.0
_TRIAL_SECONDS = 120.0
"""Mail servers and push services may take their time."""
_UNPROCESSABLE, _SERVER = 422, 500


class NotReached(HaloopError):
    """Nobody answers at that address."""

    code = "client.not_reached"
    next_step = "Start Haloop with `haloop start`, or look with `haloop status`."
    exit = Exit.UNUSABLE


class Unheard(HaloopError):
    """It was sent, and nobody knows whether it counted."""

    code = "client.unheard"
    next_step = "Look whether it counted, with `haloop show`; saying the same again is answered as the first time."


class Problem(HaloopError):
    """Haloop answered with a refusal or a fault."""

    code = "client.problem"

    def __init__(self, sentence: str, *, status: int, code: str, next_step: str, more: Mapping[str, Any]) -> None:
        super().__init__(sentence, code=code, next_step=next_step)
        self.status = status
        self.more = more
        """Whatever else the answer said, such as the difference to the draft that was answered."""
        self.exit = _exit_of(status)  # type: ignore[misc]  # each answer has its own


class Event(Told, frozen=True):
    """An event of the live stream."""

    run: str


class Client:
    """One account's Haloop, over HTTP; `by` another way than a connection, for whoever is in its process."""

    def __init__(self, address: str, token: str, *, by: httpx2.AsyncBaseTransport | None = None) -> None:
        self.address = address.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"}
        # Haloop answers on its own machine alone; a proxy that the environment names must not see the token.
        self._http = httpx2.AsyncClient(
            base_url=self.address, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False, transport=by
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    # Who, and what there is

    async def me(self) -> Me:
        return await self._get("/api/me", Me)

    async def sessions(self) -> list[SessionSeen]:
        """The browsers in which you are known."""
        return await self._get("/api/sessions", list[SessionSeen])

    async def revoke_session(self, session: str) -> None:
        await self._send("DELETE", f"/api/sessions/{_part(session)}")

    async def status(self) -> Status:
        return await self._get("/api/status", Status)

    async def desks(self) -> list[DeskOut]:
        return await self._get("/api/desks", list[DeskOut])

    async def people(self) -> list[PersonOut]:
        return await self._get("/api/people", list[PersonOut])

    async def begin_changing_roles(self, person: str, roles: Sequence[Role]) -> ChallengeOut:
        """What a passkey has to sign to confirm exactly these roles; it names none where they take none."""
        wanted = RolesWanted(roles=list(roles))
        return await self._post(f"/api/people/{_part(person)}/roles/challenge", ChallengeOut, wanted)

    async def change_roles(
        self, person: str, roles: Sequence[Role], *, confirmed: PasskeyConfirmed | None = None
    ) -> PersonOut:
        wanted = RolesWanted(roles=list(roles), confirmed=confirmed)
        return await self._post(f"/api/people/{_part(person)}/roles", PersonOut, wanted)

    async def remove_person(self, person: str) -> None:
        await self._send("DELETE", f"/api/people/{_part(person)}")

    async def logins(self) -> list[LinkedLogin]:
        """By which logins from elsewhere you come in; as an owner, everybody."""
        return await self._get("/api/logins", list[LinkedLogin])

    async def unlink_login(self, login: str) -> None:
        await self._send("DELETE", f"/api/logins/{_part(login)}")

    async def invitations(self) -> list[InvitationOut]:
        return await self._get("/api/invitations", list[InvitationOut])

    async def begin_inviting(self, name: str, roles: Sequence[Role], *, days: int = 7) -> ChallengeOut:
        """What a passkey has to sign to confirm exactly this invitation."""
        wanted = InvitationWanted(name=name, roles=list(roles), days=days)
        return await self._post("/api/invitation/challenge", ChallengeOut, wanted)

    async def invite(
        self, name: str, roles: Sequence[Role], *, days: int = 7, confirmed: PasskeyConfirmed | None = None
    ) -> InvitationSent:
        """Let somebody in, by an address that is said this once.

        Whom a passkey vouched for adds their first one alone; anybody else needs an owner's for it.
        """
        wanted = InvitationWanted(name=name, roles=list(roles), days=days, confirmed=confirmed)
        return await self._post("/api/invitations", InvitationSent, wanted)

    async def withdraw_invitation(self, invitation: str) -> None:
        await self._send("DELETE", f"/api/invitations/{_part(invitation)}")

    async def accounts(self) -> list[AccountOut]:
        return await self._get("/api/accounts", list[AccountOut])

    async def open_account(self, sort: AccountSort, name: str) -> AccountOut:
        return await self._post("/api/accounts", AccountOut, AccountWanted(sort=sort, name=name))

    async def name_account(self, sort: AccountSort, name: str) -> AccountOut:
        return await self._post("/api/account/name", AccountOut, AccountWanted(sort=sort, name=name))

    @asynccontextmanager
    async def in_account(self, account: str) -> AsyncIterator[None]:
        """Ask in another of your accounts while the block runs: by a session, as a browser does, which ends with it."""
        visit = _read(VisitOut, await self._send("POST", "/api/visits"))
        (key,) = parse_qs(urlsplit(visit.path).query)["key"]
        before = self._http.headers.copy()
        del self._http.headers["Authorization"]
        self._http.headers |= {"Sec-Fetch-Site": "none", "User-Agent": "haloop"}
        try:
            await self._begin_session("/api/session", Visit(key=key))
            await self._begin_session("/api/session/account", AccountChosen(account=account))
            yield
        finally:
            # What the block did is done and must be told, also where its last word was to this session or to Haloop.
            with suppress(HaloopError):
                await self._send("DELETE", "/api/session")
            self._http.headers = before

    # Asking, and what came of it

    async def ask(self, desk: str, procedure: str, arguments: Mapping[str, Any], *, key: str | None = None) -> str:
        """Ask for something; the run that does it. The same key asks once."""
        asked = Asked(desk=desk, procedure=procedure, arguments=dict(arguments))
        headers = {} if key is None else {"Idempotency-Key": key}
        return (await self._post("/api/requests", Begun, asked, headers=headers)).run

    async def say(
        self,
        words: str,
        *,
        desk: str | None = None,
        conversation: Sequence[str] = (),
        zone: str | None = None,
        language: str = "en",
        key: str | None = None,
    ) -> Answered:
        """Ask in plain words; a question back is answered with more words and the conversation it came with."""
        asked = AskedInWords(words=words, desk=desk, conversation=list(conversation), zone=zone, language=language)
        headers = {} if key is None else {"Idempotency-Key": key}
        answered: Answered = await self._post("/api/requests", Answered, asked, headers=headers)  # type: ignore[arg-type]
        return answered

    async def runs(
        self,
        *,
        before: int | None = None,
        limit: int = 50,
        waiting: bool = False,
        search: str | None = None,
        desk: str | None = None,
        procedure: str | None = None,
        state: RunState | None = None,
        asked_by: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> RunPage:
        """A page of runs, the newest first: those with all of these words in what was asked for, and so on.

        A page may be short before the end: ask on with its `before` until that is none.
        """
        said: dict[str, str | int | None] = {
            "before": before,
            "search": search,
            "desk": desk,
            "procedure": procedure,
            "asked_by": asked_by,
        }
        said |= {"limit": limit, "waiting": waiting, "state": None if state is None else state.value}
        said |= {name: at.isoformat() for name, at in (("since", since), ("until", until)) if at is not None}
        return await self._get("/api/runs", RunPage, {name: one for name, one in said.items() if one is not None})

    async def run(self, run: str) -> RunDetail:
        return await self._get(f"/api/runs/{_part(run)}", RunDetail)

    async def cancel(self, run: str, *, reason: str = "") -> RunDetail:
        return await self._post(f"/api/runs/{_part(run)}/cancellation", RunDetail, Cancellation(reason=reason))

    async def begin_erasing(self, run: str) -> ChallengeOut:
        """What a passkey has to sign before a run is erased, if there is one to ask."""
        return _read(ChallengeOut, await self._send("POST", f"/api/runs/{_part(run)}/erasure/challenge"))

    async def erase(self, run: str, *, why: str, confirmed: PasskeyConfirmed | None = None) -> None:
        """Make what a run said unreadable for good, once it has ended."""
        wanted = ErasureWanted(why=why, confirmed=confirmed)
        await self._send("POST", f"/api/runs/{_part(run)}/erasure", json=wanted.model_dump())

    async def activity(self, *, before: int | None = None, limit: int = 20) -> ActivityPage:
        """What the newest runs did, with what was approved beside what ran."""
        query = {"limit": limit, **({} if before is None else {"before": before})}
        return await self._get("/api/activity", ActivityPage, query)

    async def receipts(self, run: str) -> list[ReceiptOut]:
        return await self._get(f"/api/runs/{_part(run)}/receipts", list[ReceiptOut])

    async def receipt_file(self, receipt: ReceiptOut) -> bytes:
        path = f"/api/runs/{_part(receipt.run)}/receipts/{quote(receipt.effect)}"
        return (await self._send("GET", path)).content

    async def opinion(self, receipt: ReceiptOut) -> Opinion:
        """What the server itself finds of a receipt; it is no proof."""
        return await self._get(f"/api/runs/{_part(receipt.run)}/opinions/{quote(receipt.effect)}", Opinion)

    # Artifacts

    async def submit_artifact(
        self, run: str, content: bytes, *, name: str, media_type: str = "application/octet-stream"
    ) -> ArtifactOut:
        """Give a run a file; the same again changes nothing."""
        path = f"/api/runs/{_part(run)}/artifacts/{sha256(content).hexdigest()}"
        headers = {"Content-Type": media_type}
        answer = await self._send("PUT", path, params={"name": name}, content=content, headers=headers)
        return _read(ArtifactOut, answer)

    async def artifacts(self, run: str) -> list[ArtifactOut]:
        return await self._get(f"/api/runs/{_part(run)}/artifacts", list[ArtifactOut])

    async def artifact_file(self, artifact: ArtifactOut) -> AsyncIterator[bytes]:
        """The bytes of an artifact, piece by piece."""
        async for piece in self._stream(f"/api/runs/{_part(artifact.run)}/artifacts/{_part(artifact.digest)}"):
            yield piece

    # What waits, and a person's word

    def page_of(self, gate: str) -> str:
        """The address at which a person reads a gate's draft and decides."""
        return link_to(self.address, _part(gate))

    async def gates(self, *, after: str | None = None, limit: int = 50) -> GatePage:
        query = {"limit": limit, **({} if after is None else {"after": after})}
        return await self._get("/api/gates", GatePage, query)

    async def gate(self, gate: str) -> GateOut:
        return await self._get(f"/api/gates/{_part(gate)}", GateOut)

    async def approve(self, gate: GateOut, *, view: Seen, read: bool = False, sign: Sign | None = None) -> GateOut:
        """Say yes to a gate as it was shown; `read`: also to what its card discloses.

        Where that takes a passkey, `sign` asks it.
        """
        said = Approval(verdict="approved", disclosures_read=read, **_names(gate, view))
        if sign is not None:
            asked = await self._post(f"/api/gates/{_part(gate.id)}/challenge", ChallengeOut, said)
            said = said.model_copy(update={"assertion": _signed(await sign(asked))})
        return await self._decide(gate, said)

    async def approve_together(
        self, gates: Sequence[GateOut], *, view: Seen, read: bool = False, sign: Sign | None = None
    ) -> list[RowOut]:
        """Say yes to several gates as they were shown, with one touch where `sign` asks a passkey for all of them.

        Each is answered by itself: what was changed meanwhile does not count, and the others do.
        """
        said = [Approval(verdict="approved", disclosures_read=read, **_names(gate, view)) for gate in gates]
        rows = [Row(gate=gate.id, decision=one) for gate, one in zip(gates, said, strict=True)]
        batch = Batch(rows=rows)
        if sign is not None:
            asked = await self._post("/api/decisions/challenge", ChallengeOut, batch)
            batch = batch.model_copy(update={"assertion": _signed(await sign(asked))})
        return (await self._post("/api/decisions", BatchOut, batch)).rows

    async def refuse(self, gate: GateOut, *, view: Seen, reason: str = "", back_to: str | None = None) -> GateOut:
        """Say no, and why."""
        return await self._decide(
            gate, Refusal(verdict="refused", reason=reason, back_to=back_to, **_names(gate, view))
        )

    async def change(self, gate: GateOut, change: object, *, view: Seen) -> GateOut:
        """Say what should be different; that is no yes."""
        return await self._decide(gate, Change(verdict="changed", change=change, **_names(gate, view)))

    async def give_more_time(self, gate: str, *, until: int) -> GateOut:
        return await self._post(f"/api/gates/{_part(gate)}/extension", GateOut, MoreTime(until=until))

    async def withdraw(self, gate: str, *, reason: str = "") -> GateOut:
        return await self._post(f"/api/gates/{_part(gate)}/withdrawal", GateOut, Withdrawal(reason=reason))

    async def settle(self, gate: str, found: Found, *, sign: Sign | None = None) -> None:
        """Say how an effect ended of which nobody knew; `sign` asks a passkey where approving took one."""
        if sign is not None:
            asked = await self._post(f"/api/gates/{_part(gate)}/findings/challenge", ChallengeOut, found)
            found = found.model_copy(update={"assertion": _signed(await sign(asked))})
        await self._send("POST", f"/api/gates/{_part(gate)}/findings", json=found.model_dump())

    async def uncertain(self, run: str) -> list[UncertainOut]:
        """The effects of a run of which nobody knows how they ended."""
        return await self._get(f"/api/runs/{_part(run)}/uncertain", list[UncertainOut])

    # Passkeys

    async def passkeys(self) -> list[PasskeyOut]:
        return await self._get("/api/passkeys", list[PasskeyOut])

    async def begin_adding_passkey(self) -> PasskeyOptions:
        return _read(PasskeyOptions, await self._send("POST", "/api/passkeys/options"))

    async def add_passkey(self, made: PasskeyMade) -> PasskeyAdded:
        """Add a passkey that a browser made of the options; from the second on, one that is there confirms it."""
        return await self._post("/api/passkeys", PasskeyAdded, made)

    async def begin_revoking_passkey(self, credential: str) -> ChallengeOut:
        return _read(ChallengeOut, await self._send("POST", f"/api/passkeys/{_part(credential)}/challenge"))

    async def revoke_passkey(self, credential: str, confirmed: PasskeyConfirmed | None = None) -> None:
        """Take a passkey away; whoever has one confirms it with one."""
        body = None if confirmed is None else confirmed.model_dump()
        await self._send("DELETE", f"/api/passkeys/{_part(credential)}", json=body)

    async def recovery_code(self) -> RecoveryCodeOut:
        """Since when you have one."""
        return await self._get("/api/recovery-code", RecoveryCodeOut)

    async def begin_recovery_code(self) -> ChallengeOut:
        return _read(ChallengeOut, await self._send("POST", "/api/recovery-code/challenge"))

    async def make_recovery_code(self, confirmed: PasskeyConfirmed) -> str:
        """A new recovery code, which is said this once."""
        return (await self._post("/api/recovery-code", RecoveryCodeSaid, confirmed)).recovery_code

    # Standing permissions

    async def grants(self) -> list[GrantOut]:
        return await self._get("/api/grants", list[GrantOut])

    async def ask_for_grant(self, terms: GrantTerms, *, key: str | None = None) -> str:
        """Ask for a grant, which a person then reads on its card and gives; the run that does it."""
        return await self.ask("grants", "give_grant", {"terms": terms.model_dump(mode="json")}, key=key)

    async def budgets(self) -> list[BudgetOut]:
        """The account's ceilings, and what is used up of each."""
        return await self._get("/api/budgets", list[BudgetOut])

    async def rules(self) -> RulesOut:
        """The account's rules: what each yes takes, and the ceilings."""
        return await self._get("/api/rules", RulesOut)

    async def begin_setting_rules(self, wanted: RulesWanted) -> ChallengeOut:
        """What a passkey has to sign to confirm exactly these rules; it names none where they take none."""
        return await self._post("/api/rules/challenge", ChallengeOut, wanted)

    async def set_rules(self, wanted: RulesWanted) -> RulesOut:
        """Say all the rules, as they are from now on."""
        return await self._post("/api/rules", RulesOut, wanted)

    async def revoke_grant(self, grant: str) -> None:
        await self._send("DELETE", f"/api/grants/{_part(grant)}")

    async def tokens(self) -> list[TokenOut]:
        return await self._get("/api/tokens", list[TokenOut])

    async def issue_token(self, agent: str, *, days: int = 30, desks: Sequence[str] | None = None) -> TokenMade:
        """Let an agent propose, to these desks or to any."""
        wanted = TokenWanted(agent=agent, days=days, desks=None if desks is None else list(desks))
        return await self._post("/api/tokens", TokenMade, wanted)

    async def revoke_token(self, token: str) -> None:
        await self._send("DELETE", f"/api/tokens/{_part(token)}")

    # Being told

    async def notices(self) -> NoticesOut:
        """How you want to be told that something waits for you or went wrong."""
        return await self._get("/api/me/notices", NoticesOut)

    async def set_notices(self, wanted: NoticesWanted) -> NoticesOut:
        """Say all of how you want to be told, from now on."""
        return _read(NoticesOut, await self._send("PUT", "/api/me/notices", json=wanted.model_dump()))

    async def try_notices(self) -> list[TriedOut]:
        """Have something told now, every way you want to be told."""
        answer = await self._send("POST", "/api/me/notices/test", timeout=_TRIAL_SECONDS)
        return _read(list[TriedOut], answer)

    async def devices(self) -> DevicesOut:
        return await self._get("/api/devices/push", DevicesOut)

    async def add_device(self, subscription: Subscription) -> DeviceOut:
        """Be told on a device too, as its browser subscribed it."""
        return await self._post("/api/devices/push", DeviceOut, subscription)

    async def remove_device(self, device: str) -> None:
        await self._send("DELETE", f"/api/devices/push/{_part(device)}")

    # The home

    async def stop_agents(self, *, reason: str = "") -> None:
        """Stop every agent at once."""
        await self._send("POST", "/api/agents/stop", json=Stop(reason=reason).model_dump())

    async def resume_agents(self) -> None:
        """Let work begin again."""
        await self._send("POST", "/api/agents/resumption")

    async def trust_clock(self) -> None:
        """Say that the clock is right although it was moved."""
        await self._send("POST", "/api/clock/trust")

    async def end_recovery(self) -> None:
        """Say that whatever may be forgotten was looked at."""
        await self._send("POST", "/api/recovery/end")

    async def defaults(self) -> list[DefaultsOut]:
        """What each desk takes where nobody says."""
        return await self._get("/api/defaults", list[DefaultsOut])

    async def set_defaults(self, desk: str, values: Mapping[str, Any]) -> DefaultsOut:
        """Set all of a desk's defaults anew."""
        wanted = DefaultsWanted(desk=desk, values=dict(values))
        return _read(DefaultsOut, await self._send("PUT", "/api/defaults", json=wanted.model_dump()))

    async def missions(self) -> list[MissionListItem]:
        return _out(await self._get("/api/missions", Enveloped[list[MissionListItem]]))

    async def workflows(self) -> WorkflowsOut:
        """What missions may follow."""
        return await self._get("/api/workflows", WorkflowsOut)

    async def mission(self, mission: str) -> MissionDetail:
        """One with its files; what it waits for counts as read."""
        return _out(await self._get(f"/api/missions/{_part(mission)}", Enveloped[MissionDetail]))

    async def ask_for_mission(self, wanted: MissionIn, *, key: str | None = None) -> MissionMeta:
        """Write one down; nothing runs before somebody lets it go on."""
        headers = None if key is None else {"Idempotency-Key": key}
        return _out(await self._post("/api/missions", Enveloped[MissionMeta], wanted, headers=headers))

    async def save_artifact(self, mission: str, name: str, content: str, *, tag: str | None = None) -> None:
        """Say what a file of it is to say; with a tag, only if the mission still waits for just that."""
        path = f"/api/missions/{_part(mission)}/artifacts/{_part(name)}"
        await self._send("PUT", path, json={"content": content}, headers=_if_match(tag))

    async def take_artifact(self, mission: str, name: str, *, seen: str, tag: str | None = None) -> None:
        """Take up what was seen in its folder, by its hash; with a tag, only if the mission waits for just that."""
        path = f"/api/missions/{_part(mission)}/artifacts/{_part(name)}/take"
        await self._send("POST", path, json={"digest": seen}, headers=_if_match(tag))

    async def put_back_artifact(self, mission: str, name: str, *, seen: str) -> None:
        """Drop what was seen in its folder, by its hash."""
        path = f"/api/missions/{_part(mission)}/artifacts/{_part(name)}/put-back"
        await self._send("POST", path, json={"digest": seen})

    async def continue_mission(self, mission: str, *, tag: str | None = None) -> None:
        """Say yes to what it waits for; with a tag, only to just that."""
        await self._send("POST", f"/api/missions/{_part(mission)}/continue", headers=_if_match(tag))

    async def complete_mission(self, mission: str) -> None:
        await self._send("POST", f"/api/missions/{_part(mission)}/mark-completed")

    async def mission_log(self, mission: str) -> MissionLog:
        """The last lines that its newest attempt wrote."""
        return _out(await self._get(f"/api/missions/{_part(mission)}/log", Enveloped[MissionLog]))

    async def mission_changes(self, mission: str) -> MissionChanges:
        """What it changed in the project, file by file."""
        return _out(await self._get(f"/api/missions/{_part(mission)}/changes", Enveloped[MissionChanges]))

    async def mission_change(self, mission: str, path: str) -> FileChanges:
        """What is different in one file of it."""
        at = f"/api/missions/{_part(mission)}/changes/file"
        return _out(await self._get(at, Enveloped[FileChanges], {"path": path}))

    async def linked_project(self) -> LinkedProjectOut:
        """The project that missions begun from now on work on."""
        return await self._get("/api/projects/linked", LinkedProjectOut)

    async def link_project(self, path: str) -> LinkedProjectOut:
        """Link another; the path is one of the machine that Haloop runs on."""
        wanted = ProjectWanted(path=path)
        return _read(LinkedProjectOut, await self._send("PUT", "/api/projects/linked", json=wanted.model_dump()))

    async def unlink_project(self) -> LinkedProjectOut:
        """Link none."""
        return _read(LinkedProjectOut, await self._send("DELETE", "/api/projects/linked"))

    async def town(self) -> list[ServerOut]:
        """The practice town's servers, and their troubles."""
        return await self._get("/api/town", list[ServerOut])

    async def turn_trouble(self, server: str, trouble: str, *, on: bool) -> list[ServerOut]:
        """Put a trouble on one of the town's servers, or take it away."""
        wanted = TroubleWanted(server=server, trouble=trouble, on=on)
        return _read(list[ServerOut], await self._send("PUT", "/api/town/troubles", json=wanted.model_dump()))

    # The ledger

    async def ledger(self, *, after: int = -1, limit: int = 100) -> EventPage:
        return await self._get("/api/ledger/events", EventPage, {"after": after, "limit": limit})

    async def checkpoint(self) -> str:
        return (await self._get("/api/ledger/checkpoint", CheckpointOut)).note

    async def checkpoints(self, *, before: int | None = None, limit: int = 50) -> CheckpointPage:
        """Every checkpoint that was signed, the newest first."""
        query = {"limit": limit, **({} if before is None else {"before": before})}
        return await self._get("/api/ledger/checkpoints", CheckpointPage, query)

    async def proof(self, index: int, *, size: int | None = None) -> InclusionOut:
        """That an event is in the ledger, under the newest checkpoint or the one of that size."""
        query = {} if size is None else {"size": size}
        return await self._get(f"/api/ledger/events/{index}/proof", InclusionOut, query)

    async def growth(self, *, since: int, size: int | None = None) -> GrowthOut:
        """That the ledger begins with what a checkpoint of `since` events saw."""
        query = {"since": since, **({} if size is None else {"size": size})}
        return await self._get("/api/ledger/consistency", GrowthOut, query)

    async def export(self) -> AsyncIterator[bytes]:
        """Everything the account has recorded, piece by piece; what `haloop verify` reads."""
        async for piece in self._stream("/api/ledger/export"):
            yield piece

    async def verifier_key(self) -> str:
        return (await self._get("/api/ledger/key", VerifierKeyOut)).key

    async def events(self, *, after: int | None = None) -> AsyncIterator[Event]:
        """What happens, as it happens, from after that event on; ends when the connection does."""
        query = {} if after is None else {"after": after}
        timeout = httpx2.Timeout(TIMEOUT_SECONDS, read=60.0)
        try:
            async with self._http.stream("GET", "/api/events", params=query, timeout=timeout) as answer:
                if answer.status_code != httpx2.codes.OK:
                    await answer.aread()
                    raise _problem(answer)
                async for line in answer.aiter_lines():
                    if line.startswith("data: "):
                        yield _read_event(line.removeprefix("data: "))
        except httpx2.TransportError as error:
            raise _not_reached(self.address, error) from error

    # How

    async def _begin_session(self, path: str, shown: Visit | AccountChosen) -> None:
        self._http.headers[SESSION_HEADER] = (await self._post(path, SessionOut, shown)).secret

    async def _decide(self, gate: GateOut, said: Said) -> GateOut:
        return await self._post(f"/api/gates/{_part(gate.id)}/decisions", GateOut, said)

    async def _stream(self, path: str) -> AsyncIterator[bytes]:
        try:
            async with self._http.stream("GET", path, timeout=TIMEOUT_SECONDS) as answer:
                if answer.status_code != httpx2.codes.OK:
                    await answer.aread()
                    raise _problem(answer)
                async for piece in answer.aiter_bytes():
                    yield piece
        except httpx2.ConnectError as error:
            raise _not_reached(self.address, error) from error
        except httpx2.TransportError as error:
            raise NotReached(f"The line to {self.address} broke before everything had come.") from error

    async def _get(self, path: str, kind: type[T], query: Mapping[str, Any] | None = None) -> T:
        return _read(kind, await self._send("GET", path, params=query))

    async def _post(self, path: str, kind: type[T], body: BaseModel, *, headers: Mapping[str, str] | None = None) -> T:
        return _read(kind, await self._send("POST", path, json=body.model_dump(), headers=headers))

    async def _send(self, method: str, path: str, **how: Any) -> httpx2.Response:  # noqa: ANN401  # httpx2's own
        try:
            answer = await self._http.request(method, path, **how)
        except httpx2.LocalProtocolError as error:
            raise BadInput("This cannot be said over HTTP.", code="client.malformed") from error
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise _not_reached(self.address, error) from error
        except httpx2.TransportError as error:
            broken = f"The line to {self.address} broke before an answer came ({type(error).__name__})."
            raise Unheard(broken) from error
        if answer.is_success:
            return answer
        raise _problem(answer)


def _signed(answer: PasskeyAnswer | bytes) -> PasskeyAnswer | str:
    return base64.b64encode(answer).decode() if isinstance(answer, bytes) else answer


def _names(gate: GateOut, view: Seen) -> dict[str, Any]:
    """What every answer names: the very revision that was shown, and how."""
    return {
        "card": gate.card_hash,
        "draft": gate.draft,
        "expires": gate.expires,
        "nonce": secrets.token_hex(16),
        "revision": gate.revision,
        "view": view,
    }


def _out(envelope: Enveloped[T]) -> T:
    """What came in an envelope."""
    if envelope.data is None:
        raise _other_version(httpx2.codes.OK)
    return envelope.data


def _if_match(tag: str | None) -> dict[str, str] | None:
    return None if tag is None else {"If-Match": f'"{tag}"'}


def _part(name: str) -> str:
    """A name as one part of a path, whatever it holds."""
    return quote(name, safe="")


def _read(kind: type[T], answer: httpx2.Response) -> T:
    try:
        read: T = TypeAdapter(kind).validate_json(answer.content)
    except ValidationError as error:
        raise _other_version(answer.status_code) from error
    return read


def _read_event(line: str) -> Event:
    try:
        return Event.model_validate_json(line)
    except ValidationError as error:
        raise _other_version(200) from error


def _other_version(status: int) -> Problem:
    return Problem(
        "The answer is not what this client understands.",
        status=status,
        code="client.other_version",
        next_step="Use the client of the same version as the server.",
        more={},
    )


def _problem(answer: httpx2.Response) -> Problem:
    try:
        told = json.loads(answer.content)
        if told.keys() == Enveloped.model_fields.keys():
            told = {
                "title": told["error"],
                "code": answer.headers[CODE_HEADER],
                "next_step": "",
                **(told["data"] or {}),
            }
        sentence, code, next_step = str(told["title"]), str(told["code"]), str(told["next_step"])
    except (ValueError, KeyError, TypeError):
        told, code = {}, "client.not_haloop"
        sentence, next_step = f"Something answered {answer.status_code} that is not Haloop.", "Check the address."
    return Problem(sentence, status=answer.status_code, code=code, next_step=next_step, more=told)


def _not_reached(address: str, error: httpx2.TransportError) -> NotReached:
    return NotReached(f"Nobody answers at {address} ({type(error).__name__}).")


def _exit_of(status: int) -> Exit:
    if status >= _SERVER:
        return Exit.BAD
    return Exit.USAGE if status == _UNPROCESSABLE else Exit.REFUSED
