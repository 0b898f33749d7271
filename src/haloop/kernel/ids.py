"""Names for things: 128 random bits behind a prefix that says what is named.

An id tells nobody how many others there are or when it was made. Each kind of id is its own type,
so that a run cannot be passed where an account is meant.
"""

import re
import secrets
from typing import NewType

from haloop.kernel.errors import BadEntry

AccountId = NewType("AccountId", str)
RunId = NewType("RunId", str)
PersonId = NewType("PersonId", str)

_ID = re.compile(r"(?P<prefix>acc|sys|run|per)_[0-9a-f]{32}")


def new_account_id() -> AccountId:
    return AccountId(f"acc_{secrets.token_hex(16)}")


def new_system_id() -> AccountId:
    """Name a home's own account: the one that holds facts about the home itself."""
    return AccountId(f"sys_{secrets.token_hex(16)}")


def new_run_id() -> RunId:
    return RunId(f"run_{secrets.token_hex(16)}")


def new_person_id() -> PersonId:
    return PersonId(f"per_{secrets.token_hex(16)}")


def account_id(text: str) -> AccountId:
    """Read an account's id from the outside."""
    _require(text, ("acc", "sys"), "an account")
    return AccountId(text)


def run_id(text: str) -> RunId:
    """Read the id of a run, or of an account where its own chain of facts is meant."""
    _require(text, ("run", "acc", "sys"), "a run")
    return RunId(text)


def person_id(text: str) -> PersonId:
    """Read a person's id from the outside."""
    _require(text, ("per",), "a person")
    return PersonId(text)


def _require(text: str, prefixes: tuple[str, ...], what: str) -> None:
    match = _ID.fullmatch(text)
    if match is None or match["prefix"] not in prefixes:
        raise BadEntry(f"{text[:60]!r} is not the id of {what}.", code="id.bad")
