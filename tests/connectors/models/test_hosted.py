"""A hosted model, slow, wrong, full and rude: what is sent, what it costs, and when it is left alone."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from haloop.connectors.models.hosted import MODELS, HostedModel, ModelHost, Shape, hosted_model
from haloop.connectors.models.resting import REST_SECONDS
from haloop.kernel.card import ModelText
from haloop.kernel.errors import HomeUnusable
from haloop.kernel.failure import Malformed, Permanent, RateLimited, StepFault, Transient
from haloop.kernel.prompt import Prompt
from haloop.ports.models import HasSecret, Spent
from haloop.store.model_use import ModelUse
from haloop.testing.clock import MovableClock
from tests.connectors.models.host import KEY, TOKENS, Hosting, Says, hosting

PROMPT = Prompt(
    does="Name the fruit.",
    words="I like Ana's pears, ana@example.org",
    form={
        "type": "object",
        "properties": {"fruit": {"type": "string"}},
        "required": ["fruit"],
        "additionalProperties": False,
    },
    private=("Ana",),
)
PEARS = {"fruit": "pears"}
BOTH = pytest.mark.parametrize("shape", list(Shape))


@pytest.fixture
async def host() -> AsyncIterator[Hosting]:
    async with hosting() as host:
        yield host


@asynccontextmanager
async def opened(
    host: ModelHost,
    home: Path,
    *,
    tokens_max: int = 100_000,
    seconds_max: float = 30.0,
    clock: MovableClock | None = None,
) -> AsyncIterator[HostedModel]:
    clock = clock or MovableClock()
    with ModelUse.opened(home, tokens_max=tokens_max) as use:
        async with HostedModel.opened(host, use, clock=clock, seconds_max=seconds_max) as model:
            yield model


async def fault_of(model: HostedModel) -> StepFault:
    with pytest.raises(StepFault) as met:
        await model.write("acc", PROMPT)
    return met.value


@BOTH
async def test_it_answers_in_a_strict_form_and_costs_what_it_says(host: Hosting, tmp_path: Path, shape: Shape) -> None:
    """The form goes as a schema, the answer is marked with whose it is, and what it used is counted, no more."""
    host.will_write(PEARS)
    async with opened(host.host(shape), tmp_path) as model:
        answer = await model.write("acc", PROMPT)
        assert answer == ModelText(text=json.dumps(PEARS), model=f"{MODELS[shape]} at 127.0.0.1")
        assert model.used("acc").tokens == TOKENS
        assert model.used("another").tokens == 0
    (asked,) = host.asked
    form = asked.get("response_format") or asked["output_config"]["format"]
    assert (form["type"], asked["model"]) == ("json_schema", MODELS[shape])
    assert '"additionalProperties": false' in json.dumps(form)
    assert '"strict": true' in json.dumps(form) or shape is Shape.ANTHROPIC
    assert host.keys == [f"Bearer {KEY}"]


@BOTH
async def test_what_is_private_does_not_leave_and_comes_back(host: Hosting, tmp_path: Path, shape: Shape) -> None:
    """The host sees placeholders; whoever asked gets their own words, whatever is in them."""
    host.will_write({"fruit": "<NAME_2>'s and <EMAIL_1>"})
    async with opened(host.host(shape), tmp_path) as model:
        answer = await model.write("acc", PROMPT)
    assert json.loads(answer.text) == {"fruit": "Ana's and ana@example.org"}
    assert "Ana" not in host.sent()
    assert "example.org" not in host.sent()
    assert "<NAME_2>'s pears" in host.sent()


async def test_words_with_a_secret_do_not_leave_at_all(host: Hosting, tmp_path: Path) -> None:
    """Not even without it: what stands around a secret may tell what it opens."""
    host.will_write(PEARS)
    async with opened(host.host(), tmp_path) as model:
        with pytest.raises(HasSecret):
            await model.write("acc", PROMPT.model_copy(update={"words": "my password: hunter2hunter2, book a table"}))
        assert model.used("acc").tokens == 0
    assert host.asked == []


@BOTH
@pytest.mark.parametrize(
    ("says", "fault", "told"),
    [
        (Says(status=401), Permanent, "does not accept our key (401)"),
        (Says(status=404), Permanent, "refuses what it is asked (404)"),
        (Says(status=429, headers={"retry-after": "7"}), RateLimited, "asks us to wait"),
        (Says(status=503), Transient, "answered 503"),
        (Says(text="Sure! Here are some pears."), Malformed, "could not be read"),
        (Says(text='{"fruit": "pe', is_cut=True), Malformed, "cut off"),
        (Says(text=""), Malformed, "could not be read"),
        (Says(body="<html>rude words of the host</html>"), Malformed, "could not be read"),
        (Says(body='{"rude words of the host": 1}', headers={"content-type": "application/json"}), Malformed, "read"),
        (Says(body="x" * 300_000, headers={"content-type": "application/json"}), Malformed, "too long"),
    ],
)
async def test_every_way_to_fail_is_named_and_repeats_nothing(
    host: Hosting, tmp_path: Path, shape: Shape, says: Says, fault: type[StepFault], told: str
) -> None:
    """The class says whether asking again makes sense; the sentence holds none of the host's words, and no key."""
    host.script = [says]
    async with opened(host.host(shape), tmp_path) as model:
        met = await fault_of(model)
    assert type(met) is fault
    assert told in str(met)
    assert "rude" not in str(met)
    assert KEY not in str(met)
    assert len(host.asked) == 1


@BOTH
async def test_a_host_that_is_slow_is_given_up(host: Hosting, tmp_path: Path, shape: Shape) -> None:
    """All of an answer has one deadline; what may have been used counts as used."""
    host.script = [Says(text="{}", silent=True)]
    async with opened(host.host(shape), tmp_path, seconds_max=0.2) as model:
        assert "did not answer within 0.2 seconds" in str(await fault_of(model))
        assert model.used("acc").tokens > 1_000


async def test_where_nobody_is_nothing_is_used(host: Hosting, tmp_path: Path) -> None:
    """A connection that is refused costs no tokens, and asking again makes sense."""
    nobody = ModelHost(shape=Shape.OPENAI, model="m", address="http://127.0.0.1:1/v1")
    async with opened(nobody, tmp_path) as model:
        fault = await fault_of(model)
        assert isinstance(fault, Transient)
        assert str(fault) == "m at 127.0.0.1 cannot be reached."
        assert model.used("acc").tokens == 0


@BOTH
async def test_a_host_that_takes_no_form_is_told_in_words(host: Hosting, tmp_path: Path, shape: Shape) -> None:
    """It is found out once; from then on it is asked in words alone, and what it puts around an answer is no matter."""
    host.script = [Says(text=f"Here:\n```json\n{json.dumps(PEARS)}\n```", needs_words=True)]
    async with opened(host.host(shape), tmp_path) as model:
        for _ in range(2):
            assert json.loads((await model.write("acc", PROMPT)).text) == PEARS
    assert len(host.asked) == 3
    assert "additionalProperties" in json.dumps(host.asked[-1])


async def test_three_failures_in_a_row_and_it_is_left_alone(host: Hosting, tmp_path: Path) -> None:
    """Nobody waits for a host that is down; after a while it is tried again, and one answer makes all good."""
    clock = MovableClock()
    host.script = [*[Says(status=500)] * 3, Says(text=json.dumps(PEARS))]
    async with opened(host.host(), tmp_path, clock=clock) as model:
        for _ in range(3):
            await fault_of(model)
        resting = await fault_of(model)
        assert isinstance(resting, RateLimited)
        assert "left alone until" in model.problem
        assert len(host.asked) == 3
        with pytest.raises(RateLimited):
            await model.check()
        clock.move(timedelta(seconds=REST_SECONDS + 1))
        assert (await model.write("acc", PROMPT)).text == json.dumps(PEARS)
        assert model.problem == ""


async def test_who_asks_for_a_pause_gets_it(host: Hosting, tmp_path: Path) -> None:
    """As long as it says, and at most an hour."""
    clock = MovableClock()
    host.script = [Says(status=429, headers={"retry-after": "20"}), Says(text=json.dumps(PEARS))]
    async with opened(host.host(), tmp_path, clock=clock) as model:
        await fault_of(model)
        assert isinstance(await fault_of(model), RateLimited)
        clock.move(timedelta(seconds=21))
        await model.write("acc", PROMPT)
    assert len(host.asked) == 2


async def test_a_day_has_so_many_tokens(host: Hosting, tmp_path: Path) -> None:
    """Two calls at once do not use the same tokens; the next day begins anew, also after a restart."""
    clock = MovableClock()
    host.script = [Says(text=json.dumps(PEARS), silent=True)]
    async with opened(host.host(), tmp_path, clock=clock, tokens_max=3_000) as model:
        first = asyncio.ensure_future(model.write("acc", PROMPT))
        await host.was_asked.wait()
        with pytest.raises(Spent, match="used up until midnight UTC"):
            await model.write("acc", PROMPT)
        host.let_go.set()
        await first
        await model.write("acc", PROMPT)
    async with opened(host.host(), tmp_path, clock=clock, tokens_max=100) as model:
        assert model.used("acc").tokens == 2 * TOKENS
        with pytest.raises(Spent):
            await model.write("acc", PROMPT)
        clock.move(timedelta(days=1))
        assert model.used("acc").tokens == 0


@BOTH
async def test_whether_it_answers_costs_nothing(host: Hosting, tmp_path: Path, shape: Shape) -> None:
    """Its health is asked with what lists its models."""
    host.will_write(PEARS)
    async with opened(host.host(shape), tmp_path) as model:
        await model.check()
        host.script = [Says(status=403)]
        with pytest.raises(Permanent, match="does not accept our key"):
            await hosted_model(model).check()  # type: ignore[misc]  # it has one
        assert model.used("acc").tokens == 0
    assert host.asked == []


async def test_it_reaches_no_other_place(tmp_path: Path) -> None:
    """A name that leads into this house is not followed."""
    inside = ModelHost(shape=Shape.OPENAI, model="m", address="https://localhost/v1", key=KEY)
    async with opened(inside, tmp_path) as model:
        fault = await fault_of(model)
    assert isinstance(fault, Permanent)
    assert "may not be called" in str(fault)


def test_a_damaged_count_is_named_with_what_to_do(tmp_path: Path) -> None:
    """It holds nothing that cannot be lost."""
    (tmp_path / "models.db").write_bytes(b"no database" * 100)
    with (
        pytest.raises(HomeUnusable, match=r"models\.db cannot be read") as error,
        ModelUse.opened(tmp_path, tokens_max=1),
    ):
        pass
    assert "Move it away" in error.value.next_step


def test_a_count_that_cannot_be_written_is_a_failure_of_the_step(tmp_path: Path) -> None:
    """The built-in reader goes on, as after any other."""
    with ModelUse.opened(tmp_path, tokens_max=1_000) as use:
        use._connection.pragma("query_only", 1)
        with pytest.raises(Permanent, match="cannot be counted"):
            use.reserve("acc", 10, now=0)
        use.settle(1, 5)
