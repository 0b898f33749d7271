"""Passkeys: how one is added or taken away.

The machine's token is how it begins: with it alone the home's first passkey is added. From then on one that is there
says yes to every other, and to taking one away.
"""

import logging
from collections.abc import Mapping
from hashlib import sha256

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
from haloop.api.rates import count
from haloop.api.recovery_codes import code_spelt, make_code, needs_code
from haloop.api.vouching import CHALLENGE_SECONDS, Out, passkeys_of, require_confirmed, who_vouches
from haloop.identity import Caller, NotAllowed
from haloop.kernel.account import Account, Credential
from haloop.kernel.clock import as_text
from haloop.kernel.errors import BadInput, Conflict, NotFound
from haloop.kernel.fact import CredentialEnrolled, CredentialRevoked
from haloop.kernel.passkey import (
    EDDSA,
    ES256,
    PersonKey,
    Site,
    base64url,
    from_base64url,
)
from haloop.kernel.people import Person
from haloop.wire.passkeys import ChallengeOut, PasskeyAdded, PasskeyConfirmed, PasskeyMade, PasskeyOptions, PasskeyOut

router = APIRouter(tags=["passkeys"], route_class=Keyed)
log = logging.getLogger("haloop.api")

_ADDING = "a new one"  # no passkey can have this for a name
_ALGORITHMS = {ES256: "es256", EDDSA: "eddsa"}
_OFFERED = [COSEAlgorithmIdentifier.ECDSA_SHA_256, COSEAlgorithmIdentifier.EDDSA]
# What was sent in the browser's name may be anything, and the library lets some of it fall through its readers.
_UNREADABLE = (WebAuthnException, AttributeError, LookupError, TypeError, ValueError)


@router.get("/api/passkeys")
async def list_passkeys(house: In, caller: ByPerson) -> list[PasskeyOut]:
    """Your own passkeys."""
    theirs = passkeys_of(await house.engine.account(caller.account), caller)
    return [await _told(house, caller, name, credential) for name, credential in theirs.items()]


@router.post("/api/passkeys/options")
async def begin_adding_passkey(house: In, caller: ByPerson, here: Here, challenges: Out) -> PasskeyOptions:
    """What a browser needs to make a passkey for you, once, within a few minutes."""
    account = await house.engine.account(caller.account)
    person, theirs = _person(account, caller), passkeys_of(account, caller)
    vouching = await _who_confirms(house, account, caller)
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
        exclude_credentials=[PublicKeyCredentialDescriptor(id=from_base64url(name)) for name in theirs],
        supported_pub_key_algs=_OFFERED,
    )
    return PasskeyOptions(
        creation=options_to_json_dict(options),
        confirm=ChallengeOut(challenge=base64url(challenge), rp_id=here.rp_id, credentials=list(vouching))
        if vouching
        else None,
    )


@router.post("/api/passkeys", status_code=201, dependencies=[Depends(fresh)])
async def add_passkey(
    request: Request, house: In, caller: ByPerson, here: Here, challenges: Out, made: PasskeyMade
) -> PasskeyAdded:
    """Add a passkey that your browser made. The very first takes the machine's token alone; that is how it begins.

    Every other takes the answer of one that is there, to the same challenge: of yours, or an owner's where you have
    none. A program that reads the token could otherwise add one, in your name or somebody's it invites, and approve.
    Whose invitation a passkey confirmed adds their first alone; and an owner's recovery code does once in its place,
    which ends all their other sessions. An owner who has no code is told one.
    """
    if made.recovery_code is not None:
        count(request, caller, house, lambda rates: rates.recoveries)
    challenge = challenges.redeem(made.challenge, caller, _ADDING)
    key = _read_key(made, challenge, here)
    async with challenges.turn:
        account = await house.engine.account(caller.account)
        person = _person(account, caller)
        code = None if made.recovery_code is None else code_spelt(account, caller, made.recovery_code)
        if code is None:
            require_confirmed(await _who_confirms(house, account, caller), challenge, made.assertion, here)
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
            recovery_code=code.salt if code else "",
        )
        await house.engine.record(caller.account, fact, by=caller.actor)
        if code is not None:
            house.identity.end_others(caller)
            log.warning("recovery code used")
        said = await make_code(house, caller) if needs_code(account, caller) else None
    told = await _told(house, caller, made.credential, account.credentials[made.credential])
    return PasskeyAdded(**told.model_dump(), recovery_code=said)


@router.post("/api/passkeys/{credential}/challenge")
async def begin_revoking_passkey(
    house: In, caller: ByPerson, here: Here, challenges: Out, credential: str
) -> ChallengeOut:
    """What one of your passkeys has to sign before this one is taken away; it may be the same."""
    account = await house.engine.account(caller.account)
    await _require_revocable(house, account, caller, credential)
    challenge = challenges.issue(caller, credential)
    vouching = await who_vouches(house, account, caller)
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
        vouching = await who_vouches(house, account, caller)
        require_confirmed(vouching, challenge, confirmed.assertion if confirmed else None, here)
        await house.engine.record(caller.account, CredentialRevoked(credential=credential), by=caller.actor)


async def _who_confirms(house: House, account: Account, caller: Caller) -> Mapping[str, Credential]:
    """The passkeys of which one must say yes to another of theirs."""
    by = account.admitted.get(caller.require_person())
    if by is not None and house.engine.world.now() < by.expires_at:
        return {}  # one has said so already, when it confirmed their invitation
    return await who_vouches(house, account, caller)


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
