"""What is read from a request for a model, what of it is sent, and what is refused because nobody could count it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from haloop.connectors.gateway.asked import TOKENS_OF_A_DOCUMENT, TOKENS_OF_A_PICTURE, Asked, read_asked, read_counting
from haloop.connectors.gateway.body import PARTS_MAX, NotAsked
from haloop.connectors.gateway.dialects import CHAT, GENERATE, MESSAGES, RESPONSES, Dialect
from haloop.connectors.gateway.providers import Provider
from haloop.ports.models import Cost
from haloop.ports.sandboxes import Network
from tests.connectors.gateway.conftest import Host, gateway, inside, task

PNG = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
SOUND = {"input_audio": {"type": "string"}, "file_id": {"type": "string"}}
SEALED = ["reasoning.encrypted_content"]
PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}


def read(dialect: Dialect, **said: Any) -> Asked:
    body = json.dumps({"model": "m", **said}).encode()
    return read_asked(body, dialect, model="", may_reach_out=True)


def sent(dialect: Dialect, **said: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(read(dialect, **said).body)
    del body["model"]
    return body


@pytest.mark.parametrize(
    ("dialect", "said", "bound", "tokens_out"),
    [
        (MESSAGES, {}, {"max_tokens": 32_768}, 32_768),
        (MESSAGES, {"max_tokens": 9}, {"max_tokens": 9}, 9),
        (CHAT, {}, {"max_completion_tokens": 16_384}, 16_384),
        (CHAT, {"max_tokens": 9, "n": 3}, {"max_tokens": 9, "n": 3}, 27),
        (CHAT, {"max_tokens": 9, "max_completion_tokens": 90}, {"max_tokens": 9, "max_completion_tokens": 90}, 90),
        (RESPONSES, {}, {"max_output_tokens": 32_768, "store": False, "include": SEALED}, 32_768),
        (RESPONSES, {"max_output_tokens": 9, "store": False}, {"max_output_tokens": 9, "store": False}, 9),
        (GENERATE, {}, {"generationConfig": {"maxOutputTokens": 32_768}}, 32_768),
        (
            GENERATE,
            {"generationConfig": {"maxOutputTokens": 0}},
            {"generationConfig": {"maxOutputTokens": 32_768}},
            32_768,
        ),
        (
            GENERATE,
            {"generation_config": {"max_output_tokens": 65_536, "candidate_count": 8}},
            {"generationConfig": {"maxOutputTokens": 65_536, "candidateCount": 8}},
            524_288,
        ),
    ],
)
def test_an_answer_is_no_longer_than_what_is_reserved_for_it(
    dialect: Dialect, said: dict[str, Any], bound: dict[str, Any], tokens_out: int
) -> None:
    """Where the agent sets no bound, one of ours is sent; in Gemini's two spellings it is one."""
    assert sent(dialect, **said) == bound
    assert read(dialect, **said).tokens_out == tokens_out


@pytest.mark.parametrize("dialect", [MESSAGES, CHAT, RESPONSES, GENERATE])
def test_a_bound_of_the_agents_own_goes_before_the_usual_one(dialect: Dialect) -> None:
    """In each of the four forms it is both sent and reserved."""
    unsaid = read_asked(b'{"model": "m"}', dialect, model="", may_reach_out=True, answer_tokens_max=128_000)

    assert unsaid.tokens_out == 128_000
    assert b":128000" in unsaid.body


def test_what_a_call_says_itself_goes_before_all_others() -> None:
    """Whether that is more or less."""
    said = b'{"model": "m", "max_output_tokens": 9}'

    assert read_asked(said, RESPONSES, model="", may_reach_out=True, answer_tokens_max=128_000).tokens_out == 9


def test_a_chat_in_events_is_asked_to_tell_what_it_used() -> None:
    """It tells nobody who does not ask; what else the agent wished of its events stays."""
    streamed = sent(CHAT, stream=True, max_tokens=9, stream_options={"include_obfuscation": False})

    assert streamed["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert "stream_options" not in sent(CHAT, max_tokens=9)
    assert sent(CHAT, max_tokens=9, store=True)["store"] is False


@pytest.mark.parametrize(
    ("said", "included"),
    [
        ({"store": True}, SEALED),
        ({"store": None, "include": ["message.output_text.logprobs"]}, ["message.output_text.logprobs", *SEALED]),
        ({"include": SEALED}, SEALED),
        ({"include": 5}, 5),
        ({"store": False, "include": None}, None),
        ({"model": "gpt-4.1", "include": []}, []),
    ],
)
def test_what_a_model_thought_comes_whole_where_it_is_not_kept(said: dict[str, Any], included: object) -> None:
    """An agent that lets the provider keep its answers has it to send back; one that does not knows what it needs."""
    asked = sent(RESPONSES, max_output_tokens=9, **said)

    assert (asked["store"], asked["include"]) == (False, included)


def test_what_is_sent_can_be_read_in_one_way_only() -> None:
    """Of a name that is said twice one is left, and nothing is sent that was not read; the rest is as it was."""
    twice = b'{"model": "m", "max_tokens": 9, "max_tokens": 5, "temperature": 0.7,  "z": 1, "a": "\\u00e9"}'

    asked = read_asked(twice, MESSAGES, model="", may_reach_out=True)

    assert asked.body == '{"model":"m","max_tokens":5,"temperature":0.7,"z":1,"a":"é"}'.encode()
    assert asked.tokens_out == 5


@pytest.mark.parametrize(
    ("said", "read_as"),
    [
        (r"cut \ud83d", "cut \ufffd"),
        (r"\uDE00 and \ud83d\ud83d\ude00\ude00", "\ufffd and \ufffd\U0001f600\ufffd"),
        (r"\ud83d \\ud83d \\\ud83d", "\ufffd \\ud83d \\\ufffd"),
    ],
)
def test_half_a_character_is_one_that_nobody_knows(said: str, read_as: str) -> None:
    """Programs cut texts there; the rest of the text, and the rest of the session, is as it was."""
    body = f'{{"model": "m", "max_tokens": 9, "system": "{said}"}}'

    asked = read_asked(body.encode(), MESSAGES, model="", may_reach_out=True)

    assert json.loads(asked.body)["system"] == read_as


@pytest.mark.parametrize("body", [b'{"a": "\\ud83d"', b'{"a": "\xed\xa0\xbd"}', b'{"a": "\\ud8"}', b"{'a': 1}", b""])
def test_what_is_no_json_is_not_asked(body: bytes) -> None:
    """Half of anything else is mended by nobody."""
    with pytest.raises(NotAsked, match="no JSON that can be read"):
        read_counting(body, may_reach_out=True)


def test_no_other_model_answers_than_the_one_that_was_priced() -> None:
    """Whom a provider would ask instead is left out."""
    assert sent(MESSAGES, max_tokens=9, fallbacks=[{"model": "dear"}], models=["dear"]) == {"max_tokens": 9}


@pytest.mark.parametrize(
    ("dialect", "said", "why"),
    [
        (MESSAGES, {"speed": "fast"}, "speed makes the same words dearer"),
        (MESSAGES, {"inference_geo": "us"}, "inference_geo makes"),
        (MESSAGES, {"thread": {"type": "continue", "previous_message_id": "msg_1"}}, "thread leaves or finds"),
        (MESSAGES, {"messages": [{"content": [{"source": {"type": "file", "file_id": "file_1"}}]}]}, "file_id"),
        (MESSAGES, {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "network of its own"),
        (CHAT, {"service_tier": "priority"}, "service_tier makes"),
        (CHAT, {"modalities": ["text", "audio"]}, "Only words are counted"),
        (CHAT, {"messages": [{"content": [{"type": "input_audio", "input_audio": {"data": "aa"}}]}]}, "Sound and film"),
        (CHAT, {"messages": [{"content": [{"image_url": {"url": "https://x.example"}}]}]}, "an address"),
        (CHAT, {"search_parameters": {"mode": "on"}}, "search_parameters"),
        (RESPONSES, {"background": True}, "background"),
        (RESPONSES, {"previous_response_id": "resp_1"}, "previous_response_id"),
        (RESPONSES, {"conversation": "conv_1"}, "conversation"),
        (RESPONSES, {"prompt": {"id": "pmpt_1"}}, "prompt"),
        (RESPONSES, {"input": [{"type": "item_reference", "id": "msg_1"}]}, "item_reference"),
        (RESPONSES, {"input": [{"type": "reasoning", "id": "rs_1", "summary": []}]}, "by its id alone"),
        (
            RESPONSES,
            {"input": [{"type": "additional_tools", "tools": [{"type": "function"}, {"type": "web_search"}]}]},
            r"provider's own \(web_search\)",
        ),
        (RESPONSES, {"input": [{"type": "tool_search_output", "tools": [{"type": "mcp"}]}]}, r"own \(mcp\)"),
        (
            MESSAGES,
            {"messages": [{"content": [{"tool": {"type": "tool_definition", "definition": {"type": "web_fetch_2"}}}]}]},
            r"own \(web_fetch_2\)",
        ),
        (CHAT, {"model": "openai/gpt-5:online"}, "searches by itself"),
        (CHAT, {"model": "gpt-4o-search-preview"}, "searches by itself"),
        (CHAT, {"model": "gpt-5-search"}, "searches by itself"),
        (RESPONSES, {"model": "o3-deep-research"}, "searches by itself"),
        (RESPONSES, {"tools": [{"type": "tool_search"}]}, r"own \(tool_search\)"),
        (RESPONSES, {"metadata": {}, "input": [{"metadata": {"file_id": "file_1"}}]}, "file_id"),
        (RESPONSES, {"prompt_cache_options": {"ttl": "12h"}}, "prompt_cache_options.ttl"),
        (RESPONSES, {"service_tier": "fast"}, "service_tier makes"),
        (GENERATE, {"cachedContent": "cachedContents/1"}, "cachedContent"),
        (GENERATE, {"cached_content": "cachedContents/1"}, "cachedContent"),
        (GENERATE, {"service_tier": "priority"}, "serviceTier makes"),
        (GENERATE, {"generation_config": {"response_modalities": ["IMAGE"]}}, "Only words are counted"),
        (
            GENERATE,
            {"modalities": ["text"], "generationConfig": {"responseModalities": ["AUDIO"]}},
            "Only words are counted",
        ),
        (GENERATE, {"contents": [{"parts": [{"inlineData": {"mimeType": "audio/wav", "data": "aa"}}]}]}, "Sound"),
        (GENERATE, {"contents": [{"parts": [{"inline_data": {"mime_type": "video/mp4", "data": "aa"}}]}]}, "Sound"),
        (GENERATE, {"generationConfig": {}, "generation_config": {}}, "in two spellings"),
        (CHAT, {"messages": json.loads("[" * 100 + "]" * 100)}, "nested too deeply"),
    ],
)
def test_what_nobody_could_count_is_refused(dialect: Dialect, said: dict[str, Any], why: str) -> None:
    """Also for a step that has a network: the reason is what it costs."""
    with pytest.raises(NotAsked, match=why):
        read(dialect, **said)


@pytest.mark.parametrize(
    ("dialect", "said"),
    [
        (MESSAGES, {"service_tier": "auto", "speed": "standard", "metadata": {"user_id": "u"}, "betas": ["b"]}),
        (
            MESSAGES,
            {"system": [{"text": "Hi", "cache_control": {"type": "ephemeral"}}], "thinking": {"budget_tokens": 9}},
        ),
        (CHAT, {"service_tier": "auto", "modalities": ["text"], "parallel_tool_calls": True, "logit_bias": {}}),
        (RESPONSES, {"include": ["reasoning.encrypted_content"], "background": False, "previous_response_id": None}),
        (RESPONSES, {"input": [{"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAA", "content": None}]}),
        (RESPONSES, {"input": [{"type": "reasoning", "id": "rs_1", "content": [{"type": "reasoning_text"}]}]}),
        (RESPONSES, {"tool_choice": {"type": "allowed_tools", "tools": [{"type": "function", "name": "f"}]}}),
        (RESPONSES, {"input": [{"type": "function_call_output", "output": "see https://x.example", "call_id": "c"}]}),
        (CHAT, {"response_format": {"json_schema": {"schema": {"properties": {"tools": {"type": "array"}}}}}}),
        (CHAT, {"model": "llama-research-7b"}),
        (RESPONSES, {"tools": [{"type": "tool_search", "execution": "client", "parameters": {}}]}),
        (RESPONSES, {"metadata": {"file_id": "of mine"}, "text": {"format": {"schema": {"properties": SOUND}}}}),
        (CHAT, {"response_format": {"json_schema": {"schema": {"properties": SOUND}}}}),
        (MESSAGES, {"output_config": {"format": {"schema": {"properties": SOUND}}}}),
        (GENERATE, {"generation_config": {"response_schema": {"properties": SOUND}}}),
        (GENERATE, {"safety_settings": [], "generationConfig": {"thinkingConfig": {"includeThoughts": True}}}),
    ],
)
def test_what_does_no_harm_passes(dialect: Dialect, said: dict[str, Any]) -> None:
    """Programs say much that is nobody's business here."""
    assert read(dialect, **said).tokens_in > 0


@pytest.mark.parametrize(
    ("dialect", "said", "least"),
    [
        (MESSAGES, {"messages": [{"content": [{"type": "image", "source": PNG}]}]}, TOKENS_OF_A_PICTURE),
        (MESSAGES, {"messages": [{"content": [{"type": "document", "source": PDF}] * 2}]}, 2 * TOKENS_OF_A_DOCUMENT),
        (CHAT, {"messages": [{"content": [{"image_url": {"url": "data:image/png;base64,aa"}}]}]}, TOKENS_OF_A_PICTURE),
        (RESPONSES, {"input": [{"content": [{"image_url": "data:image/png;base64,aa"}]}]}, TOKENS_OF_A_PICTURE),
        (RESPONSES, {"input": [{"content": [{"type": "input_file", "file_data": "aa"}]}]}, TOKENS_OF_A_DOCUMENT),
        (
            GENERATE,
            {"contents": [{"parts": [{"inline_data": {"mime_type": "image/png", "data": "aa"}}]}]},
            TOKENS_OF_A_PICTURE,
        ),
    ],
)
def test_a_picture_is_more_than_its_bytes(dialect: Dialect, said: dict[str, Any], least: int) -> None:
    """Little in bytes can be much to read; where the bytes are more, they count."""
    assert least < read(dialect, **said).tokens_in < least + 200


def test_a_large_picture_is_its_bytes() -> None:
    """The rule for small ones is not added to it."""
    large = {"type": "base64", "media_type": "image/png", "data": "a" * 900_000}

    assert 300_000 < read(MESSAGES, messages=[{"content": [{"source": large}]}]).tokens_in < 300_200


def test_what_is_no_plain_ascii_counts_twice() -> None:
    """A sign of four bytes may be three tokens."""
    plain, signs = [read(MESSAGES, system=one * 30_000).tokens_in for one in ("abcd", "🦊")]

    assert 40_000 < plain < 40_100
    assert 80_000 < signs < 80_100


@pytest.mark.parametrize(
    "said",
    [
        {"max_tokens": 100, "context_management": {"edits": [{"type": "compact_20260112"}]}},
        {"max_tokens": 100, "context_management": [{"type": "compaction"}]},
        {"max_tokens": 100, "input": [{"type": "compaction_trigger"}]},
    ],
)
def test_what_the_provider_shortens_first_is_read_and_written_twice(said: dict[str, Any]) -> None:
    """That is used besides the answer."""
    assert read(MESSAGES, **said).tokens_out == 200


def test_an_hours_keeping_is_reserved_where_it_is_asked_for() -> None:
    """However its name is written."""
    kept = b'{"model":"m","max_tokens":1,"system":[{"text":"x","cache_control":{"type":"ephemeral","ttl":"\\u0031h"}}]}'

    assert read_asked(kept, MESSAGES, model="", may_reach_out=True).keeps_for_an_hour
    assert not read(MESSAGES, max_tokens=1).keeps_for_an_hour


@pytest.mark.parametrize("part", [b"[],", b'{"":1},', b"1,"])
def test_a_request_of_too_many_parts_is_not_even_read(part: bytes) -> None:
    """Whoever reads it would hold up all others."""
    with pytest.raises(NotAsked, match="brackets, braces and commas"):
        read_counting(b'{"model": "m", "x": [' + part * PARTS_MAX + b"0]}", may_reach_out=True)

    assert read_counting(b'{"x": "' + b"a" * 5_000_000 + b'"}', may_reach_out=True)


def test_a_request_of_many_small_parts_is_refused_and_the_longest_session_is_not() -> None:
    """What takes a second to look through is nothing that a program writes: of a million tokens it has fewer parts."""
    table = json.dumps([{"name": "x" * 20, "sizes": [1, 2], "is": True}] * 14)
    turn = [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "Read", "input": {"path": "a"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": table}]},
    ]

    assert read(MESSAGES, messages=turn * 2_400).tokens_in > 900_000
    with pytest.raises(NotAsked, match="brackets, braces and commas"):
        read(MESSAGES, messages=[{"a": 1}] * 240_000)


def test_a_request_without_a_model_is_looked_at_no_further() -> None:
    """That would only take time."""
    with pytest.raises(NotAsked, match="names no model"):
        read_asked(b'{"messages": [{"file_id": "file_1"}]}', MESSAGES, model="", may_reach_out=True)


async def test_what_was_read_is_what_the_provider_gets(host: Host, tmp_path: Path) -> None:
    """As JSON, whatever the agent called it."""
    host.says({"usage": {"prompt_tokens": 1, "completion_tokens": 1}})
    with gateway(tmp_path, [host.upstream(Provider.OPENAI)]) as gate:
        line = await gate.open(Provider.OPENAI, task())
        async with inside(line) as agent:
            answer = await agent.post(
                "/v1/chat/completions",
                content=b'{"n": 2, "model": "gpt-5", "n": 1, "stream": true}',
                headers={"content-type": "application/x-protobuf; charset=utf-16"},
            )

    assert answer.status_code == 200
    ((_, headers, body),) = host.asked
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {
        "n": 1,
        "model": "gpt-5",
        "stream": True,
        "max_completion_tokens": 16_384,
        "stream_options": {"include_usage": True},
    }
    assert body.count(b'"n"') == 1


async def test_a_model_without_a_price_is_not_asked(host: Host, tmp_path: Path) -> None:
    """Whoever runs Haloop is told where to say it, and how."""
    with gateway(tmp_path, [host.upstream(Provider.OPENAI)]) as gate:
        line = await gate.open(Provider.OPENAI, task())
        async with inside(line) as agent:
            answer = await agent.post("/v1/chat/completions", json={"model": "qwen3:8b", "max_tokens": 5})
        use = line.use

    assert answer.status_code == 400
    assert 'below [openai]: "qwen3:8b" = { read = 1.25' in answer.json()["error"]["message"]
    assert "gateway.prices_file" in answer.json()["error"]["message"]
    assert (host.asked, use) == ([], Cost())


async def test_a_long_answer_that_tells_no_count_is_as_much_as_was_seen_of_it(host: Host, tmp_path: Path) -> None:
    """A server may keep to no bound; it was more than what was reserved."""
    host.says({"type": "message", "content": [{"text": "word " * 6_000}]})
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(Provider.ANTHROPIC, task(network=Network.NONE))
        async with inside(line) as agent:
            await agent.post("/v1/messages", json={"model": "claude-haiku-4-5", "max_tokens": 100})
        use = line.use

    assert 10_000 <= use.tokens_out < 10_100


async def test_the_practice_model_costs_nothing(host: Host, tmp_path: Path) -> None:
    """Whatever it is called; what it read and wrote is counted."""
    host.says({"type": "message", "usage": {"input_tokens": 40, "output_tokens": 5}})
    with gateway(tmp_path, [replace(host.upstream(), is_practice=True)]) as gate:
        line = await gate.open(Provider.ANTHROPIC, task())
        async with inside(line) as agent:
            answer = await agent.post("/v1/messages", json={"model": "practice", "max_tokens": 100})
        use = line.use

    assert answer.status_code == 200
    assert use == Cost(tokens_in=40, tokens_out=5)
