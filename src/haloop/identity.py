"""Who is asking: a person of an account, or an agent under a token.

On the machine itself there is one file that only its owner can read. Whoever can show what stands in it is the
account's owner, as far as practice goes; a browser gets it once, through an address that is good for one visit,
and keeps a session. It proves less than a passkey does, so nothing live can be approved with it alone.
"""

import hmac
import os
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from haloop.engines.local import LocalEngine
from haloop.kernel.agent import PresentedToken
from haloop.kernel.errors import HaloopError, Refused
from haloop.kernel.ids import AccountId, PersonId

SESSION_SECONDS = 7 * 86_400
"""A session nobody used for so long is over."""
_ONCE_SECONDS = 600
_SECOND = 1_000_000
_SESSIONS_MAX = 100
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


@dataclass(slots=True, kw_only=True)
class _Session:
    caller: Caller
    secret: str
    """The hash of what the page keeps."""
    used_at: int


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
    _once: dict[str, _Visit] = field(default_factory=dict)
    """Keys that are good for one visit, by their hash."""
    _sessions: dict[str, _Session] = field(default_factory=dict)

    def issue_once(self, caller: Caller | None = None) -> str:
        """A key for one visit of a browser, as this caller; as the owner where nobody is named."""
        key = secrets.token_urlsafe(24)
        self._once = {known: visit for known, visit in self._once.items() if self._now() < visit.until}
        self._once[_hash(key)] = _Visit(caller=caller or self.owner, until=self._now() + _ONCE_SECONDS * _SECOND)
        return key

    def redeem(self, key: str) -> "Opened":
        """A session for whoever came with a key that is good for one visit."""
        visit = self._once.pop(_hash(key), None)
        if visit is None or self._now() >= visit.until:
            raise NotKnown("This address was used already, or is too old.", code="identity.used")
        return self._begin(visit.caller)

    def end_session(self, session: str) -> None:
        self._sessions.pop(_hash(session), None)

    def of_session(self, session: str, secret: str) -> Caller:
        """Whose session this is; it takes what the browser sends by itself, and what only the page has."""
        known = self._sessions.get(_hash(session))
        if (
            known is None
            or not hmac.compare_digest(_hash(secret), known.secret)
            or self._now() >= known.used_at + SESSION_SECONDS * _SECOND
        ):
            raise NotKnown("This session is over.", code="identity.session_over")
        known.used_at = self._now()
        return known.caller

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

    def _begin(self, caller: Caller) -> "Opened":
        session, secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        if len(self._sessions) >= _SESSIONS_MAX:
            del self._sessions[min(self._sessions, key=lambda one: self._sessions[one].used_at)]
        self._sessions[_hash(session)] = _Session(caller=caller, secret=_hash(secret), used_at=self._now())
        return Opened(session=session, secret=secret, caller=caller)

    def _now(self) -> int:
        return self.engine.world.now()


def _hash(key: str) -> str:
    return sha256(key.encode()).hexdigest()
