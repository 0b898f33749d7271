"""The six routes that the plan fixes, field by field."""

import re
from datetime import timedelta
from hashlib import sha256
from typing import Any

from haloop.desks.missions.mission import MissionType
from haloop.desks.missions.progress import OTHERS_MAX
from haloop.identity import Caller
from haloop.kernel.fact import RunStarted
from haloop.kernel.ids import RunId
from haloop.kernel.ledger import Chain
from haloop.workshop.missions import Wanted
from tests.api.conftest import client_of
from tests.engines.outside import until
from tests.workshop.conftest import Shop

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
META = {"mission_id", "title", "type", "workflow_id", "current_step", "status", "created_at", "updated_at", "errors"}
STEPS = [
    ("cleanup", "agent", "cleanup-agent", "raw-input.md", "structured-text.md", None),
    ("review-structured", "human-gate", None, None, None, "structured-text.md"),
    ("research", "agent", "research-agent", "structured-text.md", "research-output.md", None),
    ("review-research", "human-gate", None, None, None, "research-output.md"),
    ("planning", "agent", "planning-agent", "research-output.md", "implementation-plan.md", None),
    ("review-plan", "human-gate", None, None, None, "implementation-plan.md"),
    ("implementation", "agent", "impl-agent", "implementation-plan.md", "implementation-result.json", None),
    ("review-impl", "human-gate", None, None, None, "implementation-result.json"),
]


async def test_a_mission_is_created_ready_and_nothing_runs(shop: Shop) -> None:
    """POST answers 201 with the mission's meta, its text is an artifact, and no agent has been asked."""
    answer = await shop.asked()

    said = answer.json()
    assert (answer.status_code, said["success"], said["error"]) == (201, True, None)
    meta = said["data"]
    assert set(meta) == META | {"last_error"}
    assert re.fullmatch(f"m-{UUID}", meta["mission_id"])
    assert (meta["title"], meta["type"], meta["workflow_id"]) == ("Dark mode", "feature", "standard-feature")
    assert (meta["status"], meta["current_step"], meta["errors"]) == ("ready", 0, [])
    assert MOMENT.fullmatch(meta["created_at"])
    assert MOMENT.fullmatch(meta["updated_at"])
    assert (await shop.detail(meta["mission_id"]))["artifacts"] == {"raw-input.md": "make it dark\n"}
    assert not shop.agent.told


async def test_the_eight_steps_are_walked_and_their_names_are_the_plan_s(shop: Shop) -> None:
    """Each continue approves and starts the next agent at once; after the last the mission is complete."""
    mission = await shop.begun()
    steps = (await shop.detail(mission))["workflow"]["steps"]
    named = ("step_id", "type", "agent", "inputArtifact", "outputArtifact", "reviewArtifact")
    assert [tuple(step.get(name) for name in named) for step in steps] == STEPS

    seen = []
    for _ in range(5):
        assert (await shop.go_on(mission)).json() == {"success": True, "data": None, "error": None}
        seen.append(await shop.detail(mission))

    text = "# Output from cleanup\nmake it dark\n"
    waited = [("waiting_human", n) for n in (1, 3, 5, 7)]
    assert [(one["status"], one["current_step"]) for one in seen] == [*waited, ("completed", 8)]
    assert seen[-1]["artifacts"]["structured-text.md"] == text
    assert seen[-1]["artifacts"]["research-output.md"] == f"# Output from research\n{text}"
    assert (len(seen[-1]["artifacts"]), seen[-1]["gate"]) == (5, None)
    assert (await shop.go_on(mission)).status_code == 200, "a completed mission goes nowhere, and that is no error"


async def test_the_list_is_whole_and_the_newest_stands_first(shop: Shop) -> None:
    """Each item has the plan's six fields, and its place in the queue; past the last step it says Complete."""
    first, second = await shop.begun(title="One"), await shop.begun(title="Two")
    await shop.practice.move(timedelta(seconds=1))
    for _ in range(5):
        await shop.go_on(first)

    said = (await shop.door.got("/api/missions"))["data"]

    assert [set(one) for one in said] == 2 * [
        {"mission_id", "title", "type", "status", "current_step_name", "updated_at", "place"}
    ]
    assert [(one["title"], one["status"], one["current_step_name"]) for one in said] == [
        ("One", "completed", "Complete"),
        ("Two", "ready", "Cleanup"),
    ]
    assert said[1]["mission_id"] == second


async def test_a_run_of_a_step_tells_how_it_went(shop: Shop) -> None:
    """One StepRun for each attempt, with the plan's fields, and what it used of a model."""
    mission = await shop.begun()
    await shop.go_on(mission)

    (run,) = (await shop.detail(mission))["runs"]

    assert re.fullmatch(f"r-{UUID}", run["run_id"])
    assert (run["step_id"], run["exit_code"], run["container_id"]) == ("cleanup", 0, f"haloop-{run['run_id']}")
    assert (run["tokens_in"], run["tokens_out"], run["cost_usd"]) == (12_300, 450, "0.0512")
    assert MOMENT.fullmatch(run["started_at"])
    assert MOMENT.fullmatch(run["finished_at"])


async def test_what_an_attempt_used_whose_end_nobody_saw_is_told(shop: Shop) -> None:
    """It was killed while it asked a model; done again it uses more, and the mission's use is the sum."""
    mission = await shop.begun()
    assert (await shop.detail(mission))["cost_usd"] is None
    shop.agent.instead.append("vanish")
    await shop.go_on(mission)
    assert _use((await shop.detail(mission))["runs"][0]) == (3_000, 8_192, "0.1319")

    await shop.go_on(mission)

    told = await shop.detail(mission)
    assert [_use(one) for one in told["runs"]] == [(3_000, 8_192, "0.1319"), (12_300, 450, "0.0512")]
    assert _use(told) == (15_300, 8_642, "0.1831")


async def test_what_an_attempt_used_is_told_while_it_is_at_work_and_when_its_mission_was_ended(shop: Shop) -> None:
    """Nobody will say of it what it used; what was reserved for its calls is told."""
    mission = await shop.begun()
    shop.agent.instead.append("call")
    await shop.detail(mission)
    await shop.door.client.post(f"/api/missions/{mission}/continue")
    await until(lambda: bool(shop.agent.told))
    at_work = await shop.detail(mission)
    looked = (await shop.door.got(f"/api/missions/{mission}/log"))["data"]

    assert (await shop.door.client.post(f"/api/missions/{mission}/mark-completed")).status_code == 200

    ended = await shop.detail(mission)
    assert [one["status"] for one in (at_work, ended)] == ["running_code_agent", "completed"]
    assert [_use(one) for one in (at_work["runs"][0], at_work, looked, ended["runs"][0], ended)] == [
        (3_000, 8_192, "0.1319")
    ] * 5
    assert looked["run_id"] == at_work["runs"][0]["run_id"]


def _use(told: dict[str, Any]) -> tuple[int, int, str]:
    return told["tokens_in"], told["tokens_out"], told["cost_usd"]


async def test_a_saved_draft_is_what_the_next_step_is_given_to_the_byte(shop: Shop) -> None:
    """PUT changes what people are asked; a yes after it gives the next agent exactly those bytes."""
    mission = await shop.begun()
    await shop.go_on(mission)
    await shop.detail(mission)

    saved = await shop.save(mission, "structured-text.md", "Ünïcode, two lines\r\n\n")
    assert saved.json() == {"success": True, "data": None, "error": None}
    now = await shop.detail(mission)
    assert (now["gate"]["revision"], now["artifacts"]["structured-text.md"]) == (2, "Ünïcode, two lines\r\n\n")
    await shop.go_on(mission)

    task = shop.agent.told[-1]
    given = await shop.missions.files.read(task.account, task.run, task.given.digest)
    assert (task.step, given) == ("research", "Ünïcode, two lines\r\n\n".encode())


async def test_a_long_file_is_saved_and_read(shop: Shop) -> None:
    """A megabyte of words, letters of two bytes among them; what is beyond four is refused and nothing is changed."""
    mission = await shop.begun()
    await shop.go_on(mission)
    await shop.detail(mission)
    long = "zwölf Zeilen\n" * 90_000

    assert (await shop.save(mission, "structured-text.md", long)).status_code == 200
    assert (await shop.detail(mission))["artifacts"]["structured-text.md"] == long
    refused = await shop.save(mission, "structured-text.md", "x" * ((4 << 20) + 1))
    assert (refused.status_code, "4,194,304 bytes" in refused.json()["error"]) == (422, True)
    assert (await shop.detail(mission))["gate"]["revision"] == 2


async def test_the_text_of_a_mission_may_be_changed_before_it_begins(shop: Shop) -> None:
    """While a mission is ready its raw input is what people are asked about; once it ran, that is closed."""
    mission = await shop.begun()

    assert (await shop.save(mission, "raw-input.md", "make it light\n")).status_code == 200
    await shop.go_on(mission)

    assert (await shop.detail(mission))["artifacts"]["structured-text.md"].endswith("make it light\n")
    refused = await shop.save(mission, "raw-input.md", "too late")
    assert (refused.status_code, refused.json()["success"]) == (409, False)
    assert "not open for changes" in refused.json()["error"]


async def test_a_yes_to_what_somebody_else_changed_since_does_not_count(shop: Shop) -> None:
    """A bodyless continue approves what this caller was shown last: changed since, it is 409 with what stands now."""
    mission = await shop.begun()
    await shop.go_on(mission)
    tag = (await shop.detail(mission))["gate"]["tag"]
    assert (await shop.save(mission, "structured-text.md", "mine\n")).status_code == 200

    late = await shop.say_yes(mission, headers={"If-Match": f'"{tag}"'})

    assert (late.status_code, late.json()["data"]) == (409, {"artifact": "structured-text.md", "now": "mine\n"})
    assert (await shop.detail(mission))["status"] == "waiting_human"
    assert (await shop.say_yes(mission)).status_code == 200


async def test_two_people_who_save_one_file_lose_nothing(shop: Shop) -> None:
    """The second hears 409 with what the first wrote, and may save over it once they have read that."""
    mission = await shop.begun()
    await shop.go_on(mission)
    tag = (await shop.detail(mission))["gate"]["tag"]
    await shop.save(mission, "structured-text.md", "the first\n", headers={"If-Match": tag})

    second = await shop.save(mission, "structured-text.md", "the second\n", headers={"If-Match": tag})

    assert (second.status_code, second.json()["data"]["now"]) == (409, "the first\n")
    assert (await shop.detail(mission))["artifacts"]["structured-text.md"] == "the first\n"
    assert (await shop.save(mission, "structured-text.md", "both\n")).status_code == 200


async def test_what_cannot_be_is_said_in_the_envelope(shop: Shop) -> None:
    """Unknown missions, wrong fields, foreign names: each with the plan's status and one sentence."""
    nobody = "m-00000000-0000-0000-0000-000000000000"
    client = shop.door.client
    mission = await shop.begun()

    async def refused(answer: Any) -> tuple[int, str]:
        said = answer.json()
        assert set(said) == {"success", "data", "error"}
        assert said["success"] is False
        return answer.status_code, said["error"]

    assert await refused(await client.get(f"/api/missions/{nobody}")) == (404, f"Mission not found: {nobody}")
    assert await refused(await client.get("/api/missions/nonsense")) == (404, "Mission not found: nonsense")
    status, said = await refused(await client.post("/api/missions", json={"title": "x", "type": "feature"}))
    assert (status, said.startswith("rawInput: ")) == (400, True)
    status, said = await refused(await shop.asked(type="dream"))
    assert (status, said.startswith("type: ")) == (400, True)
    status, said = await refused(await shop.asked(workflow="no-such"))
    assert (status, "no workflow 'no-such'" in said, "standard-feature" in said) == (404, True, True)
    for name in ("a b", ".hidden", "%2e%2e", "x" * 200):
        status, _ = await refused(await client.put(f"/api/missions/{mission}/artifacts/{name}", json={"content": "x"}))
        assert status == 422, name
    async with client_of(shop.door.address, None) as stranger:
        assert (await refused(await stranger.get("/api/missions")))[0] == 401


async def test_a_step_that_falls_is_failed_and_continue_tries_it_again(shop: Shop) -> None:
    """An agent that says it is done and left nothing is told so; the retry has another run id."""
    shop.agent.instead.append("fall")
    mission = await shop.begun()
    await shop.go_on(mission)

    failed = await shop.detail(mission)
    assert (failed["status"], failed["last_error"]) == ("failed", "It left no structured-text.md.")
    assert failed["errors"] == ["It left no structured-text.md."]
    await shop.go_on(mission)

    now = await shop.detail(mission)
    assert (now["status"], now["last_error"], len(now["runs"])) == ("waiting_human", None, 2)
    assert len({run["run_id"] for run in now["runs"]}) == 2


async def test_while_an_agent_works_there_is_nothing_to_say_yes_to(shop: Shop) -> None:
    """Continue is 409 then, and the list says that an agent runs."""
    shop.agent.instead.append("wait")
    mission = await shop.begun()
    await shop.detail(mission)
    await shop.door.client.post(f"/api/missions/{mission}/continue")

    again = await shop.door.client.post(f"/api/missions/{mission}/continue")

    assert again.status_code == 409
    assert (await shop.detail(mission))["status"] == "running_code_agent"
    shop.agent.goes_on.set()
    await shop.practice.engine.settled()
    assert (await shop.detail(mission))["status"] == "waiting_human"


async def test_marking_as_completed_stops_what_runs_and_closes_what_waits(shop: Shop) -> None:
    """It ends completed, and nothing that an agent makes afterwards counts."""
    shop.agent.instead.append("wait")
    working, waiting = await shop.begun(), await shop.begun()
    await shop.detail(working)
    await shop.door.client.post(f"/api/missions/{working}/continue")

    for mission in (working, waiting):
        answer = await shop.door.client.post(f"/api/missions/{mission}/mark-completed")
        assert (answer.status_code, answer.json()["data"]) == (200, None)

    for mission in (working, waiting):
        now = await shop.detail(mission)
        assert (now["status"], now["gate"], now["last_error"]) == ("completed", None, None)
    assert (await shop.save(waiting, "notes.md", "x")).status_code == 409


async def test_a_mission_is_begun_by_its_own_door_alone(shop: Shop) -> None:
    """A workflow that no template says is asked for by nobody; and a token of other desks begins none."""
    run = (await shop.detail(await shop.begun()))["run"]
    (started, *_) = await shop.practice.facts(RunId(run))
    assert isinstance(started, RunStarted)
    typed = {"desk": "missions", "procedure": "mission", "arguments": started.arguments}
    refused = await shop.door.client.post("/api/requests", json=typed)
    offered = {one["name"]: one["procedures"] for one in await shop.door.got("/api/desks")}

    assert (refused.status_code, refused.json()["code"]) == (404, "request.unsupported")
    assert offered["missions"] == []
    token = (await shop.door.client.post("/api/tokens", json={"agent": "shopper", "desks": ["grants"]})).json()["token"]
    async with client_of(shop.door.address, token) as agent:
        said = {"title": "Mine", "type": "fix", "rawInput": "please"}
        assert (await agent.post("/api/missions", json=said)).status_code == 403


async def test_the_same_key_again_is_the_same_mission_however_far_it_is(shop: Shop) -> None:
    """A reply was lost, and the mission went on meanwhile: whoever asks again hears of that one, at once."""
    caller = Caller(account=shop.practice.account, person=shop.door.ana)
    wanted = Wanted(title="Dark mode", type=MissionType.FEATURE, raw="make it dark")
    first = await shop.missions.begin(caller, wanted, key="k")
    shop.agent.instead.append("wait")
    await shop.detail(first.mission)
    await shop.door.client.post(f"/api/missions/{first.mission}/continue")

    again = await shop.missions.begin(caller, wanted, key="k")

    assert (again.mission, again.is_working) == (first.mission, True)
    assert len((await shop.door.got("/api/missions"))["data"]) == 1


async def test_a_yes_to_begin_is_to_the_steps_that_are_shown(shop: Shop) -> None:
    """The card names the template's hash, every step in its order, and who does it."""
    mission = await shop.begun()
    rows = (await shop.door.gate(RunId((await shop.detail(mission))["run"])))["card"]["rows"]
    shown = {row["label"].rpartition(".")[2]: row["value"] for row in rows}

    assert [one["text"] for one in shown["steps"]["items"]][:2] == ["Cleanup (cleanup-agent)", "Review Structured"]
    assert len(shown["template"]["text"]) == 64


async def test_a_file_of_any_name_that_a_run_was_given_harms_no_mission(shop: Shop) -> None:
    """A run takes any name that can be read; a mission's list, page and folder go on, without it."""
    mission = await shop.begun()
    run = (await shop.detail(mission))["run"]
    for name in ("my notes.md", "x" * 120):
        content = name.encode()
        put = f"/api/runs/{run}/artifacts/{sha256(content).hexdigest()}"
        assert (await shop.door.client.put(put, params={"name": name}, content=content)).status_code == 201

    assert len((await shop.door.got("/api/missions"))["data"]) == 1
    assert "my notes.md" not in (await shop.detail(mission))["artifacts"]


async def test_only_so_many_files_of_other_names_belong_to_a_mission(shop: Shop) -> None:
    """An agent that writes beside fills nobody's page."""
    mission = await shop.begun()
    for number in range(OTHERS_MAX + 1):
        assert (await shop.save(mission, f"note-{number}.md", f"{number}\n")).status_code == 200

    assert len((await shop.detail(mission))["artifacts"]) == 1 + OTHERS_MAX


async def test_an_agent_completes_no_mission_by_cancelling_its_run(shop: Shop) -> None:
    """Whatever reason it gives, its own mission has failed, and says so."""
    async with await shop.door.agent() as agent:
        said = {"title": "Mine", "type": "fix", "rawInput": "please"}
        mission = (await agent.post("/api/missions", json=said)).json()["data"]["mission_id"]
        run = (await agent.get(f"/api/missions/{mission}")).json()["data"]["run"]
        assert (await agent.post(f"/api/runs/{run}/cancellation", json={"reason": "forced"})).status_code == 202
        assert (await agent.post(f"/api/missions/{mission}/mark-completed")).status_code == 403
    await shop.practice.engine.settled()
    assert (await shop.detail(mission))["status"] == "failed"


async def test_an_agent_may_ask_and_write_beside_and_never_goes_on(shop: Shop) -> None:
    """Its continue and mark-completed are 403 and stand in the ledger; another's mission is nowhere for it."""
    person = await shop.begun()
    async with await shop.door.agent() as agent:
        said = {"title": "Mine", "type": "fix", "rawInput": "please"}
        mission = (await agent.post("/api/missions", json=said)).json()["data"]["mission_id"]
        own = (await agent.get("/api/missions")).json()["data"]

        assert [one["mission_id"] for one in own] == [mission]
        assert (await agent.get(f"/api/missions/{person}")).status_code == 404
        answer = await agent.post(f"/api/missions/{mission}/continue")
        assert answer.status_code == 403, answer.text
        assert (await agent.post(f"/api/missions/{mission}/mark-completed")).status_code == 403
        put = await agent.put(f"/api/missions/{mission}/artifacts/raw-input.md", json={"content": "more"})
        assert put.status_code == 403

    account = shop.practice.account
    own_chain = await shop.practice.ledger.run(Chain(account=account, run_id=RunId(account)))
    assert [event.header.kind for event in own_chain].count("answer.refused") == 2
