"""What calls cost, by the published list and by a file of one's own."""

from pathlib import Path

import pytest

from haloop.connectors.gateway.asked import Asked
from haloop.connectors.gateway.dialects import CHAT, MESSAGES, RESPONSES, Tokens
from haloop.connectors.gateway.price import Tariff
from haloop.connectors.gateway.prices import Prices
from haloop.connectors.gateway.providers import Provider
from haloop.kernel.clock import Reading
from haloop.kernel.errors import BadInput

A, OA, G = Provider
CALL = Tokens(read=100_000, cached=40_000, kept=10_000, written=10_000)
NOVEMBER, FEBRUARY = 1_795_000_000_000_000, 1_801_000_000_000_000
"""Of 2026 and 2027, in microseconds."""


class At:
    """A clock that stands."""

    def __init__(self, now: int) -> None:
        self._now = now

    def read(self) -> Reading:
        return Reading(wall=self._now, boot=0)


def of(provider: Provider, model: str, *, now: int = NOVEMBER, file: Path | None = None) -> Tariff:
    found = Prices.read(file, At(now)).of(provider, model)
    assert found is not None, f"{model} has no price"
    return found


def test_each_kind_of_token_has_its_price() -> None:
    """What was kept before is cheaper, what is kept now is dearer; in whole millionths of a dollar."""
    use = of(A, "claude-sonnet-4-5").use(CALL)

    assert (use.tokens_in, use.tokens_out, use.cached) == (100_000, 10_000, 40_000)
    assert use.micros == 50_000 * 3 + 40_000 * 3 // 10 + 10_000 * 15 // 4 + 10_000 * 15
    assert use.usd == "0.3495"


def test_what_is_kept_for_an_hour_is_dearest() -> None:
    """Twice what reading costs, of as many as the provider says."""
    said = {"input_tokens": 5, "output_tokens": 0, "cache_creation_input_tokens": 10_000}
    split = {"ephemeral_1h_input_tokens": 8_000, "ephemeral_5m_input_tokens": 2_000}

    told = MESSAGES.told({"type": "message", "usage": {**said, "cache_creation": split}})

    assert told is not None
    assert of(A, "claude-sonnet-4-5").use(told).micros == 5 * 3 + 8_000 * 6 + 2_000 * 15 // 4


def test_a_call_that_reads_much_is_dearer_as_a_whole() -> None:
    """Beyond the length that the provider names, all of it."""
    short, long = [of(A, "claude-sonnet-4-5").use(Tokens(read=read, written=100)) for read in (200_000, 200_001)]

    assert short.micros == 200_000 * 3 + 100 * 15
    assert long.micros == 200_001 * 6 + 100 * 45 // 2


def test_what_was_put_before_others_is_twice_as_dear() -> None:
    """OpenAI says it in its answer, because its project may be set so without the agent's asking."""
    usage = {"prompt_tokens": 1_000_000, "completion_tokens": 0}
    plain, first = [CHAT.told({"usage": usage, "service_tier": tier}) for tier in ("default", "priority")]
    response = {"object": "response", "service_tier": "priority", "usage": {"input_tokens": 1, "output_tokens": 0}}

    assert plain is not None
    assert first is not None
    assert of(OA, "gpt-5").use(first).micros == 2 * of(OA, "gpt-5").use(plain).micros == 2_500_000
    told = RESPONSES.told({"type": "response.completed", "response": response})
    assert told is not None
    assert told.is_priority


def test_what_a_provider_shortened_first_counts_too() -> None:
    """Of that its sum says nothing."""
    rounds = [
        {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3_500},
        {"type": "message", "input_tokens": 23_000, "output_tokens": 1_000},
    ]
    usage = {"input_tokens": 23_000, "output_tokens": 1_000, "iterations": rounds}

    told = MESSAGES.told({"type": "message_delta", "usage": usage})

    assert told is not None
    assert (told.read, told.written, told.is_whole) == (203_000, 4_500, True)


def test_what_a_provider_began_to_keep_counts_with_openai_too() -> None:
    """In both of its forms."""
    details = {"cached_tokens": 2, "cache_write_tokens": 3}
    usage = {"input_tokens": 9, "output_tokens": 1, "input_tokens_details": details}

    assert RESPONSES.told({"object": "response", "usage": usage}) == Tokens(
        read=9, written=1, cached=2, kept=3, is_whole=True
    )


@pytest.mark.parametrize(
    ("provider", "name", "read", "written"),
    [
        (A, "claude-sonnet-4-20250514", 3, 15),
        (A, "claude-haiku-4-5-20251001", 1, 5),
        (A, "claude-haiku-4-5", 1, 5),
        (A, "claude-3-5-haiku-latest", 0.8, 4),
        (OA, "gpt-5-codex", 1.25, 10),
        (OA, "gpt-5-2025-08-07", 1.25, 10),
        (OA, "gpt-4o-2024-05-13", 5, 15),
        (OA, "gpt-5.5", 5, 30),
        (OA, "o1-pro", 150, 600),
        (G, "gemini-2.5-pro", 1.25, 10),
        (G, "gemini-3-pro-preview", 2, 12),
        (G, "gemini-2.5-pro-preview-06-05", 1.25, 10),
        (G, "gemini-2.5-flash-lite-preview-09-2025", 0.1, 0.4),
    ],
)
def test_a_model_has_its_own_price(provider: Provider, name: str, read: float, written: float) -> None:
    """By its name, with and without its date."""
    use = of(provider, name).use(Tokens(read=1_000, written=1_000))

    assert use.micros == (read + written) * 1_000


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        *((A, name) for name in ("claude-opus-4-8", "claude-sonnet-5", "claude-haiku-4-5-20251001", "claude-fable-5")),
        *((OA, name) for name in ("gpt-6-astra", "gpt-6-sol", "gpt-6-luna", "gpt-6.1-sol", "gpt-5.6-terra", "gpt-5.5")),
        *((G, name) for name in ("gemini-3.1-pro-preview-customtools", "gemini-3.1-pro-preview", "gemini-2.5-pro")),
        *((G, name) for name in ("gemini-3-flash-preview", "gemini-2.5-flash", "gemini-2.5-flash-lite")),
    ],
)
def test_what_the_agents_that_were_tried_ask_by_themselves_has_a_price(provider: Provider, name: str) -> None:
    """Claude Code 2.1.197, Codex 0.169.0 and Gemini CLI 0.61.0 name these where nobody says another; OpenCode none."""
    assert of(provider, name).use(CALL).micros > 0


def test_a_price_of_ones_own_holds_for_a_name_that_costs_the_same(tmp_path: Path) -> None:
    """One line is enough for both."""
    file = tmp_path / "prices.toml"
    file.write_text('[gemini]\n"gemini-3.1-pro-preview" = { read = 9, written = 9 }\n')

    customized = of(G, "gemini-3.1-pro-preview-customtools", file=file)

    assert customized.use(Tokens(read=1_000, written=1_000)).micros == 18_000


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        (A, "claude-opus-4-6-fast"),
        (A, "claude-sonnet-4-7"),
        (A, "claude-opus-4-1-mini"),
        (A, "gpt-5"),
        (OA, "gpt-5-codex-ultra"),
        (OA, "gpt-7"),
        (OA, "openai/gpt-5"),
        (OA, "ft:gpt-4o:acme"),
        (G, "gemini-2.5-flash-image"),
        (G, "gemini-2.5-pro-max"),
    ],
)
def test_a_model_that_nobody_gave_a_price_has_none(provider: Provider, name: str) -> None:
    """It may be dearer than all that are known: neither one that begins alike, nor one that also paints."""
    assert Prices.read(clock=At(NOVEMBER)).of(provider, name) is None


def test_a_price_may_change_on_a_day() -> None:
    """The list knows some beforehand."""
    before, after = [of(G, "gemini-3.7-flash", now=now).use(CALL).micros for now in (NOVEMBER, FEBRUARY)]

    assert after == 2 * before


@pytest.mark.parametrize("keeps_for_an_hour", [False, True])
def test_a_call_is_reserved_at_least_as_dear_as_it_can_become(*, keeps_for_an_hour: bool) -> None:
    """All that it reads may be kept, and that costs most."""
    tariff = of(A, "claude-sonnet-4-5")
    asked = Asked(model="m", body=b"", tokens_in=300_000, tokens_out=100_000, keeps_for_an_hour=keeps_for_an_hour)
    kept = 300_000 if keeps_for_an_hour else 0

    used = tariff.use(Tokens(read=300_000, kept=300_000, kept_for_an_hour=kept, written=100_000))

    assert tariff.at_most(asked).micros == used.micros


def test_prices_of_ones_own_go_before_those_that_are_published(tmp_path: Path) -> None:
    """One by one, and all that are at a server of one's own."""
    file = tmp_path / "prices.toml"
    file.write_text(
        '[openai]\n"*" = { read = 0, written = 0 }\n[anthropic]\nclaude-haiku-4-5 = { read = 9, written = 9 }\n'
    )
    tokens = Tokens(read=1_000, written=1_000)

    assert of(OA, "qwen3:8b", file=file).use(CALL).micros == 0
    assert of(OA, "gpt-5", file=file).use(CALL).micros == 0
    assert of(A, "claude-haiku-4-5-20251001", file=file).use(tokens).micros == 18_000
    assert of(A, "claude-opus-4-1", file=file).use(tokens).micros == 90_000


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
