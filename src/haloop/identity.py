"""Who is asking: a person of an account, or an agent under a token.

On the machine itself there is one file that only its owner can read. Whoever can show what stands in it is the
account's owner, as far as practice goes; a browser gets it once, through an address that is good for one visit, and
begins a session, which lasts over restarts until it is over or ended. It proves less than a passkey does, so nothing
live can be approved with it alone.
"""

import hmac
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from haloop.engines.local import LocalEngine
from haloop.kernel.account import Account, Credential
from haloop.kernel.agent import PresentedToken
from haloop.kernel.errors import ClaimTaken, Conflict, HaloopError, NotFound, Refused
from haloop.kernel.fact import Fact, InvitationRedeemed, PersonRemoved
from haloop.kernel.ids import AccountId, PersonId, RunId, new_person_id
from haloop.kernel.invitation import PresentedInvitation
from haloop.kernel.people import Role
from haloop.store.sessions import Session, Sessions

IDLE_SECONDS = 7 * 86_400
"""A session nobody used for so long is over."""
SESSION_SECONDS = 30 * 86_400
"""So is one that began so long ago."""
_ONCE_SECONDS = 600
_USED_SECONDS = 300
"""So often it is noted that a session is used."""
_SECOND = 1_000_000
_TOKEN_MIN = 32


class NotKnown(Refused):
    """Nobody knows who is asking."""

    code = "identity.unknown"
    next_step = "Open the address that `haloop start` printed, or send the token in an Authorization header."


class NotAllowed(Refused):
    """Whoever is asking may not do this."""

    code = "identity.not_allowed"
    next_step = "Ask a person of the account to do it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whoever is asking."""

    account: AccountId
    person: PersonId | None = None
    agent: str | None = None
    desks: frozenset[str] | None = field(default=None, compare=False)
    """Those that an agent's token may ask; any, where nobody said."""
    roles: frozenset[Role] = field(default=frozenset(), compare=False)
    """Theirs in the account, as it stands."""
    session: str = field(default="", compare=False)
    """The id of the session they came with, if it is one."""
    proven_at: int = field(default=0, compare=False)
    """When they last showed who they are."""
    is_beyond: bool = field(default=False, compare=False)
    """Whether they ask from beyond the machine itself."""

    @property
    def actor(self) -> str:
        """How the ledger names them."""
        return f"agent:{self.agent}" if self.person is None else f"person:{self.person}"

    def may_ask(self, desk: str) -> bool:
        """Whether this desk is one that they may ask."""
        return self.desks is None or desk in self.desks

    def require_role(self, *roles: Role) -> None:
        """Some things are for an owner, or for whoever may decide."""
        if not self.roles & {*roles}:
            raise NotAllowed(f"This is for an {' or '.join(roles)} of the account.")

    def require_person(self) -> PersonId:
        """Some things are for people alone."""
        if self.person is None:
            raise NotAllowed("An agent may propose, and see what it proposed; this is for people.")
        return self.person


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A session that has just begun."""

    session: str
    """For the cookie."""
    secret: str
    """For the page alone."""
    caller: Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """An invitation that holds."""

    account: AccountId
    invitation: str

    def claim(self) -> bytes:
        """By which the ledger lets it be redeemed once."""
        return sha256(f"haloop/invitation/1 {self.account} {self.invitation}".encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    caller: Caller
    until: int
    binding: str
    """The browser that alone may use it; empty on the machine itself, where whoever has the key is meant."""


def read_or_make_token(file: Path) -> str:
    """The machine's own token; where there is none that is whole, it is made and stored, 0600."""
    token = file.read_text(encoding="ascii", errors="replace").strip() if file.exists() else ""
    if len(token) >= _TOKEN_MIN and token.isascii():
        return token
    token, part = secrets.token_urlsafe(32), file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600, exist_ok=False)
    with part.open("w", encoding="ascii") as opened:
        opened.write(token)
        opened.flush()
        os.fsync(opened.fileno())
    part.replace(file)
    return token


@dataclass(slots=True, kw_only=True)
class Identity:
    """Knows who is asking, by what they show."""

    engine: LocalEngine
    owner: Caller
    """Whoever has the machine's token."""
    token: str
    kept: Sessions
    """Where sessions are."""
    _once: dict[str, _Visit] = field(default_factory=dict)
    """Keys that are good for one visit, by their hash."""

    def __post_init__(self) -> None:
        self.kept.end_older(begun_before=self._since(SESSION_SECONDS), used_before=self._since(IDLE_SECONDS))
        self.engine.watch(self._hear)

    def issue_once(self, caller: Caller | None = None, *, binding: str = "") -> str:
        """A key for one visit of a browser, as this caller; as the owner where nobody is named."""
        key = secrets.token_urlsafe(24)
        self._once = {known: visit for known, visit in self._once.items() if self._now() < visit.until}
        self._once[_hash(key)] = _Visit(
            caller=caller or self.owner, until=self._now() + _ONCE_SECONDS * _SECOND, binding=binding
        )
        return key

    def take(self, key: str, *, binding: str = "") -> Caller:
        """Whom a key that is good for one visit is for, in this browser; then it is spent."""
        visit = self._once.pop(_hash(key), None)
        if visit is None or self._now() >= visit.until or not hmac.compare_digest(visit.binding, binding):
            raise NotKnown("This address was used already, or is too old.", code="identity.used")
        return visit.caller

    def begin(self, caller: Caller, *, browser: str) -> Opened:
        """A new session for somebody who has just shown who they are, unless they did so at another time."""
        session, secret, now = secrets.token_urlsafe(32), secrets.token_urlsafe(32), self._now()
        begun = Session(
            hash=_hash(session),
            secret=_hash(secret),
            id=secrets.token_hex(8),
            account=caller.account,
            person=caller.require_person(),
            begun_at=now,
            used_at=now,
            proven_at=caller.proven_at or now,
            is_beyond=int(caller.is_beyond),
            browser=browser,
        )
        self.kept.keep(begun)
        return Opened(session=session, secret=secret, caller=caller)

    def of_session(self, session: str, secret: str, *, is_beyond: bool = False) -> Caller:
        """Whose session this is; it takes what the browser sends by itself, and what only the page has."""
        known = self.kept.find(_hash(session))
        if (
            known is None
            or not hmac.compare_digest(_hash(secret), known.secret)
            or known.is_beyond != is_beyond
            or self._is_over(known)
        ):
            raise NotKnown("This session is over.", code="identity.session_over")
        if known.used_at <= self._since(_USED_SECONDS):
            self.kept.use(known, self._now())
        return Caller(account=known.account, person=known.person, session=known.id, proven_at=known.proven_at)

    def is_open(self, caller: Caller) -> bool:
        """Whether the session they came with is still one; whoever showed a token has none to lose."""
        return not caller.session or any(one.id == caller.session for one in self.sessions(caller))

    def sessions(self, caller: Caller) -> list[Session]:
        """The browsers in which somebody is known, the newest first."""
        return [one for one in self.kept.of(caller.require_person()) if not self._is_over(one)]

    def end_session(self, session: str) -> None:
        """End the session that a browser shows."""
        known = self.kept.find(_hash(session))
        if known is not None:
            self.kept.end(known)

    def revoke_session(self, caller: Caller, name: str) -> None:
        """End one of somebody's own sessions, wherever its browser is."""
        found = [one for one in self.sessions(caller) if one.id == name]
        if not found:
            raise NotFound("There is no such session.", code="session.unknown", next_step="Look at the list of yours.")
        self.kept.end(*found)

    def end_others(self, caller: Caller) -> None:
        """Whoever else is known as this person is not any more, in whatever account, nor by a key for one visit."""
        person = caller.require_person()
        self.kept.end(*(one for one in self.kept.of(person) if one.id != caller.session))
        self._once = {key: visit for key, visit in self._once.items() if visit.caller.person != person}

    def end_from_elsewhere(self, person: PersonId, *, but: Caller) -> None:
        """Whoever came in from beyond the machine as this person is out, but for whoever is asking."""
        self.kept.end(*(one for one in self.kept.of(person) if one.is_beyond and one.id != but.session))

    async def memberships(self, person: PersonId) -> Sequence[Caller]:
        """Somebody in every account they belong to, with their roles in it."""
        return [
            Caller(account=account.id, person=person, roles=account.people[person].roles)
            for account in await self._accounts()
            if person in account.people
        ]

    async def of_login(self, login: str) -> Sequence[Caller]:
        """Whoever has this login, in every account they belong to; nobody where none is linked to it."""
        linked = [account.logins[login] for account in await self._accounts() if login in account.logins]
        return await self.memberships(linked[0]) if linked else ()

    async def of_credential(self, credential: str) -> tuple[Credential, Sequence[Caller]] | None:
        """A passkey, and its person in every account they belong to, the one where it is enrolled first."""
        for account in await self._accounts():
            known = account.credentials.get(credential)
            if known is not None and known.person in account.people:
                members = await self.memberships(known.person)
                return known, sorted(members, key=lambda one: one.account != account.id)
        return None

    async def switch(self, caller: Caller, account: AccountId, *, browser: str) -> Opened:
        """A new session in another account of theirs; having shown who they are counts on."""
        for one in await self.memberships(caller.require_person()):
            if one.account == account:
                there = replace(one, proven_at=caller.proven_at, is_beyond=caller.is_beyond)
                return self.begin(there, browser=browser)
        raise NotFound("You belong to no such account.", code="account.unknown", next_step="Look at the list of yours.")

    async def invited(self, shown: str) -> "Invited":
        """What an invitation opens; NotKnown where it opens nothing."""
        presented = PresentedInvitation.read(shown)
        account = next((one for one in await self._accounts() if presented and one.id == presented.account), None)
        known = account.invitations.get(presented.id) if account and presented else None
        if account is None or presented is None or known is None or not presented.is_that_of(known, now=self._now()):
            raise NotKnown(
                "This invitation was used, taken back, or is too old.",
                code="invitation.over",
                next_step="Ask an owner of the account for a new one.",
            )
        return Invited(account=account.id, invitation=known.id)

    async def join(self, invited: "Invited", *, person: PersonId | None = None, login: str = "") -> Caller:
        """Let somebody into the account they were invited to: as somebody known here, or as somebody new."""
        joining = person or new_person_id()
        if joining in (await self.engine.account(invited.account)).people:
            raise Conflict(
                "You belong to this account already.",
                code="invitation.member",
                next_step="Leave the invitation to whom it is for; an owner changes roles.",
            )
        fact = InvitationRedeemed(invitation=invited.invitation, person=joining, login=login)
        try:
            await self.engine.record(invited.account, fact, by=f"person:{joining}", claim=invited.claim())
        except ClaimTaken as error:
            raise NotKnown("This invitation was just used.", code="invitation.over") from error
        return Caller(account=invited.account, person=joining)

    async def _accounts(self) -> Sequence[Account]:
        return [await self.engine.account(one) for one in await self.engine.world.ledger.accounts()]

    async def of_token(self, token: str, *, is_beyond: bool = False) -> Caller:
        """Whose token this is; the machine's own is good on the machine alone."""
        presented = PresentedToken.read(token)
        if presented is not None:
            return await self._agent(presented)
        if is_beyond or not token or not hmac.compare_digest(token.encode(), self.token.encode()):
            raise NotKnown("This token is not known here.")
        return self.owner

    async def _agent(self, presented: PresentedToken) -> Caller:
        try:
            known = (await self.engine.account(presented.account)).tokens.get(presented.id)
        except HaloopError:
            known = None
        if known is None or not presented.is_that_of(known, now=self._now()):
            raise NotKnown("This token is not known here, has ended, or was revoked.")
        return Caller(account=presented.account, agent=known.agent, desks=known.desks)

    def _hear(self, account: AccountId, _run: RunId, fact: Fact) -> None:
        """Whoever is taken out of an account has no session in it from that moment."""
        if isinstance(fact, PersonRemoved):
            self.kept.end(*(one for one in self.kept.of(PersonId(fact.person)) if one.account == account))

    def _is_over(self, session: Session) -> bool:
        return session.used_at <= self._since(IDLE_SECONDS) or session.begun_at <= self._since(SESSION_SECONDS)

    def _since(self, seconds: int) -> int:
        return self._now() - seconds * _SECOND

    def _now(self) -> int:
        return self.engine.world.now()


def _hash(key: str) -> str:
    return sha256(key.encode()).hexdigest()
