"""What goes through an attempt's door to its model, what does not, and what is counted."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from sys import _current_frames
from traceback import walk_stack
from typing import Any

import pytest
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from haloop.connectors.gateway.asked import read_asked, read_counting
from haloop.connectors.gateway.body import PARTS_MAX
from haloop.connectors.gateway.door import CALLS_AT_ONCE_MAX
from haloop.connectors.gateway.gateway import FOLDER
from haloop.connectors.gateway.providers import Provider
from haloop.kernel.failure import Permanent
from haloop.ports.models import Budget, Cost
from haloop.ports.sandboxes import Network
from tests.connectors.gateway.conftest import DAY, KEY, Host, gateway, inside, open_files, task
from tests.engines.outside import until

A, OA, G = Provider.ANTHROPIC, Provider.OPENAI, Provider.GEMINI
ASKED = {"model": "claude-haiku-4-5", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}
MESSAGE = {"type": "message", "usage": {"input_tokens": 40, "cache_read_input_tokens": 10, "output_tokens": 5}}
MODELS = {A: "claude-haiku-4-5", OA: "gpt-5", G: "gemini-2.5-flash"}
PATHS = {A: "/v1/messages", OA: "/v1/chat/completions", G: "/v1beta/models/gemini-2.5-flash:generateContent"}


async def test_a_call_goes_to_the_provider_with_the_key_that_stays_outside(host: Host, tmp_path: Path) -> None:
    """Of what the agent says of itself only what the protocol needs goes on, and of the answer only what it needs."""
    host.says(MESSAGE, headers={"set-cookie": "a=b", "anthropic-organization-id": "org_1", "request-id": "req_1"})
    said = {"x-api-key": "placeholder", "cookie": "c=d", "anthropic-beta": "b", "user-agent": "mine"}
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        async with inside(line) as agent:
            answer = await agent.post("/v1/messages?beta=true&key=mine", json=ASKED, headers=said)

    assert answer.json() == MESSAGE
    assert answer.headers["request-id"] == "req_1"
    assert not {"set-cookie", "anthropic-organization-id"} & set(answer.headers)
    ((path, headers, body),) = host.asked
    assert path == "/v1/messages?beta=true"
    assert json.loads(body) == ASKED
    assert (headers["x-api-key"], headers["anthropic-beta"]) == (KEY, "b")
    assert "cookie" not in headers
    assert headers["user-agent"] != "mine"


@pytest.mark.parametrize(("provider", "header"), [(OA, "authorization"), (G, "x-goog-api-key")])
async def test_each_provider_is_shown_its_key_its_own_way(
    host: Host, tmp_path: Path, provider: Provider, header: str
) -> None:
    """OpenAI as a bearer's, Gemini in a header of its own."""
    host.says({"usage": {"prompt_tokens": 1, "completion_tokens": 1}})
    with gateway(tmp_path, [host.upstream(provider)]) as gate:
        line = await gate.open(provider, task())
        async with inside(line) as agent:
            answer = await agent.post(PATHS[provider], json={"model": MODELS[provider]}, headers={header: "mine"})

    assert answer.status_code == 200, answer.text
    assert host.asked[0][1][header].removeprefix("Bearer ") == KEY


@pytest.mark.parametrize(
    ("provider", "method", "path"),
    [
        (A, "GET", "/"),
        (A, "POST", "/v1/files"),
        (A, "POST", "/v1/messages/batches"),
        (A, "POST", "/v1/messages/../files"),
        (A, "POST", "/v1/chat/completions"),
        (OA, "POST", "/v1/messages"),
        (OA, "DELETE", "/v1/models"),
        (OA, "GET", "/v1/responses/resp_1"),
        (G, "POST", "/v1beta/models/a/b:generateContent"),
        (G, "POST", "/v1beta/models/g:embedContent"),
        (G, "POST", "/v1beta/files"),
    ],
)
async def test_nothing_but_a_models_own_calls_goes_through(
    host: Host, tmp_path: Path, provider: Provider, method: str, path: str
) -> None:
    """The rest is told so in the form in which the provider says that it has no such thing."""
    with gateway(tmp_path, [host.upstream(provider)]) as gate:
        line = await gate.open(provider, task())
        async with inside(line) as agent:
            answer = await agent.request(method, path, content=b"{}")

    assert answer.status_code == 404
    said = answer.json()["error"]
    assert f"leads to {provider}'s models and nowhere else" in said["message"]
    assert {A: said.get("type"), OA: said.get("type"), G: said.get("status")}[provider] in (
        *("not_found_error", "invalid_request_error", "NOT_FOUND"),
    )
    assert host.asked == []


EVENTS: list[tuple[Provider, str, list[Mapping[str, Any]], tuple[int, int, int]]] = [
    (
        A,
        "/v1/messages",
        [
            {"type": "message_start", "message": {"usage": {"input_tokens": 7, "cache_read_input_tokens": 3}}},
            {"type": "message_delta", "usage": {"output_tokens": 5}},
        ],
        (10, 5, 3),
    ),
    (
        OA,
        "/v1/chat/completions",
        [{"choices": [{}], "usage": None}, {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5}}],
        (10, 5, 0),
    ),
    (
        OA,
        "/v1/responses",
        [
            {"type": "response.created", "response": {"object": "response", "usage": None}},
            {
                "type": "response.completed",
                "response": {
                    "object": "response",
                    "usage": {
                        "input_tokens": 10,
                        "output_tokens": 5,
                        "input_tokens_details": {"cached_tokens": 4},
                    },
                },
            },
        ],
        (10, 5, 4),
    ),
    (
        G,
        "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        [
            {"candidates": [{}], "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 1}},
            {
                "candidates": [{"finishReason": "STOP"}],
                "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 3, "thoughtsTokenCount": 2},
            },
        ],
        (10, 5, 0),
    ),
]
WHOLE: list[tuple[Provider, str, list[Mapping[str, Any]], tuple[int, int, int]]] = [
    (A, "/v1/messages", [MESSAGE], (50, 5, 10)),
    (OA, "/v1/chat/completions", [{"usage": {"prompt_tokens": 10, "completion_tokens": 5}}], (10, 5, 0)),
    (OA, "/v1/responses", [{"object": "response", "usage": {"input_tokens": 9, "output_tokens": 5}}], (9, 5, 0)),
    (
        G,
        PATHS[G],
        [
            {
                "candidates": [{"finishReason": "STOP"}],
                "usageMetadata": {
                    "promptTokenCount": 10,
                    "candidatesTokenCount": 5,
                    "cachedContentTokenCount": 2,
                },
            }
        ],
        (10, 5, 2),
    ),
]


@pytest.mark.parametrize(("provider", "path", "said", "used"), [*EVENTS, *WHOLE])
async def test_what_a_call_used_is_read_from_its_answer(
    host: Host,
    tmp_path: Path,
    provider: Provider,
    path: str,
    said: list[Mapping[str, Any]],
    used: tuple[int, int, int],
) -> None:
    """In each of the four forms, at once or in events; what it costs follows from the prices."""
    host.says(*said)
    with gateway(tmp_path, [host.upstream(provider)]) as gate:
        line = await gate.open(provider, task())
        async with inside(line) as agent:
            answer = await agent.post(path, json={"model": MODELS[provider], "max_tokens": 50})
            use = line.use

    assert answer.status_code == 200, answer.text
    assert (use.tokens_in, use.tokens_out, use.cached) == used
    assert use.micros > 0


async def test_what_is_not_told_counts_as_all_that_was_reserved(host: Host, tmp_path: Path) -> None:
    """An answer without a count, and one that broke off before its last word; not one by which nothing was done."""
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        async with inside(line) as agent:
            host.says({"type": "message"})
            await agent.post("/v1/messages", json=ASKED)
            reserved = line.use
            host.says({"type": "error"}, status=529, headers={"retry-after": "7"})
            busy = await agent.post("/v1/messages", json=ASKED)
            after = line.use
            host.says(*EVENTS[0][2][:1])
            await agent.post("/v1/messages", json=ASKED)
            use = line.use

    assert reserved.tokens_out == 100
    assert reserved.tokens_in > 20
    assert (busy.status_code, busy.headers["retry-after"]) == (529, "7")
    assert after == reserved
    assert use.tokens == 2 * reserved.tokens


async def test_events_come_in_as_they_are_sent(host: Host, tmp_path: Path) -> None:
    """The first is read before the second is said."""
    go_on = asyncio.Event()

    async def pieces() -> AsyncIterator[str]:
        yield 'data: {"first": 1}\n\n'
        await go_on.wait()
        yield 'data: {"second": 2}\n\n'

    async def answer(_: Request) -> Response:
        return StreamingResponse(pieces(), media_type="text/event-stream")

    host.answer = answer
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        async with inside(line) as agent, agent.stream("POST", "/v1/messages", json=ASKED) as coming:
            heard = coming.aiter_text()
            assert await anext(heard) == 'data: {"first": 1}\n\n'
            go_on.set()
            assert await anext(heard) == 'data: {"second": 2}\n\n'


async def test_a_provider_that_is_not_there_costs_nothing(host: Host, tmp_path: Path) -> None:
    """And the agent is told in the provider's form."""
    upstream = replace(host.upstream(), address="http://127.0.0.1:9")
    with gateway(tmp_path, [upstream]) as gate:
        line = await gate.open(A, task())
        async with inside(line) as agent:
            answer = await agent.post("/v1/messages", json=ASKED)
        use = line.use

    assert answer.status_code == 502
    assert answer.json()["error"]["message"] == "anthropic's models cannot be reached from Haloop."
    assert use == Cost()


@pytest.mark.parametrize(
    ("spender", "for_day", "why"),
    [
        ({"budget": Budget(tokens=100)}, DAY, "Of 100 tokens, this step's budget, 0 are used"),
        ({"budget": Budget(usd="0.0001")}, DAY, "Of $0.01, this step's budget, $0.00 is used"),
        ({"mission_budget": Budget(tokens=100)}, DAY, "this mission's budget"),
        ({}, Budget(tokens=100), "what agents may use in a day"),
    ],
)
async def test_a_call_for_which_too_little_is_left_goes_nowhere(
    host: Host, tmp_path: Path, spender: dict[str, Budget], for_day: Budget, why: str
) -> None:
    """It is refused before the provider hears of it, in a sentence and with a status that no program tries again."""
    with gateway(tmp_path, [host.upstream()], for_day) as gate:
        line = await gate.open(A, task(**spender))
        async with inside(line) as agent:
            answer = await agent.post("/v1/messages", json=ASKED)
        spent = line.spent

    assert answer.status_code == 402
    assert answer.json()["error"]["type"] == "billing_error"
    assert why in answer.json()["error"]["message"]
    assert spent == answer.json()["error"]["message"]
    assert host.asked == []


async def test_a_budget_is_one_for_all_attempts_of_a_mission_and_all_missions_of_a_day(
    host: Host, tmp_path: Path
) -> None:
    """What one attempt used another has no more; a step's own budget begins anew with each."""
    host.says({"type": "message", "usage": {"input_tokens": 300, "output_tokens": 100}})
    budgets = {"budget": Budget(tokens=600), "mission_budget": Budget(tokens=900)}
    mission = task().mission
    with gateway(tmp_path, [host.upstream()], Budget(tokens=1_300)) as gate:

        async def asked(**other: Any) -> str:
            line = await gate.open(A, task(**other))
            async with inside(line) as agent:
                await agent.post("/v1/messages", json=ASKED)
            return line.spent

        assert await asked(mission=mission, **budgets) == ""
        assert await asked(mission=mission, **budgets) == ""
        assert "this mission's budget, 800 are used" in await asked(mission=mission, **budgets)
        assert await asked(**budgets) == ""
        assert "in a day" in await asked(**budgets)
        assert await asked(account="acc_bob", **budgets) == ""


async def test_many_calls_at_once_never_come_to_more_than_the_budget(host: Host, tmp_path: Path) -> None:
    """Three of eight fit at once. The others wait, and as many are answered as if one came after the other."""
    let_go, under_way, most = asyncio.Event(), 0, 0

    async def answer(_: Request) -> Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await let_go.wait()
        under_way -= 1
        return Response(json.dumps(MESSAGE), media_type="application/json")

    host.answer = answer
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task(budget=Budget(tokens=500)))
        async with inside(line) as agent, asyncio.TaskGroup() as calls:
            asked = [calls.create_task(agent.post("/v1/messages", json=ASKED)) for _ in range(8)]
            await until(lambda: under_way == 3)
            let_go.set()
        statuses = sorted(one.result().status_code for one in asked)

    assert statuses == [200] * 7 + [402]
    assert len(host.asked) == 7
    assert most == 3
    assert line.spent.startswith("Of 500 tokens, this step's budget, 385 are used")


async def test_a_call_that_waits_goes_nowhere_once_another_ended_the_attempt(host: Host, tmp_path: Path) -> None:
    """It hears so at once, and nothing is paid for it when what it waited for is there."""
    let_go = asyncio.Event()

    async def answer(_: Request) -> Response:
        await let_go.wait()
        return Response(json.dumps(MESSAGE), media_type="application/json")

    host.answer = answer
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task(budget=Budget(tokens=200)))
        async with inside(line) as agent, asyncio.timeout(60):
            first = asyncio.create_task(agent.post("/v1/messages", json=ASKED))
            await until(host.was_asked.is_set)
            waits = asyncio.create_task(agent.post("/v1/messages", json=ASKED))
            for _ in range(5):
                await agent.get("/elsewhere")  # whoever came before waits by then
            too_much = await agent.post("/v1/messages", json={**ASKED, "max_tokens": 500})
            told = await waits
            let_go.set()
            await first
        use = line.use

    assert (too_much.status_code, told.status_code) == (402, 402)
    assert told.json()["error"]["message"] == line.spent
    assert (len(host.asked), use.tokens_out) == (1, 5)


async def test_a_call_that_waits_is_not_made_for_an_agent_that_has_gone(host: Host, tmp_path: Path) -> None:
    """Nothing is paid for it, and its place is another's at once."""
    let_go = asyncio.Event()

    async def answer(_: Request) -> Response:
        await let_go.wait()
        return Response(json.dumps(MESSAGE), media_type="application/json")

    host.answer = answer
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task(budget=Budget(tokens=200)))
        async with inside(line) as agent, asyncio.timeout(60):
            first = asyncio.create_task(agent.post("/v1/messages", json=ASKED))
            await until(host.was_asked.is_set)
            assert (await agent.get("/elsewhere")).status_code == 404
            files = open_files()
            waiting = [
                asyncio.create_task(agent.post("/v1/messages", json=ASKED)) for _ in range(CALLS_AT_ONCE_MAX - 1)
            ]
            while (await agent.get("/elsewhere")).status_code != 429:
                pass
            for one in waiting:
                one.cancel()
            await until(lambda: open_files() <= files)  # all of them are gone, at either end
            assert (await agent.get("/elsewhere")).status_code == 404
            let_go.set()
            await first
        use = line.use

    assert (len(host.asked), use.tokens_out, line.spent) == (1, 5, "")


async def test_a_call_waits_for_others_no_longer_than_a_call_may_take(host: Host, tmp_path: Path) -> None:
    """It is told to ask again, and its attempt goes on: nothing was used up."""
    never = asyncio.Event()

    async def answer(_: Request) -> Response:
        await never.wait()
        return Response()

    host.answer = answer
    once = {"mission": task().mission, "mission_budget": Budget(tokens=200)}
    with gateway(tmp_path, [host.upstream(), replace(host.upstream(OA), seconds_max=0.2)]) as gate:
        slow, line = await gate.open(A, task(**once)), await gate.open(OA, task(**once))
        async with inside(slow) as before, inside(line) as agent:
            first = asyncio.create_task(before.post(PATHS[A], json=ASKED))
            await until(host.was_asked.is_set)
            answered = await agent.post(PATHS[OA], json={**ASKED, "model": MODELS[OA]})
            never.set()
            await first

    assert (answered.status_code, answered.json()["error"]["type"]) == (503, "server_error")
    assert "Ask again" in answered.json()["error"]["message"]
    assert (line.spent, len(host.asked)) == ("", 1)


@pytest.mark.parametrize(
    ("provider", "asked", "what"),
    [
        (A, {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "web_search_20250305"),
        (A, {"mcp_servers": [{"url": "https://x.example"}]}, "mcp_servers"),
        (
            A,
            {"messages": [{"content": [{"type": "image", "source": {"type": "url", "url": "https://x.example/?s"}}]}]},
            "an address",
        ),
        (OA, {"web_search_options": {}}, "web_search_options"),
        (OA, {"model": "gpt-4o-search-preview"}, "searches by itself"),
        (OA, {"tools": [{"type": "code_interpreter"}]}, "code_interpreter"),
        (OA, {"tools": [{"type": "namespace", "tools": [{"type": "web_search"}]}]}, "web_search"),
        (OA, {"messages": [{"content": [{"image_url": {"url": "https://x.example/?s"}}]}]}, "an address"),
        (OA, {"input": [{"content": [{"type": "input_image", "image_url": "https://x.example/?s"}]}]}, "an address"),
        (G, {"tools": [{"googleSearch": {}}]}, "googleSearch"),
        (G, {"contents": [{"parts": [{"fileData": {"fileUri": "https://x.example/?s"}}]}]}, "an address"),
    ],
)
async def test_the_provider_is_no_way_around_a_step_without_network(
    host: Host, tmp_path: Path, provider: Provider, asked: dict[str, Any], what: str
) -> None:
    """What makes it look things up or fetch an address is refused; a step that has a network is told to use that."""
    body = {"model": MODELS[provider], "max_tokens": 1, **asked}
    with gateway(tmp_path, [host.upstream(provider)]) as gate:
        closed, opened = [await gate.open(provider, task(network=one)) for one in (Network.NONE, Network.BRIDGE)]
        async with inside(closed) as agent, inside(opened) as reaching:
            refused = await agent.post(PATHS[provider], json=body)
            refused_too = await reaching.post(PATHS[provider], json=body)

    assert (refused.status_code, refused_too.status_code) == (400, 400)
    assert "no network" in refused.json()["error"]["message"]
    assert what in refused.json()["error"]["message"]
    assert "network of its own" in refused_too.json()["error"]["message"]
    assert host.asked == []


async def test_a_count_is_no_way_around_it_either(host: Host, tmp_path: Path) -> None:
    """What is counted must not be fetched for that; words are counted."""
    host.says({"input_tokens": 3})
    picture = {"type": "image", "source": {"type": "url", "url": "https://x.example/?s"}}
    with gateway(tmp_path, [host.upstream(A)]) as gate:
        closed = await gate.open(A, task(network=Network.NONE))
        async with inside(closed) as agent:
            refused, counted = [
                await agent.post(
                    "/v1/messages/count_tokens", json={"model": "m", "messages": [{"role": "user", "content": [one]}]}
                )
                for one in (picture, {"type": "text", "text": "Hello."})
            ]

    assert (refused.status_code, counted.status_code) == (400, 200)
    assert len(host.asked) == 1


@pytest.mark.parametrize(
    "asked",
    [
        {"tools": [{"name": "Fetch", "input_schema": {"properties": {"image_url": {"type": "string"}}}}]},
        {"tools": [{"type": "bash_20250124", "name": "bash"}, {"type": "custom", "name": "x", "input_schema": {}}]},
        {"tools": [{"type": "namespace", "tools": [{"type": "function", "name": "x"}]}]},
        {"messages": [{"content": [{"type": "tool_use", "input": {"image_url": "https://x.example"}}]}]},
        {
            "messages": [
                {"content": [{"source": {"type": "base64", "data": "aGk="}}, {"text": "see https://x.example"}]}
            ]
        },
    ],
)
async def test_an_agents_own_tools_may_be_for_anything(host: Host, tmp_path: Path, asked: dict[str, Any]) -> None:
    """They work in its sandbox, and their words are no order to the provider."""
    host.says(MESSAGE)
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        async with inside(line) as agent:
            answer = await agent.post("/v1/messages", json={**ASKED, **asked})

    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"not json", "no JSON"),
        (b"[]", "no JSON object"),
        (b'{"max_tokens": 1}', "names no model"),
        (b'{"model": "m", "max_tokens": 1e9}', "no whole number"),
        (b'{"model": "m", "max_tokens": -5}', "no whole number"),
        (b'{"model": "m", "tools": [], "tools": [{"type": "web_search_20250305"}]}', "no network"),
        (b'{"model": "m", "x": "\xff"}', "no JSON"),
        ('{"model": "m"}'.encode("utf-16"), "no JSON"),
        (b"[" * 5_000, "no JSON"),
    ],
)
async def test_a_request_that_is_none_goes_nowhere(host: Host, tmp_path: Path, body: bytes, why: str) -> None:
    """What is reserved must be what the provider reads."""
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        async with inside(line) as agent:
            answer = await agent.post("/v1/messages", content=body)

    assert answer.status_code == 400
    assert why in answer.json()["error"]["message"]
    assert host.asked == []


async def test_a_request_has_a_size(host: Host, tmp_path: Path) -> None:
    """More than the provider would take is not even kept."""
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        async with inside(line) as agent:
            answer = await agent.post("/v1/messages", content=b" " * (33 << 20))

    assert answer.status_code == 413
    assert host.asked == []


async def test_requests_are_read_one_at_a_time_and_agents_take_turns(host: Host, tmp_path: Path) -> None:
    """Who sends many that take long to read keeps neither the process from all else nor another agent waiting."""
    host.says(MESSAGE)
    ways, at_once, is_over = ("/v1/messages", "/v1/messages/count_tokens"), 0, False
    much = json.dumps({**ASKED, "messages": [{"a": 1}] * (PARTS_MAX // 8)}).encode()

    async def watch() -> None:
        nonlocal at_once
        while not is_over:
            at_once = max(at_once, reading())
            await asyncio.sleep(0)

    with gateway(tmp_path, [host.upstream()], Budget(tokens=100_000_000)) as gate:
        lines = [await gate.open(A, task()) for _ in range(2)]
        async with inside(lines[0]) as many, inside(lines[1]) as one, asyncio.TaskGroup() as group:
            group.create_task(watch())
            sent = [group.create_task(many.post(ways[n % 2], content=much)) for n in range(CALLS_AT_ONCE_MAX)]
            await until(lambda: at_once > 0)
            answered = await one.post("/v1/messages", json=ASKED)
            were_done = sum(each.done() for each in sent)
            await asyncio.wait(sent)
            is_over = True

    assert {each.result().status_code for each in sent} == {answered.status_code} == {200}
    assert at_once == 1
    assert were_done < CALLS_AT_ONCE_MAX / 2


def reading() -> int:
    """In how many threads a request is read now."""
    codes = {read_asked.__code__, read_counting.__code__}
    return sum(
        any(frame.f_code in codes for frame, _ in walk_stack(innermost)) for innermost in _current_frames().values()
    )


async def test_an_attempt_that_is_over_waits_for_no_answer(host: Host, tmp_path: Path) -> None:
    """What was under way counts as all that was reserved for it, and its socket is gone."""
    never = asyncio.Event()

    async def answer(_: Request) -> Response:
        await never.wait()
        return Response()

    host.answer = answer
    with gateway(tmp_path, [host.upstream()]) as gate:
        line = await gate.open(A, task())
        async with inside(line) as agent:
            asking = asyncio.create_task(agent.post("/v1/messages", json=ASKED))
            await until(host.was_asked.is_set)
            asking.cancel()
            await asyncio.wait([asking])
            await line.close()
        never.set()

        assert line.use.tokens_out == 100
        assert not line.at.exists()


async def test_an_account_that_is_stopped_asks_nothing_more(
    host: Host, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A call under way is given up and counts as what was reserved, further ones are refused, and others go on."""
    never = asyncio.Event()

    async def answer(_: Request) -> Response:
        await never.wait()
        return Response()

    host.answer = answer
    with gateway(tmp_path, [host.upstream()]) as gate:
        line, other = await gate.open(A, task()), await gate.open(A, task(account="acc_bob"))
        async with inside(line) as agent, inside(other) as neighbour:
            under_way = asyncio.create_task(agent.post("/v1/messages", json=ASKED))
            await until(host.was_asked.is_set)
            for _ in range(2):
                gate.stop("acc_ana", "An owner stopped every agent.")
            ended = await under_way
            never.set()
            host.says(MESSAGE)
            refused = [await agent.post(path, json=ASKED) for path in ("/v1/messages", "/v1/messages/count_tokens")]
            goes_on = await neighbour.post("/v1/messages", json=ASKED)
        use = line.use

    assert [(one.status_code, one.json()["error"]["message"]) for one in (ended, *refused)] == [
        (402, "An owner stopped every agent.")
    ] * 3
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
    assert (goes_on.status_code, len(host.asked)) == (200, 2)
    assert (line.spent, use.tokens_out) == ("An owner stopped every agent.", 100)


async def test_what_an_earlier_start_left_keeps_nobody_from_starting(host: Host, tmp_path: Path) -> None:
    """A process that was killed leaves its sockets; the same attempt gets one again, and what it used is known."""
    host.says(MESSAGE)
    again = task()
    (tmp_path / FOLDER / again.attempt).mkdir(parents=True)
    (tmp_path / FOLDER / again.attempt / "model.sock").touch()
    use = Cost()
    for _ in range(2):
        with gateway(tmp_path, [host.upstream()]) as gate:
            line = await gate.open(A, again)
            async with inside(line) as agent:
                answer = await agent.post("/v1/messages", json=ASKED)
            assert answer.status_code == 200
            use = line.use

    assert (use.tokens_in, use.tokens_out) == (100, 10)


async def test_nobody_is_asked_whom_the_settings_do_not_name(tmp_path: Path) -> None:
    """Whoever sees the step fail is told what to set."""
    with gateway(tmp_path) as gate, pytest.raises(Permanent, match=r"gateway\.openai_key_file"):
        await gate.open(OA, task())
