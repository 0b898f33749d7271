"""The addresses in messages: what is built is read back, it is nothing but an id, and the rest leads nowhere."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haloop.kernel.errors import NotFound
from haloop.kernel.gate import GateId, run_of
from haloop.kernel.ids import RunId
from haloop.kernel.link import link_to, read_link

RUNS = st.from_regex(r"run_[0-9a-f]{32}", fullmatch=True).map(RunId)
GATES = st.from_regex(r"gate_[0-9a-f]{32}_[1-9][0-9]{0,4}", fullmatch=True).map(GateId)
SAID = st.none() | RUNS | GATES | st.text()


def read(link: str) -> tuple[RunId, GateId | None]:
    """As the server reads the address of whoever opens it."""
    said = {name: values[-1] for name, values in parse_qs(urlsplit(link).query, keep_blank_values=True).items()}
    assert set(said) <= {"draft_id", "execution_id"}
    return read_link(draft_id=said.get("draft_id"), execution_id=said.get("execution_id"))


@given(st.sampled_from(["http://localhost:4000", "https://haloop.example.org"]), GATES, RUNS)
def test_a_link_leads_back_to_what_it_was_made_of(address: str, gate: GateId, run: RunId) -> None:
    """Whatever the ids and the address; and it holds nothing but the id."""
    draft, execution = link_to(address, gate), link_to(address, run)

    assert (read(draft), read(execution)) == ((run_of(gate), gate), (run, None))
    assert (draft, execution) == (f"{address}/open?draft_id={gate}", f"{address}/open?execution_id={run}")


@given(SAID, SAID)
def test_what_no_link_says_leads_nowhere(draft: str | None, execution: str | None) -> None:
    """An id in the wrong place, two of them, none, or any other text: there is nothing, and no other answer."""
    is_draft = execution is None and re.fullmatch(r"gate_[0-9a-f]{32}_[1-9][0-9]{0,4}", draft or "", re.ASCII)
    is_execution = draft is None and re.fullmatch(r"run_[0-9a-f]{32}", execution or "", re.ASCII)
    if is_draft or is_execution:
        assert read_link(draft_id=draft, execution_id=execution)
        return
    with pytest.raises(NotFound) as nowhere:
        read_link(draft_id=draft, execution_id=execution)
    assert nowhere.value.code == "link.unknown"
