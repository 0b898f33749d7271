"""The receipt of an effect: what was approved, who said yes, what was sent, what the outside said; for a stranger."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from haloop.engines.receipts import prove
from haloop.kernel import canonical
from haloop.kernel.desk import Desk
from haloop.kernel.errors import NotFound
from haloop.kernel.fact import EffectHappened
from haloop.kernel.passkey import Assertion, challenge, check_assertion
from haloop.kernel.receipt import Receipt, verify
from haloop.store.signing import verify_ed25519, verify_passkey
from haloop.testing.practice import Practice
from haloop.testing.provider import Provider
from tests.engines.test_effects import buy_with_voucher, last
from tests.engines.trade import NeitherShop, buy, street

KINDS = ["gate.opened", "gate.approved", "effect.intended", "effect.happened"]


@pytest.fixture(autouse=True)
def promptly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A receipt needs a signed checkpoint, and one is made for each batch instead of each second."""
    monkeypatch.setattr("haloop.store.writer.CHECKPOINT_SECONDS", 0.0)


async def _bought(house: Practice, *, effect: str = "order") -> Receipt:
    """What proves that somebody with a passkey bought something here."""
    ana = await house.person("Ana")
    await house.enrol(ana)
    run = await house.start(buy.of("tea", 10))
    await house.yes(run, ana)
    return await prove(house.ledger, house.account, run, effect)


def _shown(receipt: Receipt, number: int) -> Mapping[str, bytes]:
    return {name: part.body for name, part in receipt.events[number].disclosed.items()}


async def test_what_an_effect_did_is_a_fact_at_once(tmp_path: Path) -> None:
    """As soon as the answer is there, the ledger holds it with the provider's own reference."""
    async with street(tmp_path, NeitherShop(Provider())) as house:
        ana = await house.person("Ana")
        run = await house.start(buy.of("tea", 10))

        await house.yes(run, ana)

        happened = last(await house.facts(run), EffectHappened)
        assert isinstance(happened, EffectHappened)
        assert happened.result == {"charged": None, "number": "no. 1"}


async def test_a_receipt_proves_the_yes_the_intent_and_what_happened(tmp_path: Path) -> None:
    """A stranger with the log's key reads the draft, the card, the decision and the provider's reference."""
    async with street(tmp_path, NeitherShop(Provider()), live=True) as house:
        receipt = await _bought(house)

        found = verify(Receipt.decode(receipt.encode()), house.ledger.verifier_key(house.account), verify_ed25519)

        assert [event.header.kind for event in found.events] == KINDS
        assert {"draft", "card"} <= _shown(receipt, 0).keys()
        assert {"decision", "assertion"} <= _shown(receipt, 1).keys()
        assert json.loads(_shown(receipt, 3)["fact"])["result"] == {"charged": None, "number": "no. 1"}


async def test_a_receipt_shows_the_passkeys_own_answer(tmp_path: Path) -> None:
    """Whoever has the person's key checks the yes from the file alone: it names the very draft and card in it."""
    async with street(tmp_path, NeitherShop(Provider()), live=True) as house:
        receipt = await _bought(house)
        ((_, passkey),) = house.passkeys.items()

        approved = _shown(receipt, 1)

        assertion = Assertion.decode(approved["assertion"])
        check_assertion(assertion, challenge(approved["decision"]), passkey.key, verify_passkey)
        decision = canonical.decode(approved["decision"])
        assert isinstance(decision, dict)
        assert decision["verdict"] == "approved"


async def test_there_is_no_receipt_of_what_did_not_happen(tmp_path: Path) -> None:
    """An effect that was never done is named as missing."""
    async with street(tmp_path, NeitherShop(Provider()), live=True) as house:
        with pytest.raises(NotFound) as missing:
            await _bought(house, effect="another")

        assert missing.value.code == "receipt.nothing"


async def test_a_receipt_shows_nothing_of_the_other_effects(tmp_path: Path) -> None:
    """Two things were bought under one yes; the receipt of the first holds one intent and one outcome."""
    desks = [Desk("shopping", procedures=[buy_with_voucher])]
    async with street(tmp_path, NeitherShop(Provider()), desks=desks) as house:
        ana = await house.person("Ana")
        run = await house.start(buy_with_voucher.of(["voucher", "order"]))
        await house.yes(run, ana)

        receipt = await prove(house.ledger, house.account, run, "voucher")

        found = verify(receipt, house.ledger.verifier_key(house.account), verify_ed25519)
        assert [event.header.kind for event in found.events] == KINDS
