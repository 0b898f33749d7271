"""Passkeys: how one is added or taken away, and what a browser's answer becomes before it is checked.

The machine's token is how it begins: with it alone a person adds a first passkey. From then on a passkey they
have must say yes to every other, and to taking one away. Without that, any program that can read the token
could add a passkey of its own, and nothing would be left that it cannot approve.
"""

import asyncio
import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import APIRouter, Depends, Request
from webauthn import generate_registration_options, verify_registration_response
from webauthn.helpers import decode_credential_public_key, decoded_public_key_to_cryptography, options_to_json_dict
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorAttestationResponse,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from haloop.api.asking import ByPerson, Here, In, fresh
from haloop.api.house import House
from haloop.api.once import Keyed
from haloop.identity import Caller, NotAllowed
from haloop.kernel.account import Account, Credential
from haloop.kernel.clock import as_text
from haloop.kernel.errors import BadInput, Conflict, NotFound, Refused
from haloop.kernel.fact import CredentialEnrolled, CredentialRevoked
from haloop.kernel.passkey import (
    EDDSA,
    ES256,
    Assertion,
    PersonKey,
    Site,
    base64url,
    check_assertion,
    from_base64url,
)
from haloop.kernel.people import Person, Role
from haloop.store.signing import verify_passkey
from haloop.wire.passkeys import ChallengeOut, PasskeyAnswer, PasskeyConfirmed, PasskeyMade, PasskeyOptions, PasskeyOut

router = APIRouter(tags=["passkeys"], route_class=Keyed)

CHALLENGE_SECONDS = 300
_CHALLENGES_MAX = 100
_SECOND = 1_000_000
_OF_ONE_MAX = 5
_ADDING = "a new one"  # no passkey can have this for a name
_ALGORITHMS = {ES256: "es256", EDDSA: "eddsa"}
_OFFERED = [COSEAlgorithmIdentifier.ECDSA_SHA_256, COSEAlgorithmIdentifier.EDDSA]
# What was sent in the browser's name may be anything, and the library lets some of it fall through its readers.
_UNREADABLE = (WebAuthnException, AttributeError, LookupError, TypeError, ValueError)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    by: Caller
    purpose: str
    until: int


class Challenges:
    """The challenges that are out: each for one person and one purpose, good once, for a few minutes."""

    def __init__(self, house: House, *, at_most: int = _CHALLENGES_MAX) -> None:
        self._now = house.engine.world.now
        self._at_most = at_most
        self._out: dict[bytes, _Asked] = {}
        self.turn = asyncio.Lock()
        """Held from looking at somebody's passkeys to recording: two first ones at once would confirm neither."""

    def issue(self, by: Caller, purpose: str) -> bytes:
        """A challenge that nobody can guess."""
        theirs = [one for one, asked in self._out.items() if asked.by == by]
        if len(theirs) >= _OF_ONE_MAX:  # nobody throws out what others were asked
            del self._out[theirs[0]]
        elif len(self._out) >= self._at_most:
            del self._out[next(iter(self._out))]
        challenge = secrets.token_bytes(32)
        self._out[challenge] = _Asked(by=by, purpose=purpose, until=self._now() + CHALLENGE_SECONDS * _SECOND)
        return challenge

    def redeem(self, challenge: str, by: Caller, purpose: str) -> bytes:
        """Take a challenge back; whatever comes of it, it is spent."""
        spelt = from_base64url(challenge)
        asked = self._out.pop(spelt, None)
        if asked is None or (asked.by, asked.purpose) != (by, purpose) or self._now() >= asked.until:
            raise Refused(
                "This was not asked for, was used already, or took too long.",
                code="passkey.challenge",
                next_step="Begin again: ask for a new challenge.",
            )
        return spelt


def _challenges_of(request: Request) -> Challenges:
    challenges: Challenges = request.app.state.challenges
    return challenges


Out = Annotated[Challenges, Depends(_challenges_of)]


@router.get("/api/passkeys")
async def list_passkeys(house: In, caller: ByPerson) -> list[PasskeyOut]:
    """Your own passkeys."""
    own = _own(await house.engine.account(caller.account), caller)
    return [await _told(house, caller, name, credential) for name, credential in own.items()]


@router.post("/api/passkeys/options")
async def begin_adding_passkey(house: In, caller: ByPerson, here: Here, challenges: Out) -> PasskeyOptions:
    """What a browser needs to make a passkey for you, once, within a few minutes."""
    account = await house.engine.account(caller.account)
    person, own = _person(account, caller), _own(account, caller)
    vouching = await _vouching(house, account, caller)
    challenge = challenges.issue(caller, _ADDING)
    options = generate_registration_options(
        rp_id=here.rp_id,
        rp_name="Haloop",
        user_id=sha256(f"{caller.account} {person.id}".encode()).digest(),  # one device, several accounts
        user_name=person.name,
        challenge=challenge,
        timeout=CHALLENGE_SECONDS * 1_000,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=from_base64url(name)) for name in own],
        supported_pub_key_algs=_OFFERED,
    )
    return PasskeyOptions(
        creation=options_to_json_dict(options),
        confirm=ChallengeOut(challenge=base64url(challenge), rp_id=here.rp_id, credentials=list(vouching))
        if vouching
        else None,
    )


@router.post("/api/passkeys", status_code=201, dependencies=[Depends(fresh)])
async def add_passkey(house: In, caller: ByPerson, here: Here, challenges: Out, made: PasskeyMade) -> PasskeyOut:
    """Add a passkey that your browser made. The very first takes the machine's token alone; that is how it begins.

    Every other takes the answer of one that is there, to the same challenge: of yours, or an owner's where you have
    none. A program that reads the token could otherwise add one, in your name or somebody's it invites, and approve.
    """
    challenge = challenges.redeem(made.challenge, caller, _ADDING)
    key = _read_key(made, challenge, here)
    async with challenges.turn:
        account = await house.engine.account(caller.account)
        person = _person(account, caller)
        _require_confirmed(await _vouching(house, account, caller), challenge, made.assertion, here)
        if made.credential in account.credentials:
            raise Conflict(
                "This passkey is here already.",
                code="passkey.known",
                next_step="Use another device, or this one as is.",
            )
        fact = CredentialEnrolled(
            person=person.id,
            credential=made.credential,
            algorithm=key.algorithm,
            public_key=key.public_key.hex(),
        )
        await house.engine.record(caller.account, fact, by=caller.actor)
    return await _told(house, caller, made.credential, account.credentials[made.credential])


@router.post("/api/passkeys/{credential}/challenge")
async def begin_revoking_passkey(
    house: In, caller: ByPerson, here: Here, challenges: Out, credential: str
) -> ChallengeOut:
    """What one of your passkeys has to sign before this one is taken away; it may be the same."""
    account = await house.engine.account(caller.account)
    await _require_revocable(house, account, caller, credential)
    challenge = challenges.issue(caller, credential)
    vouching = await _vouching(house, account, caller)
    return ChallengeOut(challenge=base64url(challenge), rp_id=here.rp_id, credentials=list(vouching))


@router.delete("/api/passkeys/{credential}", status_code=204, dependencies=[Depends(fresh)])
async def revoke_passkey(
    house: In,
    caller: ByPerson,
    here: Here,
    challenges: Out,
    credential: str,
    confirmed: PasskeyConfirmed | None = None,
) -> None:
    """Take a passkey away: your own, or anybody's as an owner. What it approved and has not begun loses its yes.

    It is confirmed with one that is there, yours or an owner's: a program that reads the token could otherwise take
    all of them away, and begin anew with its own.
    """
    challenge = challenges.redeem(confirmed.challenge, caller, credential) if confirmed else b""
    async with challenges.turn:
        account = await house.engine.account(caller.account)
        await _require_revocable(house, account, caller, credential)
        vouching = await _vouching(house, account, caller)
        _require_confirmed(vouching, challenge, confirmed.assertion if confirmed else None, here)
        await house.engine.record(caller.account, CredentialRevoked(credential=credential), by=caller.actor)


async def ask_to_sign(house: House, caller: Caller, here: Site, challenge: bytes) -> ChallengeOut:
    """A challenge that whoever is asking can answer with a passkey of theirs."""
    own = _own(await house.engine.account(caller.account), caller)
    return ChallengeOut(challenge=base64url(challenge), rp_id=here.rp_id, credentials=list(own))


async def assertion_of(house: House, caller: Caller, given: str | PasskeyAnswer | None) -> bytes | None:
    """What a passkey answered, in the one form that the engine checks and the ledger keeps."""
    if given is None:
        return None
    if isinstance(given, PasskeyAnswer):
        known = (await house.engine.account(caller.account)).credentials
        return read_assertion(given, known.get(given.credential)).encode()
    try:
        return base64.b64decode(given, validate=True)
    except ValueError as error:
        raise BadInput("A passkey's answer is given in base64.", code="answer.malformed") from error


def read_assertion(given: PasskeyAnswer, known: Credential | None) -> Assertion:
    """What a browser gave, as the answer of this passkey."""
    return Assertion(
        credential=given.credential,
        # One that nobody enrolled is refused for being that, and the refusal recorded; until then it needs a number.
        algorithm=known.key.algorithm if known else ES256,
        authenticator_data=from_base64url(given.authenticator_data),
        client_data=from_base64url(given.client_data),
        signature=from_base64url(given.signature),
        enrolled_at=known.enrolled_at if known else 0,
    )


async def _vouching(house: House, account: Account, caller: Caller) -> Mapping[str, Credential]:
    """The passkeys of which one must confirm a change: theirs, else an owner's, else one of an owner of the home."""
    home = await house.engine.account(house.identity.owner.account)
    return _own(account, caller) or _owners(account) or _owners(home)


def _owners(account: Account) -> Mapping[str, Credential]:
    owners = {person.id for person in account.people.values() if Role.OWNER in person.roles}
    return {name: one for name, one in account.credentials.items() if one.person in owners}


def _require_confirmed(
    vouching: Mapping[str, Credential], challenge: bytes, given: PasskeyAnswer | None, here: Site
) -> None:
    """Where there is a passkey that vouches, it must have answered this challenge."""
    if not vouching:
        return
    if given is None:
        raise NotAllowed(
            "There is a passkey here, and only one that is there may add another or take one away:"
            " the machine's token could be shown by any program that runs as you.",
            code="passkey.needed",
            next_step="Answer with yours, or have an owner answer with theirs in this browser.",
        )
    asserted = read_assertion(given, vouching.get(given.credential))
    if asserted.credential not in vouching:
        raise NotAllowed(
            "This passkey does not vouch for that.",
            code="passkey.needed",
            next_step="Answer with yours, or have an owner answer with theirs in this browser.",
        )
    check_assertion(asserted, challenge, vouching[asserted.credential].key, verify_passkey, site=here)


async def _require_revocable(house: House, account: Account, caller: Caller, credential: str) -> None:
    if credential not in account.credentials:
        raise NotFound("There is no such passkey.", code="passkey.unknown", next_step="Look at the list of yours.")
    if account.credentials[credential].person != caller.person:
        await house.engine.require_owner(caller.account, caller.require_person())


def _read_key(made: PasskeyMade, challenge: bytes, here: Site) -> PersonKey:
    """The public key of a passkey that was made here, for this challenge, by somebody present and known."""
    name = from_base64url(made.credential)
    response = AuthenticatorAttestationResponse(
        client_data_json=from_base64url(made.client_data), attestation_object=from_base64url(made.attestation)
    )
    try:
        verified = verify_registration_response(
            credential=RegistrationCredential(id=made.credential, raw_id=name, response=response),
            expected_challenge=challenge,
            expected_rp_id=here.rp_id,
            expected_origin=sorted(here.origins),
            require_user_verification=True,
            supported_pub_key_algs=_OFFERED,
        )
        key = decoded_public_key_to_cryptography(decode_credential_public_key(verified.credential_public_key))
    except _UNREADABLE as error:
        raise _unfit(str(error)) from error
    if verified.credential_id != name:  # the library believes the name that stands outside
        raise _unfit("it has another name inside")
    match key:
        case Ed25519PublicKey():
            return PersonKey(algorithm=EDDSA, public_key=key.public_bytes_raw())
        case EllipticCurvePublicKey():
            point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
            return PersonKey(algorithm=ES256, public_key=point)
    raise _unfit("its key is neither ES256 nor EdDSA")


def _unfit(why: str) -> BadInput:
    return BadInput(
        f"This is no passkey that was made here for you: {why}.",
        code="passkey.unfit",
        next_step="Begin again, on Haloop's own page, with a device that asks who you are.",
    )


def _own(account: Account, caller: Caller) -> Mapping[str, Credential]:
    return {name: one for name, one in account.credentials.items() if one.person == caller.person}


def _person(account: Account, caller: Caller) -> Person:
    person = account.people.get(caller.require_person())
    if person is None:
        raise NotAllowed("You no longer belong to this account.")
    return person


async def _told(house: House, caller: Caller, name: str, credential: Credential) -> PasskeyOut:
    (enrolled,) = await house.ledger.events(caller.account, start=credential.enrolled_at, limit=1)
    return PasskeyOut(
        credential=name, algorithm=_ALGORITHMS[credential.key.algorithm], added_at=as_text(enrolled.header.ts)
    )
