"""A login from elsewhere: an issuer that the house trusts says who somebody is, by OpenID Connect.

The browser is sent to the issuer with a question of ours, and comes back with a code that we exchange. What the
issuer then says is believed only if it is signed by the issuer's own key, is about this question, and is meant for us.
A login is known by its issuer and the issuer's own name for the person; neither an e-mail address nor a name that
somebody may choose counts for anything.
"""

import asyncio
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from importlib import import_module
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx2
from pydantic import BaseModel, Field, ValidationError

from haloop.fitting import is_safe
from haloop.identity import NotKnown
from haloop.kernel import canonical
from haloop.kernel.errors import HaloopError

CALLBACK = "/api/login/callback"

T = TypeVar("T", bound=BaseModel)

_PROTOCOL = "haloop.openid"
_ANSWER_BYTES_MAX = 1 << 20
_SECONDS_TO_ANSWER = 10.0
_SECOND = 1_000_000
_TOLD_APART = frozenset({"iss", "aud", "nonce", "exp", "signature"})


class LoginRefused(NotKnown):
    """What came back from the issuer does not say who somebody is."""

    code = "login.refused"
    next_step = "Begin again, on Haloop's own page."


class IssuerSilent(HaloopError):
    """The issuer cannot be asked."""

    code = "login.issuer"
    next_step = "Try again later; whoever keeps this Haloop looks at login.issuer in its settings."


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Somebody, as the issuer knows them."""

    key: str
    """Stands for the issuer and its name for them, and tells neither."""
    at: int
    """When they showed the issuer who they are, as far as it says."""


class Described(BaseModel):
    """What an issuer says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]
    authorization_response_iss_parameter_supported: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What somebody is sent to the issuer with; the answer must fit it."""

    described: Described
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))


class _Exchanged(BaseModel):
    id_token: str = Field(max_length=_ANSWER_BYTES_MAX)
    access_token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """The one issuer of a house."""

    address: str
    client_id: str
    client_secret: str
    """Empty for a public client, which has none."""
    callback: str
    """Where the issuer sends people back to: a page of ours, whatever a request says of itself."""

    async def ask(self) -> Question:
        """A question to send somebody with."""
        described = await self._fetched(
            Described, "GET", f"{self.address.rstrip('/')}/.well-known/openid-configuration"
        )
        if described.issuer != self.address:
            raise IssuerSilent("Whoever answers at the issuer's address says it is another.")
        await asyncio.to_thread(import_module, _PROTOCOL)
        for place in (described.authorization_endpoint, described.token_endpoint, described.jwks_uri):
            self._require_safe(place)
        return Question(described=described)

    def page(self, question: Question, *, again: bool) -> str:
        """Where the browser goes; `again`: even somebody whom the issuer knows already shows who they are."""
        from haloop import openid  # noqa: PLC0415  # loaded with the first login

        fresh = {"prompt": "login", "max_age": "0"} if again else {}
        return openid.address(
            question.described.authorization_endpoint,
            verifier=question.verifier,
            client_id=self.client_id,
            redirect_uri=self.callback,
            scope="openid",
            state=question.state,
            nonce=question.nonce,
            **fresh,
        )

    async def answer(self, question: Question, *, code: str, named: str | None, now: int) -> Login:
        """Who came back with this code; `named` is the issuer that the browser came from, as far as it says."""
        says_who = question.described.authorization_response_iss_parameter_supported
        if (named is None and says_who) or named not in (None, self.address):
            raise LoginRefused("The answer came from another issuer.", code="login.iss")
        exchanged = await self._exchange(question, code)
        keys = await self._fetched(_Keys, "GET", question.described.jwks_uri)
        claims = self._believed(exchanged, keys, question, now // _SECOND)
        at = claims.get("auth_time") or claims["iat"]
        return Login(key=login_key(self.address, claims["sub"]), at=min(now, int(at) * _SECOND))

    def _believed(self, exchanged: _Exchanged, keys: "_Keys", question: Question, now: int) -> dict[str, Any]:
        from haloop import openid  # noqa: PLC0415  # loaded with the first login

        try:
            return openid.believed(
                exchanged.id_token,
                access_token=exchanged.access_token,
                keys=keys.keys,
                issuer=self.address,
                client_id=self.client_id,
                nonce=question.nonce,
                now=now,
            )
        except openid.NotBelieved as error:
            code = f"login.{error.about}" if error.about in _TOLD_APART else LoginRefused.code
            raise LoginRefused(error.sentence, code=code) from error

    async def _exchange(self, question: Question, code: str) -> _Exchanged:
        said = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.callback,
            "code_verifier": question.verifier,
        }
        if not self.client_secret:
            return await self._fetched(
                _Exchanged, "POST", question.described.token_endpoint, data={**said, "client_id": self.client_id}
            )
        if "client_secret_basic" not in question.described.token_endpoint_auth_methods_supported:
            named = {"client_id": self.client_id, "client_secret": self.client_secret}
            return await self._fetched(_Exchanged, "POST", question.described.token_endpoint, data={**said, **named})
        pair = (quote(self.client_id, safe=""), quote(self.client_secret, safe=""))
        return await self._fetched(_Exchanged, "POST", question.described.token_endpoint, data=said, auth=pair)

    async def _fetched(self, kind: type[T], method: str, place: str, **how: Any) -> T:  # noqa: ANN401  # httpx2's own
        """What the issuer answers, as what it must be; no redirection is followed, and no proxy asked."""
        self._require_safe(place)
        try:
            async with (
                httpx2.AsyncClient(trust_env=False, timeout=_SECONDS_TO_ANSWER) as client,
                client.stream(method, place, headers={"Accept": "application/json"}, **how) as answer,
            ):
                body = bytearray()
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > _ANSWER_BYTES_MAX:
                        raise IssuerSilent("The issuer's answer has no end.")
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise IssuerSilent(f"The issuer does not answer ({type(error).__name__}).") from error
        if kind is _Exchanged and answer.is_client_error:
            raise LoginRefused("The issuer does not take this code.", code="login.code")
        try:
            return kind.model_validate_json(bytes(body))
        except ValidationError as error:
            raise IssuerSilent(f"The issuer answers {answer.status_code} with something else.") from error

    def _require_safe(self, place: str) -> None:
        """Nothing is said without TLS, but to an issuer on this very machine."""
        if not is_safe(place) or (urlsplit(place).scheme == "http" and urlsplit(self.address).scheme != "http"):
            raise IssuerSilent("The issuer names an address without TLS.")


class _Keys(BaseModel):
    keys: list[dict[str, Any]]


def login_key(issuer: str, subject: str) -> str:
    """What a login is known by."""
    return sha256(canonical.encode(["haloop/login/1", issuer, subject])).hexdigest()
