"""What is sent to a device is what the standards say, to the byte, and only the device reads it."""

import json

import http_ece  # type: ignore[import-untyped]  # it has no types
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from haloop.connectors.push.encryption import MESSAGE_BYTES_MAX, encrypted, public_point, vapid
from haloop.kernel.passkey import base64url, from_base64url
from tests.connectors.outside import Asked
from tests.notices.post import Browser, sender_of


def private(number: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(from_base64url(number)), ec.SECP256R1())


def test_the_published_message_comes_out() -> None:
    """The example of RFC 8291, appendix A, byte for byte."""
    device = private("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94")

    body = encrypted(
        b"When I grow up, I want to be a watermelon",
        p256dh=public_point(device),
        auth=from_base64url("BTBZMqHH6r4Tts7J_aSIgg"),
        key=private("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"),
        salt=from_base64url("DGv6ra1nlYgDCS1FRnbzlw"),
    )

    assert base64url(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"
        "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
        "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


@pytest.mark.parametrize("length", [2, 100, MESSAGE_BYTES_MAX])
def test_another_library_reads_it(length: int) -> None:
    """And what is sent fits into what every push service takes."""
    device = Browser("https://push.example.org/")
    message = json.dumps("x" * (length - 2)).encode()

    body = encrypted(message, p256dh=public_point(device.key), auth=device.auth)

    assert len(body) <= 4_096
    assert json.dumps(device.read(body)).encode() == message


def test_nobody_else_reads_it() -> None:
    """Neither another device, nor this one with another secret."""
    device, other = Browser("https://push.example.org/"), Browser("https://push.example.org/")
    body = encrypted(b'"private"', p256dh=public_point(device.key), auth=device.auth)

    for reader in (other, Browser(device.endpoint, device.key, b"another secret!!")):
        with pytest.raises(http_ece.ECEException):
            reader.read(body)


def test_the_same_message_never_looks_the_same() -> None:
    """Each has a key and a salt of its own."""
    device = Browser("https://push.example.org/")

    bodies = {encrypted(b'"again"', p256dh=public_point(device.key), auth=device.auth) for _ in range(5)}

    assert len(bodies) == 5


@pytest.mark.parametrize("contact", ["haloop@example.org", ""])
def test_the_push_service_learns_who_sends(contact: str) -> None:
    """A token for this service alone, for some hours, signed with the key that the device subscribed with."""
    key = ec.generate_private_key(ec.SECP256R1())

    header = vapid(key, audience="https://push.example.org", contact=contact, expires_at=1_800_000_000)

    said = sender_of(Asked("", {"authorization": header}, b""), public_point(key))
    subject = {"sub": f"mailto:{contact}"} if contact else {}
    assert said == {"aud": "https://push.example.org", "exp": 1_800_000_000, **subject}
