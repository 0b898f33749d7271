"""What belongs to no run: one chain of the account's own, from which any process knows people, grants and arrivals."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from haloop.engines.granting import give_grant
from haloop.kernel.fact import CredentialRevoked
from haloop.kernel.gate import Verdict
from haloop.kernel.grant import GrantTerms
from haloop.kernel.ledger import Chain
from haloop.kernel.money import Money
from haloop.kernel.part import commitment, encode_hashes, part_hash
from haloop.testing.practice import Practice
from tests.engines.outside import World, deliver, house, send

EURO = Money(minor=100, currency="EUR")


@pytest.fixture
async def practice(tmp_path: Path) -> AsyncIterator[Practice]:
    async with house(tmp_path, World()) as opened:
        yield opened


async def test_what_belongs_to_no_run_forms_one_chain(practice: Practice) -> None:
    """People, passkeys, grants, their ends and what arrived stand one after the other, each after the one before."""
    ana = await practice.person("Ana")
    passkey = await practice.enrol(ana)
    run = await practice.start(give_grant.of(_terms(practice)))
    await practice.yes(run, ana)
    (grant,) = (await practice.engine.account(practice.account)).grants
    await practice.engine.revoke_grant(practice.account, grant, by=ana)
    revoked = CredentialRevoked(credential=passkey.credential)
    await practice.engine.record(practice.account, revoked, by=f"person:{ana}")
    await deliver(practice, 1)

    events = await practice.ledger.run(Chain.of_account(practice.account))

    assert [event.header.kind for event in events][-6:] == [
        *("person.added", "credential.enrolled", "grant.given"),
        *("grant.revoked", "credential.revoked", "inbox.arrived"),
    ]
    assert {str(event.header.run_id) for event in events} == {practice.account}
    assert [event.header.prev for event in events[1:]] == [event.leaf_hash for event in events[:-1]]


@pytest.mark.parametrize("part", ["draft", "card"])
async def test_the_hash_of_a_draft_or_card_is_the_commitment_to_its_one_part(
    practice: Practice, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """What a decision names is what the ledger committed to: anybody who has the words and their salt comes to it."""
    monkeypatch.setattr("haloop.store.writer.CHECKPOINT_SECONDS", 0.0)
    ana = await practice.person("Ana")
    run = await practice.start(send.of("hello"))
    gate = practice.gate_of(run)
    answer = await practice.answer(gate, ana, Verdict.APPROVED)
    opened = (await practice.ledger.run(Chain(account=practice.account, run_id=run)))[-1]

    receipt = await practice.ledger.receipt(practice.account, {opened.index: [part]})

    shown = receipt.events[0].disclosed[part]
    committed = commitment(encode_hashes({part: part_hash(part, shown.body, shown.salt)})).hex()
    assert committed == getattr(answer, part)


def _terms(practice: Practice) -> GrantTerms:
    return GrantTerms(
        operations=("Outside.send",),
        payees=(),
        each_max=EURO,
        total_max=EURO,
        window_days=1,
        expires_at=practice.clock.read().wall + int(timedelta(days=1).total_seconds()) * 1_000_000,
        live=False,
    )
