"""Ids: random, of one spelling, and never of another kind than they say."""

from collections.abc import Callable

import pytest

from haloop.kernel.errors import BadEntry
from haloop.kernel.ids import (
    account_id,
    new_account_id,
    new_person_id,
    new_run_id,
    new_system_id,
    person_id,
    run_id,
)

READ = {"account": account_id, "run": run_id, "person": person_id}
MADE = {"acc": new_account_id, "sys": new_system_id, "run": new_run_id, "per": new_person_id}
MEANT = {"acc": {"account", "run"}, "sys": {"account", "run"}, "run": {"run"}, "per": {"person"}}


@pytest.mark.parametrize("prefix", MADE)
@pytest.mark.parametrize("kind", READ)
def test_an_id_is_read_only_as_what_it_is(prefix: str, kind: str) -> None:
    """An account is no person, and a run is no account; an account's own chain is named after the account."""
    made: str = MADE[prefix]()
    read: Callable[[str], str] = READ[kind]
    if kind in MEANT[prefix]:
        assert read(made) == made
    else:
        with pytest.raises(BadEntry) as refused:
            read(made)
        assert refused.value.code == "id.bad"


@pytest.mark.parametrize("prefix", MADE)
def test_no_two_ids_are_alike(prefix: str) -> None:
    """A thousand ids are a thousand names of 128 bits each."""
    made = {MADE[prefix]() for _ in range(1000)}
    assert len(made) == 1000
    assert {len(each) for each in made} == {len(prefix) + 33}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "run_",
        "run_" + "0" * 31,
        "run_" + "0" * 33,
        "run_" + "G" * 32,
        "run_" + "A" * 32,
        " run_" + "0" * 32,
        "run_" + "0" * 32 + "\n",
        "RUN_" + "0" * 32,
        "run-" + "0" * 32,
        "run_" + "٠" * 32,
        "0" * 36,
        "x" * 100_000,
    ],
)
def test_an_id_has_one_spelling(text: str) -> None:
    """Anything else is refused in a sentence of bounded length."""
    with pytest.raises(BadEntry) as refused:
        run_id(text)
    assert len(refused.value.sentence) < 200
