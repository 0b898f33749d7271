"""Haloop as it is reached from elsewhere: a browser at its public address, and issuers that say who somebody is."""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx2
from fastapi import FastAPI, Request
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from haloop.api.asking import LOGIN_COOKIE, SESSION_COOKIE
from haloop.issuer import CALLBACK, Issuer
from haloop.kernel import canonical
from haloop.serving import bind, served
from haloop.testing.clock import MovableClock
from haloop.wire.sessions import SESSION_HEADER
from tests.api.conftest import Door, opened_door

PUBLIC = "https://haloop.example.org"
CLIENT = "haloop"
SECRET = "the secret of a client/with signs"


def issuer_at(address: str) -> Issuer:
    return Issuer(address=address, client_id=CLIENT, client_secret=SECRET, callback=f"{PUBLIC}{CALLBACK}")


@asynccontextmanager
async def reachable(folder: Path, issuer: str) -> AsyncIterator[Door]:
    """A practice house behind a proxy with TLS, with the time of this machine."""
    clock = MovableClock(int(time.time()) * 1_000_000)
    async with opened_door(folder, issuer=issuer_at(issuer), clock=clock) as door:
        yield door


@dataclass(kw_only=True)
class Browser:
    """Somebody's browser, elsewhere: what the proxy passes on of it."""

    client: httpx2.AsyncClient
    cookies: dict[str, str] = field(default_factory=dict)
    secret: str = ""
    address: str = "203.0.113.7"

    @classmethod
    def at(cls, door: Door) -> Self:
        return cls(client=httpx2.AsyncClient(base_url=door.address))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()

    async def ask(self, method: str, path: str, *, json: Any = None, **headers: str) -> httpx2.Response:
        said = {
            "Host": urlsplit(PUBLIC).netloc,
            "X-Forwarded-For": self.address,
            **({} if method == "GET" else {"Origin": PUBLIC}),
            **(
                {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
            ),
            **({SESSION_HEADER: self.secret} if self.secret else {}),
            **headers,
        }
        self.client.cookies.clear()  # it would keep back what is for TLS alone
        answer = await self.client.request(method, path, json=json, headers=said)
        for one in answer.headers.get_list("set-cookie"):
            name, _, value = one.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
        return answer

    async def post(self, path: str, json: Any = None) -> httpx2.Response:
        return await self.ask("POST", path, json=json)

    async def get(self, path: str) -> httpx2.Response:
        return await self.ask("GET", path)

    async def begun(self, **wanted: Any) -> str:
        """Where a login begins."""
        answer = await self.post("/api/login", wanted)
        assert answer.status_code == 201, answer.text
        address: str = answer.json()["address"]
        return address

    async def came_back(self, location: str) -> httpx2.Response:
        """The issuer sends the browser back; with a key it begins a session."""
        assert location.startswith(f"{PUBLIC}{CALLBACK}?"), location
        answer = await self.get(location.removeprefix(PUBLIC))
        fragment = urlsplit(answer.headers.get("location", "")).fragment
        if fragment.startswith("session="):
            await self.come_in(fragment.removeprefix("session="))
        return answer

    async def come_in(self, key: str) -> httpx2.Response:
        begun = await self.post("/api/session", {"key": key})
        if begun.status_code == 201:
            self.secret = begun.json()["secret"]
        return begun

    async def log_in(self, subject: str, **wanted: Any) -> httpx2.Response:
        """From the page to the issuer and back."""
        return await self.came_back(await agreed(await self.begun(**wanted), subject))

    @property
    def session(self) -> str:
        return self.cookies.get(f"__Host-{SESSION_COOKIE}", "")

    @property
    def mark(self) -> str:
        return self.cookies.get(f"__Host-{LOGIN_COOKIE}", "")


async def agreed(page: str, subject: str) -> str:
    """Somebody is let in by the issuer; where that sends their browser."""
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.post(page, data={"sub": subject})
    assert answer.is_redirect, answer.text
    location: str = answer.headers["location"]
    return location


def asked(page: str) -> Mapping[str, str]:
    """What somebody was sent to the issuer with."""
    return {name: values[0] for name, values in parse_qs(urlsplit(page).query).items()}


def changed(address: str, **parameters: str) -> str:
    """The same address with other parameters."""
    parts = urlsplit(address)
    return parts._replace(query=urlencode({**dict(parse_qsl(parts.query)), **parameters})).geturl()


@dataclass
class Crook:
    """An issuer that says whatever it is told to, signed as it is told to."""

    address: str = ""
    signed_with: Any = None
    algorithm: str = "RS256"
    says: dict[str, Any] = field(default_factory=dict)
    leaves_out: tuple[str, ...] = ()
    describes: dict[str, Any] = field(default_factory=dict)
    forge: Callable[[bytes], str] | None = None
    """Makes a login of what an honest one says."""
    asked: dict[str, str] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1"}))
    exchanged: list[dict[str, str]] = field(default_factory=list)

    def honest(self) -> bytes:
        """What an honest login says."""
        return canonical.encode(self._said())

    def login(self) -> str:
        if self.forge is not None:
            return self.forge(self.honest())
        header = {"alg": self.algorithm, "kid": "1"}
        return jwt.encode(header, self._said(), self.signed_with or self.key, algorithms=[self.algorithm])

    def _said(self) -> dict[str, Any]:
        now = int(time.time())
        said = {
            "iss": self.address,
            "sub": "somebody",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 60,
            "nonce": self.asked["nonce"],
            **self.says,
        }
        return {name: value for name, value in said.items() if name not in self.leaves_out}

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        async def described() -> dict[str, Any]:
            return {
                "issuer": self.address,
                "authorization_endpoint": f"{self.address}/authorize",
                "token_endpoint": f"{self.address}/token",
                "jwks_uri": f"{self.address}/keys",
                **self.describes,
            }

        @app.post("/token")
        async def token(request: Request) -> dict[str, str]:
            self.exchanged.append(dict(parse_qsl((await request.body()).decode())))
            return {"id_token": self.login(), "access_token": "nothing", "token_type": "Bearer"}

        @app.get("/keys")
        async def keys() -> dict[str, Any]:
            return {"keys": [self.key.as_dict(private=False)]}

        return app


@asynccontextmanager
async def crooked() -> AsyncIterator[Crook]:
    """An issuer of that kind, on this machine."""
    crook = Crook()
    async with served(crook.app(), bind("127.0.0.1", 0)) as address:
        crook.address = address
        yield crook


STRANGER = ECKey.generate_key("P-256", {"kid": "1"})
"""A key of nobody's."""
