"""People send a mission back, agents ask and fall, processes end: what was made is never silently used."""

import asyncio
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from haloop.desks.missions.difference import SHOWN_MAX
from haloop.desks.missions.drafts import AgainDraft, BeginDraft, PermissionDraft, PushDraft, ReviewDraft
from haloop.desks.missions.mission import run_of_mission
from haloop.desks.missions.progress import MissionStatus
from haloop.kernel.desk import Draft
from haloop.kernel.gate import Verdict
from haloop.kernel.ids import RunId
from haloop.workshop.known import KnownMissions
from tests.workshop.conftest import ACT, Shop


async def answered(shop: Shop, mission: str, verdict: Verdict, **how: Any) -> None:
    """Ana answers the gate that a mission waits at, there itself."""
    gate = shop.practice.gate_of(RunId(run_of_mission(mission)))
    await shop.practice.say(await shop.practice.answer(gate, shop.door.ana, verdict, **how))


async def test_a_no_without_a_step_sends_the_file_back_to_its_maker_with_the_reason(shop: Shop) -> None:
    """The same agent does it again, is told why, and what it made before is stale until then."""
    mission = await shop.begun()
    await shop.go_on(mission)

    await answered(shop, mission, Verdict.REFUSED, reason="Too short.")

    assert [(task.step, task.why) for task in shop.agent.told] == [("cleanup", ""), ("cleanup", "Too short.")]
    now = await shop.detail(mission)
    assert (now["status"], now["current_step"], now["stale"]) == ("waiting_human", 1, [])


async def test_a_mission_goes_back_to_a_named_step_and_later_files_are_given_to_nobody(shop: Shop) -> None:
    """Back to the first step: the plan that was made from it is told to be stale, and the next agents do not see it."""
    mission = await shop.begun()
    for _ in range(3):
        await shop.go_on(mission)
    shop.agent.instead.append("fall")

    await answered(shop, mission, Verdict.REFUSED, reason="Start over.", back_to="cleanup")

    fallen = await shop.detail(mission)
    assert (fallen["status"], fallen["current_step"]) == ("failed", 0)
    assert fallen["stale"] == ["implementation-plan.md", "research-output.md", "structured-text.md"]
    again = shop.agent.told[-1]
    assert (again.step, again.why, again.beside) == ("cleanup", "Start over.", ())

    await shop.go_on(mission)
    assert (await shop.detail(mission))["stale"] == ["implementation-plan.md", "research-output.md"]
    await shop.go_on(mission)
    assert [one.name for one in shop.agent.told[-1].beside] == ["raw-input.md"]


async def test_a_reviewed_file_shows_what_is_different_from_the_version_before(shop: Shop) -> None:
    """First everything is new; after a change the card shows that change alone."""
    mission = await shop.begun()
    await shop.go_on(mission)
    first = await shop.door.gate(RunId(run_of_mission(mission)))
    await shop.detail(mission)
    await shop.save(mission, "structured-text.md", "# Output from cleanup\nmake it light\n")
    second = await shop.door.gate(RunId(run_of_mission(mission)))

    def rows(gate: dict[str, Any]) -> dict[str, Any]:
        return {row["label"].rpartition(".")[2]: row["value"] for row in gate["card"]["rows"]}

    assert (rows(first)["added"]["number"], rows(first)["removed"]["number"]) == (2, 0)
    assert "+make it dark" in rows(first)["difference"]["text"]
    assert (rows(second)["added"]["number"], rows(second)["removed"]["number"]) == (1, 1)
    assert rows(second)["difference"]["text"].splitlines()[-2:] == ["-make it dark", "+make it light"]
    assert rows(second)["edited"] == {"type": "yes_no", "yes": True}


async def test_a_file_of_signs_that_nobody_sees_is_reviewed_like_any_other(shop: Shop) -> None:
    """However long its lines and whatever is in them, the card has room for what is shown of the difference."""
    mission = await shop.begun(rawInput="\x01\u2028\U0001f600" * 5_000)
    await shop.go_on(mission)

    waiting = await shop.detail(mission)
    assert (waiting["status"], waiting["gate"]["asks"]) == ("waiting_human", "review")
    rows = (await shop.door.gate(RunId(waiting["run"])))["card"]["rows"]
    (shown,) = [row["value"]["text"] for row in rows if row["label"].endswith("difference")]
    assert 0 < len(shown) <= SHOWN_MAX + 2
    assert "\x01" not in shown


async def test_what_an_agent_may_not_do_by_itself_a_person_allows_or_not(shop: Shop) -> None:
    """The question waits at a gate; the answer, yes or no, is handed to the same attempt under the act's hash."""
    for verdict, allowed in ((Verdict.APPROVED, True), (Verdict.REFUSED, False)):
        shop.agent.told.clear()
        shop.agent.instead.append("ask")
        mission = await shop.begun()
        await shop.go_on(mission)
        waiting = await shop.detail(mission)
        assert (waiting["status"], waiting["gate"]["asks"]) == ("waiting_human", "permission")
        assert (await shop.say_yes(mission)).status_code == 403, "nobody allows by going on"

        await answered(shop, mission, verdict)

        before, after = shop.agent.told
        assert (before.attempt, before.permissions) == (after.attempt, ())
        assert [(one.act, one.allowed) for one in after.permissions] == [(ACT, allowed)]
        assert (await shop.detail(mission))["current_step"] == 1


async def test_back_at_a_gate_people_are_shown_what_they_are_asked_about(shop: Shop) -> None:
    """An edit was approved, then somebody goes back to that very gate: its draft is the maker's file."""
    mission = await shop.begun()
    await shop.go_on(mission)
    await shop.detail(mission)
    await shop.save(mission, "structured-text.md", "edited\n")
    await shop.go_on(mission)

    await answered(shop, mission, Verdict.REFUSED, reason="Look again.", back_to="review-structured")

    now = await shop.detail(mission)
    assert (now["status"], now["current_step"]) == ("waiting_human", 1)
    rows = (await shop.door.gate(RunId(now["run"])))["card"]["rows"]
    (artifact,) = [row["value"]["rows"] for row in rows if row["label"].endswith("artifact")]
    (digest,) = [row["value"]["text"] for row in artifact if row["label"].endswith("digest")]
    assert sha256(now["artifacts"]["structured-text.md"].encode()).hexdigest() == digest


async def test_a_file_that_says_just_what_another_says_is_a_file_of_its_own(shop: Shop) -> None:
    """An agent had nothing to change: what it left is shown, reviewed and handed on like any other."""
    shop.agent.instead.append("copy")
    mission = await shop.begun()
    await shop.go_on(mission)

    now = await shop.detail(mission)
    assert now["artifacts"] == {"raw-input.md": "make it dark\n", "structured-text.md": "make it dark\n"}
    await shop.go_on(mission)
    assert (await shop.detail(mission))["artifacts"]["research-output.md"].endswith("make it dark\n")


async def test_a_mission_that_nobody_answers_for_ends(shop: Shop) -> None:
    """After ninety days no answer means no."""
    mission = await shop.begun()
    await shop.go_on(mission)

    await shop.practice.move(timedelta(days=91))

    now = await shop.detail(mission)
    assert (now["status"], now["last_error"]) == ("failed", "Nobody answered in time.")


async def test_a_killed_process_goes_on_where_it_was(shop: Shop) -> None:
    """At a gate it waits again; in a step the same attempt runs again, and nothing counts twice."""
    shop.agent.instead.append("wait")
    mission = await shop.begun()
    await shop.detail(mission)
    await shop.door.client.post(f"/api/missions/{mission}/continue")
    run = RunId(run_of_mission(mission))

    shop.practice.pull_plug()
    shop.practice.engine.world.tasks.cancel()
    await shop.practice.stop()
    shop.agent.instead.clear()
    shop.agent.goes_on.set()
    shop.agent.files._where = asyncio.Future()
    await shop.practice.restart()
    shop.agent.files.begin(shop.practice.ledger, shop.practice.engine)
    await shop.practice.engine.settled()

    kinds = await shop.practice.kinds(run)
    assert [(task.step, task.attempt) for task in shop.agent.told] == 2 * [("cleanup", shop.agent.told[0].attempt)]
    assert kinds.count("run.recorded") == 1
    progress = await KnownMissions(shop.practice.ledger, shop.practice.engine).of_run(shop.practice.account, run)
    assert progress is not None
    assert (progress.status, progress.place, progress.errors) == (MissionStatus.WAITING_HUMAN, 1, [])


@pytest.mark.parametrize("kind", [BeginDraft, ReviewDraft, PushDraft, PermissionDraft, AgainDraft])
def test_a_grant_opens_no_gate_of_a_mission(kind: type[Draft]) -> None:
    """What people are asked in a mission, only people answer: none of its drafts can be covered by a grant."""
    assert not kind.grants
