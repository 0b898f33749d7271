"""An agent and its model, in bubblewrap: it reaches it by one way, and nothing of that way but what it needs."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from errno import EIO
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from haloop.connectors.agents.acp import AcpAgent
from haloop.connectors.agents.agents_file import read_agents
from haloop.connectors.agents.command import CommandAgent
from haloop.connectors.agents.program import Program
from haloop.connectors.gateway.gateway import FOLDER, Gateway
from haloop.connectors.gateway.gateway import Line as Way
from haloop.connectors.gateway.prices import Prices
from haloop.connectors.gateway.providers import Provider, Upstream
from haloop.connectors.sandboxes.docker import Docker
from haloop.ports.agents import Asks, Fell, Made, Task
from haloop.ports.models import Budget
from haloop.serving import bind, served
from haloop.store.model_use import AgentUse
from haloop.town.line import Line
from haloop.town.model import make_model
from tests.connectors.agents.conftest import Works, shell
from tests.connectors.agents.test_acp import playing
from tests.connectors.agents.test_opencode import FOLDER as OPENCODE
from tests.connectors.agents.test_opencode import opencode  # noqa: F401  # a fixture
from tests.connectors.gateway.conftest import (
    DAY,
    KEY,
    Host,
    gateway,
    host,  # noqa: F401  # a fixture
)
from tests.connectors.sandboxes import dockerd
from tests.connectors.sandboxes.conftest import daemon  # noqa: F401  # a fixture
from tests.engines.outside import until

ASK = """
import json, os, sys, urllib.request
body = json.dumps({"model": "claude-haiku-4-5", "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]})
asked = urllib.request.Request(os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages", body.encode())
asked.add_header("x-api-key", os.environ["ANTHROPIC_API_KEY"])
try:
    said = urllib.request.urlopen(asked).read().decode()
except urllib.error.HTTPError as refused:
    said = refused.read().decode()
"""


@pytest.fixture
async def model() -> AsyncIterator[tuple[str, Line]]:
    """The practice model: where it is, and its line."""
    line = Line()
    async with served(make_model(line), bind("127.0.0.1", 0)) as address:
        yield address.replace("localhost", "127.0.0.1"), line


@pytest.fixture
async def reaching(house: Works, model: tuple[str, Line], tmp_path: Path) -> AsyncIterator[Works]:
    """A house whose agents may ask the practice model, as each provider."""
    address, _ = model
    at = {Provider.OPENAI: f"{address}/v1"}
    ups = [Upstream(provider=one, address=at.get(one, address), key=KEY, is_practice=True) for one in Provider]
    home = tmp_path / "with-models"
    home.mkdir()
    with gateway(home, ups) as house.gateway:
        yield house


def python(script: str, **more: Any) -> CommandAgent:
    """A script that has what the model said, and leaves a file."""
    left = "\nopen(sys.argv[1], 'w').write(said)"
    command = ("python3", "-c", f"{ASK}{script}{left}", "{output}")
    return CommandAgent(Program(command=command, model=Provider.ANTHROPIC, **more).told)


async def test_an_agent_asks_its_model_and_what_that_used_is_known(reaching: Works) -> None:
    """It finds it by the usual variables, in a sandbox without a network."""
    worked = await reaching.agents(python("")).work(await reaching.task())

    assert isinstance(worked, Made), worked
    assert json.loads(reaching.made(worked))["content"] == [{"type": "text", "text": "The file is there."}]
    assert worked.use is not None
    assert worked.use.tokens_out == 20
    assert worked.use.tokens_in > 10
    assert worked.use.micros == 0


@pytest.mark.parametrize(("said", "most"), [("answer_tokens_max = 128_000", 128_000), ("", 32_768)])
async def test_an_answer_may_be_as_long_as_the_agents_file_says(
    reaching: Works,
    host: Host,  # noqa: F811  # the fixture
    tmp_path: Path,
    said: str,
    most: int,
) -> None:
    """For an agent that does not say it in its call, as Codex does not; the provider is told so."""
    ask = """
import os, sys, urllib.request
asked = urllib.request.Request(os.environ["OPENAI_BASE_URL"] + "/responses", b'{"model": "gpt-5", "input": "Hi"}')
open(sys.argv[1], "wb").write(urllib.request.urlopen(asked).read())
"""
    command = json.dumps(["python3", "-c", ask, "{output}"])
    (tmp_path / "agents.toml").write_text(
        f"[agents.asks]\nspeaks = 'command'\nmodel = 'openai'\ncommand = {command}\n{said}\n"
    )
    host.says({"object": "response", "usage": {"input_tokens": 9, "output_tokens": 5}})
    with gateway(tmp_path, [host.upstream(Provider.OPENAI)]) as reaching.gateway:
        agents = reaching.agents(read_agents(tmp_path / "agents.toml")["asks"])
        worked = await agents.work(await reaching.task())

    assert isinstance(worked, Made), worked
    assert json.loads(host.asked[0][2])["max_output_tokens"] == most


async def test_the_key_is_nowhere_in_a_sandbox(reaching: Works) -> None:
    """Neither in its environment, nor in any process, file or message that it can read."""
    look = """
import pathlib
def text(path):
    try: return path.read_bytes().decode(errors="replace")
    except OSError: return ""
told = [pathlib.Path("/proc").glob("[0-9]*/" + name) for name in ("environ", "cmdline", "mountinfo", "comm")]
brought = [pathlib.Path(folder).rglob("*") for folder in ("/opt", "/mission", "/run", "/home", "/tmp")]
places = [path for found in [*told, *brought] for path in found]
said += repr(dict(os.environ)) + "".join(text(path) for path in places if path.is_file())
said += " ".join(str(path) for path in places)
"""
    worked = await reaching.agents(python(look)).work(await reaching.task())

    assert isinstance(worked, Made), worked
    seen = reaching.made(worked)
    assert "no-key-is-in-here" in seen
    assert "/opt/haloop/gateway/model.sock" in seen
    assert KEY not in seen
    assert KEY not in reaching.said(worked)


async def test_another_attempts_way_is_not_to_be_found(reaching: Works, tmp_path: Path) -> None:
    """While it is open, nothing in a sandbox leads to it: not its folder, and not its own's neighbours."""
    other = await reaching.task()
    line = await reaching.gateway.open(Provider.ANTHROPIC, other)
    folder = tmp_path / "with-models" / FOLDER
    try:
        assert (folder / other.attempt / "model.sock").is_socket()
        look = f"""
import socket, glob
said = repr([glob.glob("{folder}/*/*"), glob.glob("/opt/haloop/gateway/*.sock"), glob.glob("/opt/haloop/gateway/../*")])
try:
    socket.socket(socket.AF_UNIX).connect("{folder / other.attempt / "model.sock"}"[:100])
except OSError as error:
    said += type(error).__name__
try:
    os.unlink("/opt/haloop/gateway/model.sock")
except OSError as error:
    said += type(error).__name__
"""
        worked = await reaching.agents(python(look)).work(await reaching.task())
    finally:
        await line.close()

    assert isinstance(worked, Made), worked
    assert reaching.made(worked).startswith(
        "[[], ['/opt/haloop/gateway/model.sock'], ['/opt/haloop/gateway/../gateway']]FileNotFoundError"
    )


async def test_an_agent_whose_budget_is_used_up_has_failed_and_says_why(
    reaching: Works, model: tuple[str, Line]
) -> None:
    """Whatever it leaves: it was cut short. It is stopped, so that it does not ask for ever, and no model was asked."""
    script = "\nopen(sys.argv[1], 'w').write(said)\nwhile True: pass"

    worked = await reaching.agents(python(script)).work(await reaching.task(budget=Budget(tokens=60)))

    assert isinstance(worked, Fell)
    assert worked.reason.startswith("Of 60 tokens, this step's budget, 0 are used, and its next call may take")
    assert worked.use is not None
    assert worked.use.tokens == 0
    assert model[1].requests == []
    assert worked.reason in reaching.said(worked)


async def test_without_anything_to_carry_its_calls_an_agent_is_not_begun(reaching: Works, tmp_path: Path) -> None:
    """An image may have neither Python nor socat; whoever sees the step fail is told just that."""
    (tmp_path / "few").mkdir()
    for name in ("sh", "dirname"):
        (tmp_path / "few" / name).symlink_to(shutil.which(name) or "")
    driver = python("", environment={"PATH": "/few"}, readable={"/few": tmp_path / "few"})

    worked = await reaching.agents(driver).work(await reaching.task())

    assert isinstance(worked, Fell)
    assert worked.reason.startswith("It reaches no model: nothing in its image carries its calls")
    assert "neither python3 nor socat" in reaching.said(worked)


async def test_an_agent_that_ends_with_any_code_keeps_what_it_made(reaching: Works) -> None:
    """Also with the one by which it is known that nothing carries its calls: that one was begun, and left its file."""
    script = "\nopen(sys.argv[1], 'w').write(said)\nsys.exit(96)"

    worked = await reaching.agents(python(script)).work(await reaching.task())

    assert isinstance(worked, Made), worked
    assert worked.exit_code == 96


async def test_a_program_that_is_not_there_is_named(reaching: Works) -> None:
    """The way to the model is open before it is known whether there is an agent; the log says that there is none."""
    driver = CommandAgent(Program(command=("no-such-agent",), model=Provider.OPENAI).told)

    worked = await reaching.agents(driver).work(await reaching.task())

    assert isinstance(worked, Fell)
    assert "no-such-agent cannot be started" in reaching.said(worked)


async def test_a_cancelled_step_closes_its_way(reaching: Works, tmp_path: Path) -> None:
    """Nothing of it is left, however far it was."""
    task = await reaching.task()
    working = asyncio.create_task(reaching.agents(python("print('asked', flush=True)\nwhile True: pass")).work(task))
    await until(lambda: "asked" in reaching.log(task.attempt))

    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working

    assert list((tmp_path / "with-models" / FOLDER).iterdir()) == []


async def test_an_account_that_is_stopped_has_nobody_at_work(
    reaching: Works,
    host: Host,  # noqa: F811  # the fixture
    tmp_path: Path,
) -> None:
    """Neither one that asks its model, nor one that needs none, nor one in the queue; another account's goes on."""
    never = asyncio.Event()

    async def answer(_: Request) -> Response:
        await never.wait()
        return Response()

    host.answer = answer
    reaching.at_once_max = 3
    with gateway(tmp_path, [host.upstream()]) as reaching.gateway:
        waits = "until [ -e go ]; do sleep 0.05; done; cp {input} {output}"

        def program(task: Task) -> Program:
            drivers = {"asks": python(""), "again": shell("cp {input} {output}")}
            return drivers.get(task.step, shell(f"touch begun; {waits}")).program(task)

        agents = reaching.agents(CommandAgent(program))
        tasks = {step: await reaching.task(step=step) for step in ("asks", "works", "queues")}
        other = await reaching.task(account="acc_bob")
        goes_on, *stopped = [asyncio.create_task(agents.work(one)) for one in (other, *tasks.values())]
        await host.was_asked.wait()
        begun = [reaching.missions / one.mission / "work" / one.attempt for one in (tasks["works"], other)]
        await until(lambda: all((folder / "begun").exists() for folder in begun))

        await agents.stop("acc_ana")

        assert [await one for one in stopped] == [
            Fell(reason="An owner stopped every agent.", exit_code=None, sandbox="")
        ] * 3
        assert [one.name for one in reaching.work_folders()] == [other.attempt]
        assert [one.name for one in (tmp_path / FOLDER).iterdir()] == []
        (begun[1] / "go").touch()
        assert isinstance(await goes_on, Made)
        assert isinstance(await agents.work(await reaching.task(step="again")), Made)
        never.set()


async def test_a_way_that_does_not_close_takes_no_folder_and_no_room_with_it(works: Works, tmp_path: Path) -> None:
    """Of the attempt nothing is left; with room for two, two wait for their answers where they are."""
    works.at_once_max = 2
    upstream = Upstream(provider=Provider.ANTHROPIC, address="http://127.0.0.1:9", key=KEY)
    with AgentUse.opened(tmp_path, for_day=DAY) as spending:
        works.gateway = Breaking(
            {Provider.ANTHROPIC: upstream}, folder=tmp_path / FOLDER, spending=spending, prices=Prices.read()
        )
        asking = playing("run make\nleave # Done")

        def program(task: Task) -> Program:
            return replace(asking.program(task), model=Provider.ANTHROPIC if task.step == "broken" else None)

        agents = works.agents(AcpAgent(program))
        with pytest.raises(OSError, match="The disk is gone"):
            await agents.work(await works.task(step="broken"))
        assert works.work_folders() == []

        waiting = [await works.task() for _ in range(2)]
        for task in waiting:
            assert isinstance(await agents.work(task), Asks)
        assert {one.name for one in works.work_folders()} == {task.attempt for task in waiting}


async def test_what_an_agent_used_is_known_once_its_last_calls_have_ended(
    house: Works,
    host: Host,  # noqa: F811  # the fixture
    tmp_path: Path,
) -> None:
    """It may leave in the middle of an answer: what counts is what that came to, and not what was reserved for it."""
    closing = asyncio.Event()

    async def events() -> AsyncIterator[str]:
        begun = {"type": "message_start", "message": {"usage": {"input_tokens": 12, "output_tokens": 1}}}
        yield f"data: {json.dumps(begun)}\n\n"
        await closing.wait()
        for rest in ({"type": "message_delta", "usage": {"output_tokens": 7}}, {"type": "message_stop"}):
            yield f"data: {json.dumps(rest)}\n\n"

    async def answer(_: Request) -> Response:
        return StreamingResponse(events(), media_type="text/event-stream")

    host.answer = answer
    leaves_early = ASK.replace(".read().decode()\nexcept", ".readline().decode()\nexcept")
    leaves_early = leaves_early.replace('"max_tokens": 50', '"max_tokens": 50, "stream": True')
    leaves = f"{leaves_early}\nopen(sys.argv[1], 'w').write(said)"
    command = ("python3", "-c", leaves, "{output}")
    with AgentUse.opened(tmp_path, for_day=DAY) as spending:
        upstreams = {Provider.ANTHROPIC: host.upstream()}
        house.gateway = telling = Telling(upstreams, folder=tmp_path / FOLDER, spending=spending, prices=Prices.read())
        telling.closing = closing
        worked = await house.agents(CommandAgent(Program(command=command, model=Provider.ANTHROPIC).told)).work(
            await house.task()
        )

    assert isinstance(worked, Made), worked
    assert house.made(worked).startswith("data: ")
    assert worked.use is not None
    assert (worked.use.tokens_in, worked.use.tokens_out) == (12, 7)


async def test_what_an_agent_made_counts_where_what_it_used_cannot_be_read(house: Works, tmp_path: Path) -> None:
    """The file that counts is at fault, and not the agent's."""
    with AgentUse.opened(tmp_path, for_day=DAY) as broken:
        upstream = Upstream(provider=Provider.ANTHROPIC, address="http://127.0.0.1:9", key=KEY)
        house.gateway = Gateway(
            {Provider.ANTHROPIC: upstream}, folder=tmp_path / FOLDER, spending=broken, prices=Prices.read()
        )
    driver = CommandAgent(Program(command=("cp", "{input}", "{output}"), model=Provider.ANTHROPIC).told)

    worked = await house.agents(driver).work(await house.task())

    assert isinstance(worked, Made), worked
    assert worked.use is None


class Telling(Gateway):
    """One that says when the first of its lines closes."""

    closing: asyncio.Event

    async def open(self, provider: Provider, task: Task, *, answer_tokens_max: int | None = None) -> Way:
        line = await super().open(provider, task, answer_tokens_max=answer_tokens_max)
        ending = AsyncExitStack()
        ending.push_async_callback(line.close)
        ending.callback(self.closing.set)
        return replace(line, _opened=ending)


class Breaking(Gateway):
    """One whose lines do not end in peace."""

    async def open(self, provider: Provider, task: Task, *, answer_tokens_max: int | None = None) -> Way:
        line = await super().open(provider, task, answer_tokens_max=answer_tokens_max)
        ending = AsyncExitStack()
        ending.callback(_break_off)
        ending.push_async_callback(line.close)
        return replace(line, _opened=ending)


def _break_off() -> None:
    raise OSError(EIO, "The disk is gone.")


async def test_opencode_does_its_step_with_its_model_behind_the_gateway(
    reaching: Works,
    opencode: Path,  # noqa: F811  # the fixture
) -> None:
    """An agent that nobody here wrote, with a model that writes the file by the agent's own tool, in events."""
    config = (OPENCODE / "opencode.json").read_text().replace('"ask"', '"allow"')

    def program(_: object) -> Program:
        return Program(
            command=("/opt/opencode", "acp"),
            environment={
                "OPENCODE_CONFIG_CONTENT": config,
                "OPENCODE_DISABLE_MODELS_FETCH": "1",
                "OPENCODE_DISABLE_AUTOUPDATE": "1",
            },
            readable={"/opt/opencode": opencode},
            model=Provider.OPENAI,
        )

    worked = await reaching.agents(AcpAgent(program)).work(await reaching.task(minutes=10))

    assert isinstance(worked, Made), worked
    assert reaching.made(worked).startswith("# By the practice model\n")
    assert worked.use is not None
    assert worked.use.tokens_out >= 40


async def test_in_docker_the_way_is_the_same(
    reaching: Works,
    daemon: Path,  # noqa: F811  # the fixture
    tmp_path: Path,
) -> None:
    """As a user of no rights in a container without a network; an image that has nothing to carry calls says so."""
    with closing(Docker(daemon, dockerd.OWN_TOOLS, tmp_path.name)) as reaching.real:
        task = await reaching.task(image=dockerd.LINKS)
        worked = await reaching.agents(python("", readable=dockerd.HOST_TOOLS)).work(task)
        bare = await reaching.agents(python("")).work(await reaching.task())
        assert await reaching.real.left() == []

    assert isinstance(worked, Made), worked
    assert worked.use is not None
    assert worked.use.tokens_out == 20
    assert isinstance(bare, Fell)
    assert bare.reason.startswith("It reaches no model: nothing in its image carries its calls")
