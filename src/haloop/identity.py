"""Who is asking: a person of an account, or an agent under a token.

On the machine itself there is one file that only its owner can read. Whoever can show what stands in it is the
account's owner, as far as practice goes; a browser gets it once, through an address that is good for one visit, and
begins a session, which lasts over restarts until it is over or ended. It proves less than a passkey does, so nothing
live can be approved with it alone.
"""

import hmac
import os
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from haloop.engines.local import LocalEngine
from haloop.kernel.agent import PresentedToken
from haloop.kernel.errors import HaloopError, NotFound, Refused
from haloop.kernel.fact import Fact, PersonRemoved
from haloop.kernel.ids import AccountId, PersonId, RunId
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
    session: str = field(default="", compare=False)
    """The id of the session they came with, if it is one."""

    @property
    def actor(self) -> str:
        """How the ledger names them."""
        return f"agent:{self.agent}" if self.person is None else f"person:{self.person}"

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
class _Visit:
    caller: Caller
    until: int


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

    def issue_once(self, caller: Caller | None = None) -> str:
        """A key for one visit of a browser, as this caller; as the owner where nobody is named."""
        key = secrets.token_urlsafe(24)
        self._once = {known: visit for known, visit in self._once.items() if self._now() < visit.until}
        self._once[_hash(key)] = _Visit(caller=caller or self.owner, until=self._now() + _ONCE_SECONDS * _SECOND)
        return key

    def redeem(self, key: str, *, browser: str) -> Opened:
        """A session for whoever came with a key that is good for one visit."""
        visit = self._once.pop(_hash(key), None)
        if visit is None or self._now() >= visit.until:
            raise NotKnown("This address was used already, or is too old.", code="identity.used")
        return self.begin(visit.caller, browser=browser)

    def begin(self, caller: Caller, *, browser: str) -> Opened:
        """A new session for somebody who has just shown who they are."""
        session, secret, now = secrets.token_urlsafe(32), secrets.token_urlsafe(32), self._now()
        begun = Session(
            hash=_hash(session),
            secret=_hash(secret),
            id=secrets.token_hex(8),
            account=caller.account,
            person=caller.require_person(),
            begun_at=now,
            used_at=now,
            proven_at=now,
            browser=browser,
        )
        self.kept.keep(begun)
        return Opened(session=session, secret=secret, caller=caller)

    def of_session(self, session: str, secret: str) -> Caller:
        """Whose session this is; it takes what the browser sends by itself, and what only the page has."""
        known = self.kept.find(_hash(session))
        if known is None or not hmac.compare_digest(_hash(secret), known.secret) or self._is_over(known):
            raise NotKnown("This session is over.", code="identity.session_over")
        if known.used_at <= self._since(_USED_SECONDS):
            self.kept.use(known, self._now())
        return Caller(account=known.account, person=known.person, session=known.id)

    def sessions(self, caller: Caller) -> list[Session]:
        """The browsers in which somebody is known, the newest first."""
        found = self.kept.of(caller.account, caller.require_person())
        return [one for one in found if not self._is_over(one)]

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

    async def of_token(self, token: str) -> Caller:
        """Whose token this is."""
        presented = PresentedToken.read(token)
        if presented is not None:
            return await self._agent(presented)
        if not token or not hmac.compare_digest(token.encode(), self.token.encode()):
            raise NotKnown("This token is not known here.")
        return self.owner

    async def _agent(self, presented: PresentedToken) -> Caller:
        try:
            known = (await self.engine.account(presented.account)).tokens.get(presented.id)
        except HaloopError:
            known = None
        if known is None or not presented.is_that_of(known, now=self._now()):
            raise NotKnown("This token is not known here, has ended, or was revoked.")
        return Caller(account=presented.account, agent=known.agent)

    def _hear(self, account: AccountId, _run: RunId, fact: Fact) -> None:
        """Whoever is taken out of an account has no session in it from that moment."""
        if isinstance(fact, PersonRemoved):
            self.kept.end(*self.kept.of(account, PersonId(fact.person)))

    def _is_over(self, session: Session) -> bool:
        return session.used_at <= self._since(IDLE_SECONDS) or session.begun_at <= self._since(SESSION_SECONDS)

    def _since(self, seconds: int) -> int:
        return self._now() - seconds * _SECOND

    def _now(self) -> int:
        return self.engine.world.now()


def _hash(key: str) -> str:
    return sha256(key.encode()).hexdigest()
