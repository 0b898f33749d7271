"""Logins: the ways in for somebody who has nothing to show yet.

From elsewhere a person comes by the house's issuer: this browser is sent there and comes back. The cookie that it is
sent with ties the way back to this very browser, so that nobody is brought in as somebody else. Whoever has a
passkey may show that instead, here and from elsewhere. Both end in a new session.
"""

import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from haloop.api.asking import At, Here, In, Place, known_here, same_site
from haloop.api.browsers import LOGIN_SECONDS, binding_of, browser_of, tie, welcome
from haloop.api.errors import problem
from haloop.api.house import House
from haloop.api.rates import visits_limited
from haloop.api.vouching import Challenges, read_assertion
from haloop.identity import Caller, NotKnown
from haloop.issuer import Issuer, Login, LoginRefused, Question
from haloop.kernel.errors import BadInput, Conflict, HaloopError, Refused
from haloop.kernel.fact import LoginLinked
from haloop.kernel.ids import AccountId
from haloop.kernel.passkey import Site, base64url, check_assertion
from haloop.logs import tell_actor
from haloop.store.signing import verify_passkey
from haloop.wire.logins import LoginBegun, LoginWanted, PasskeyAsked, PasskeyShown, WaysIn
from haloop.wire.sessions import SessionOut

router = APIRouter(tags=["logins"])
log = logging.getLogger("haloop.api")

BEGUN_MAX = 1_000
"""So many logins are under way at most; then the oldest is given up."""
_SECOND = 1_000_000
_COMING_IN = "coming in"  # no passkey can have this for a name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """Somebody is on their way to the issuer and back."""

    question: Question
    binding: str
    wanted: LoginWanted
    before: Caller | None
    """Whom this browser knew until then."""
    until: int


class Logins:
    """The logins that are under way: each good once, in one browser, for a few minutes."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._begun: OrderedDict[str, _Begun] = OrderedDict()

    def begin(self, question: Question, wanted: LoginWanted, *, binding: str, before: Caller | None) -> None:
        if len(self._begun) >= BEGUN_MAX:
            self._begun.popitem(last=False)
        until = self._now() + LOGIN_SECONDS * _SECOND
        self._begun[_hash(question.state)] = _Begun(
            question=question, binding=binding, wanted=wanted, before=before, until=until
        )

    def end(self, state: str, *, binding: str) -> _Begun:
        """Take a login back; whatever comes of it, it is spent."""
        begun = self._begun.pop(_hash(state), None)
        if begun is None or self._now() >= begun.until:
            raise LoginRefused("This login was not begun here, was used already, or took too long.", code="login.state")
        if not binding or not secrets.compare_digest(begun.binding, binding):
            raise LoginRefused("This login was begun in another browser.", code="login.browser")
        return begun


@router.get("/api/login")
async def show_ways_in(house: In, place: At) -> WaysIn:
    """How whoever opens the page here may come in."""
    return WaysIn(elsewhere=place.is_beyond, issuer=place.is_beyond and house.issuer is not None, passkey=True)


@router.post("/api/login", status_code=201, dependencies=[Depends(same_site), Depends(visits_limited)])
async def begin_login(house: In, place: At, request: Request, wanted: LoginWanted, answer: Response) -> LoginBegun:
    """Where this browser goes to log in; with a key or an invitation, to be who that is for from then on."""
    issuer = _issuer_of(house, is_beyond=place.is_beyond)
    if wanted.invitation:
        await house.identity.invited(wanted.invitation)
    question = await issuer.ask()
    binding = tie(place, answer)
    logins: Logins = request.app.state.logins
    logins.begin(question, wanted, binding=binding, before=await known_here(request))
    return LoginBegun(address=issuer.page(question, again=wanted.again))


@router.get("/api/login/callback", status_code=303, response_class=RedirectResponse)
async def end_login(
    house: In,
    place: At,
    request: Request,
    state: Annotated[str, Query(max_length=200)],
    code: Annotated[str | None, Query(max_length=4_000)] = None,
    iss: Annotated[str | None, Query(max_length=1_000)] = None,
    error: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Where the issuer sends the browser back to; it goes on to the page, and nowhere else."""
    try:
        key = await _come_back(house, place, request, state=state, code=code, iss=iss, error=error)
    except HaloopError as refusal:
        answer = problem(request, refusal)
        if "text/html" not in request.headers.get("accept", ""):
            return answer
        return RedirectResponse(f"/#refused={refusal.code}", HTTPStatus.SEE_OTHER)
    return RedirectResponse(f"/#session={key}", HTTPStatus.SEE_OTHER)


async def _come_back(
    house: House,
    place: Place,
    request: Request,
    *,
    state: str,
    code: str | None,
    iss: str | None,
    error: str | None,
) -> str:
    """A key with which this browser, and no other, begins its session."""
    issuer = _issuer_of(house, is_beyond=place.is_beyond)
    logins: Logins = request.app.state.logins
    begun = logins.end(state, binding=binding_of(place, request))
    if error is not None or code is None:
        raise LoginRefused("The issuer did not let them in.", code="login.denied")
    login = await issuer.answer(begun.question, code=code, named=iss, now=house.engine.world.now())
    async with house.turn:
        caller = await _whose(house, login, begun)
    tell_actor(caller.actor)
    log.info("login")
    return house.identity.issue_once(replace(caller, proven_at=login.at, is_beyond=True), binding=begun.binding)


async def _whose(house: House, login: Login, begun: _Begun) -> Caller:
    """Whose a login is: as it was linked, or as whoever brought a key or an invitation along says now."""
    known = await house.identity.of_login(login.key)
    if begun.wanted.key:
        return await _link(house, house.identity.take(begun.wanted.key), login, known)
    if begun.wanted.invitation:
        invited = await house.identity.invited(begun.wanted.invitation)
        return await house.identity.join(invited, person=known[0].person if known else None, login=login.key)
    if not known:
        raise LoginRefused(
            "Nobody here has this login.", code="login.unknown", next_step="Ask an owner of the account to invite you."
        )
    if begun.wanted.again:
        _require_same(known, begun.before)
    return _as_before(known, begun.before)


async def _link(house: House, caller: Caller, login: Login, known: Sequence[Caller]) -> Caller:
    logins = (await house.engine.account(caller.account)).logins
    if any(one.person != caller.person for one in known):
        raise Conflict(
            "This login is somebody else's here.",
            code="login.linked",
            next_step="Log in with another, or as whom it is.",
        )
    if login.key not in logins:
        linked = LoginLinked(person=caller.require_person(), login=login.key)
        await house.engine.record(caller.account, linked, by=caller.actor)
    return caller


@router.post("/api/login/passkey/challenge", dependencies=[Depends(same_site), Depends(visits_limited)])
async def begin_passkey_login(here: Here, place: At, request: Request, answer: Response) -> PasskeyAsked:
    """What a passkey signs to come in, in this browser, within a few minutes; whose it is shows only then."""
    shown: Challenges = request.app.state.shown
    challenge = shown.issue(_anybody(tie(place, answer)), _COMING_IN)
    return PasskeyAsked(challenge=base64url(challenge), rp_id=here.rp_id)


@router.post("/api/login/passkey", status_code=201, dependencies=[Depends(same_site), Depends(visits_limited)])
async def show_passkey(
    house: In, here: Here, place: At, request: Request, shown: PasskeyShown, answer: Response
) -> SessionOut:
    """Come in with a passkey, or show again who you are: it begins a new session.

    What was begun by one person is not gone on with as another: where it is shown again, only their own passkeys count.
    """
    challenges: Challenges = request.app.state.shown
    try:
        challenge = challenges.redeem(shown.challenge, _anybody(binding_of(place, request)), _COMING_IN)
        known = await _whose_passkey(house, here, shown, challenge)
    except (Refused, BadInput) as refusal:
        raise LoginRefused(refusal.sentence, code=refusal.code) from refusal
    before = await known_here(request)
    if shown.again and before is None:
        raise NotKnown("Nobody is signed in here any more.", code="identity.session_over")
    if shown.again:
        _require_same(known, before)
    caller = _as_before(known, before)
    return welcome(
        request,
        house.identity.begin(replace(caller, is_beyond=place.is_beyond), browser=browser_of(request)),
        answer,
    )


async def _whose_passkey(house: House, here: Site, shown: PasskeyShown, challenge: bytes) -> Sequence[Caller]:
    found = await house.identity.of_credential(shown.assertion.credential)
    if found is None:
        raise LoginRefused("Nobody here has this passkey.", code="login.passkey")
    credential, known = found
    check_assertion(read_assertion(shown.assertion, credential), challenge, credential.key, verify_passkey, site=here)
    return known


def _anybody(binding: str) -> Caller:
    """Whoever sits before the browser with this mark."""
    return Caller(account=AccountId(""), agent=binding)


def _as_before(known: Sequence[Caller], before: Caller | None) -> Caller:
    """In the account where this browser was, if it may be there."""
    return next((one for one in known if one == before), known[0])


def _require_same(known: Sequence[Caller], before: Caller | None) -> None:
    """Whoever shows again who they are is whoever this browser knew, if it knew anybody."""
    if before is not None and before not in known:
        raise Conflict(
            "This belongs to somebody else than the person who is signed in here.",
            code="login.another",
            next_step="Show one of your own; or end the session first, and come in as whom it is.",
        )


def _issuer_of(house: House, *, is_beyond: bool) -> Issuer:
    if house.issuer is None or not is_beyond:
        raise Refused(
            "On this machine nobody logs in.",
            code="login.none",
            next_step="Open the address that `haloop start` printed, or show a passkey.",
        )
    return house.issuer


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
