"""What calls cost: by the model, by the kind of token, and never nothing because nobody knows."""

from pathlib import Path

import pytest

from haloop.connectors.gateway.dialects import Tokens
from haloop.connectors.gateway.prices import Prices
from haloop.connectors.gateway.providers import Provider
from haloop.kernel.errors import BadInput

A = Provider.ANTHROPIC
CALL = Tokens(read=1_000_000, cached=400_000, kept=100_000, written=100_000)


def test_each_kind_of_token_has_its_price() -> None:
    """What was kept before is cheaper, what is kept now is dearer; in whole millionths of a dollar."""
    use = Prices.read().of(A, "claude-sonnet-4-5").use(CALL)

    assert (use.tokens_in, use.tokens_out, use.cached) == (1_000_000, 100_000, 400_000)
    assert use.micros == 500_000 * 3 + 400_000 * 3 // 10 + 100_000 * 15 // 4 + 100_000 * 15
    assert use.usd == "3.4950"


@pytest.mark.parametrize("name", ["claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5-latest"])
def test_a_model_is_known_with_and_without_its_date(name: str) -> None:
    """The providers say one name in several ways."""
    assert Prices.read().of(A, name) == Prices.read().of(A, "claude-sonnet-4-5")


@pytest.mark.parametrize("provider", Provider)
def test_a_model_that_nobody_gave_a_price_costs_as_much_as_the_dearest(provider: Provider) -> None:
    """What is not known is not nothing."""
    prices = Prices.read()
    known = ["claude-opus-4-1", "claude-haiku-4-5", "gpt-5", "o3", "gemini-3-pro", "gemini-2.5-flash"]

    unknown = prices.of(provider, "new-model-9").use(CALL).micros

    assert all(unknown >= prices.of(provider, one).use(CALL).micros > 0 for one in known)


def test_a_call_is_reserved_at_least_as_dear_as_it_can_become() -> None:
    """All that it reads may be kept, and that costs most."""
    price = Prices.read().of(A, "claude-sonnet-4-5")

    assert price.at_most(1_000_000, 100_000).micros >= price.use(Tokens(read=1_000_000, kept=1_000_000)).micros


def test_prices_of_ones_own_take_the_place_of_those_that_ship(tmp_path: Path) -> None:
    """A provider of whom the file says nothing is dear."""
    file = tmp_path / "prices.toml"
    file.write_text('[openai]\n"qwen3:8b" = { read = 0, written = 0 }\n')
    prices = Prices.read(file)

    assert prices.of(Provider.OPENAI, "qwen3:8b").use(CALL).micros == 0
    assert prices.of(A, "claude-sonnet-4-5").use(CALL).micros > 100_000_000


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("[openai]\ngpt-5 = { read = -1, written = 1 }", "openai.gpt-5.read"),
        ("[mallory]\nm = { read = 1, written = 1 }", "mallory"),
        ("not toml", "cannot be used"),
    ],
)
def test_prices_that_cannot_be_read_are_refused(tmp_path: Path, said: str, why: str) -> None:
    """Before anything is asked for them."""
    file = tmp_path / "prices.toml"
    file.write_text(said)

    with pytest.raises(BadInput, match=why):
        Prices.read(file)
