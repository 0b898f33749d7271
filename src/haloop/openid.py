"""OpenID Connect, as far as a login takes it: the address to send a browser to, and what an issuer's word is worth.

What knows the protocol costs more to load than all the rest of the door, so it is loaded with the first login.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
"""What may sign a login; never none, and never a secret that both sides know."""

_SECONDS_OF_DOUBT = 60
"""So far two clocks may differ."""
_PUBLIC_KINDS = frozenset({"RSA", "EC", "OKP"})


class NotBelieved(ValueError):
    """What an issuer is said to have said does not hold."""

    def __init__(self, sentence: str, about: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.about = about


def address(endpoint: str, *, verifier: str, **said: str) -> str:
    """Where a browser is sent to log in; `verifier` is what only we can show afterwards (PKCE)."""
    asked: str = prepare_grant_uri(
        endpoint,
        response_type="code",
        code_challenge=create_s256_code_challenge(verifier),
        code_challenge_method="S256",
        **said,
    )
    return asked


def believed(
    id_token: str,
    *,
    access_token: str,
    keys: Sequence[Mapping[str, Any]],
    issuer: str,
    client_id: str,
    nonce: str,
    now: int,
) -> dict[str, Any]:
    """What a login says, once it holds: signed by the issuer, about this question, for us, and not over."""
    public = [dict(one) for one in keys if one.get("kty") in _PUBLIC_KINDS]
    try:
        read = jwt.decode(id_token, KeySet.import_key_set({"keys": public}), algorithms=[*ALGORITHMS])
    except (JoseError, ValueError, LookupError, TypeError) as error:
        raise NotBelieved("The login is not signed by the issuer.", "signature") from error
    said = CodeIDToken(
        read.claims,
        read.header,
        {
            "iss": {"essential": True, "value": issuer},
            "aud": {"essential": True, "value": client_id},
            "sub": {"essential": True},
        },
        {"nonce": nonce, "client_id": client_id, "access_token": access_token},
    )
    try:
        said.validate(now=now, leeway=_SECONDS_OF_DOUBT)
    except JoseError as error:
        about = str(getattr(error, "claim", "") or "")
        raise NotBelieved(
            "The login does not hold: it is not for us, not for this question, or over.", about
        ) from error
    return dict(said)
