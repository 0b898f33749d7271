"""What a start records about itself: the key that signs from now on, once, and that a process took over."""

from haloop.kernel.ledger import Chain
from tests.store.conftest import Place, history, said


async def test_a_new_signing_key_is_a_fact(place: Place) -> None:
    """When the secrets are gone, the new key is enrolled for all to see; what the old one signed still verifies."""
    chain = await history(place)
    (place.home / "secrets").unlink()
    async with place.opened() as ledger:
        enrolled = [event.header.kind for event in await ledger.run(Chain.of_account(ledger.system))]
        assert enrolled.count("signer.enrolled") == 2
        await ledger.append(chain, await ledger.head(chain), said("under the new key"))
    assert place.verify().ok


async def test_the_same_signing_key_is_enrolled_once(place: Place) -> None:
    """Start after start with one key leaves one enrolment."""
    for _ in range(2):
        async with place.opened():
            pass
    async with place.opened() as ledger:
        kinds = [event.header.kind for event in await ledger.run(Chain.of_account(ledger.system))]
    assert (kinds.count("signer.enrolled"), kinds.count("epoch.started")) == (1, 3)
