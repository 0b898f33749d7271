"""What missions under way have in their histories, from before there were projects."""

from importlib.resources import files

from haloop.desks.missions.drafts import AgainDraft, BeginDraft, PermissionDraft, ReviewDraft
from haloop.desks.missions.mission import Brief, MissionType
from haloop.desks.missions.workflow import read_workflow
from haloop.kernel import values
from haloop.kernel.desk import ModelText
from haloop.kernel.draft import plain_payload
from haloop.ports.agents import Artifact, Autonomy, Difference, Task

RAW = Artifact(name="raw-input.md", digest="a" * 64, size=1)
TASK = "02e5038cd2930adfb96a79cd557aed8a8e92cc1715609a2f780c8e4e5abf0f4b"
BEGIN = "7b21a730d3f8a06142aebd651afd11e8e3e3eefa217852279b561e819b114e64"
REVIEW = "dfae5bcc4b7c9324d3fe75b79e03a29e4b00eb975ca9a8a6254af5979f1bd148"
AGAIN = "cbdb2cf83d5e7a3a0cebb1a13a62bd86accdf5a05468f9860d32ee058913e578"
PERMISSION = "b8073c9d7aab85946ae8213be8d811e8f541b6b6a27833005e20a1389cc71ff5"
BRIEF = "b9785f24fae478d7ee501919ce57a5ffa3abd1ac53a05a021dd3a1719209aac9"
"""The hashes that stand there; a call that has another parks its mission."""


def test_a_mission_that_began_before_there_were_projects_goes_on() -> None:
    """Without a project, its first question and each of its tasks are the same calls to the letter."""
    task = Task(
        account="acc_1",
        run="run_1",
        mission="m-00000000-0000-0000-0000-000000000000",
        attempt="r-00000000-0000-0000-0000-000000000000",
        step="cleanup",
        name="Clean up",
        agent="cleanup-agent",
        given=RAW,
        output="structured-text.md",
    )
    draft = BeginDraft(
        mission="Dark mode",
        workflow="Standard feature",
        template="b" * 64,
        steps=("Clean up (cleanup-agent)",),
        artifact=RAW,
        reaches=None,
    )

    assert values.digest(values.plain(Task, task)) == TASK
    assert values.digest(plain_payload(draft, {})) == BEGIN


def test_a_mission_of_a_template_that_says_nothing_of_autonomy_is_the_same_as_before_there_was_any() -> None:
    """What it was asked for with, and what people are asked on its way, are still what the shipped template makes."""
    text = files("haloop.desks.missions").joinpath("workflows", "standard-feature.yaml").read_bytes()
    brief = Brief(
        title="Dark mode",
        type=MissionType.FEATURE,
        workflow=read_workflow(text, file="standard-feature.yaml"),
        template="b" * 64,
        raw=RAW,
    )

    difference = Difference(added=1, removed=0, shown="+a")
    review = ReviewDraft.of(mission="Dark mode", step="Review", artifact=RAW, difference=difference, by="cleanup-agent")

    again = AgainDraft(mission="Dark mode", step="Clean up", went_wrong="It left nothing.")
    act = ModelText(text="make", model="cleanup-agent")
    permission = PermissionDraft(mission="Dark mode", step="Clean up", wants=act, kind="execute", detail=act)

    assert values.digest(values.plain(Brief, brief)) == BRIEF
    assert values.digest(plain_payload(review, {})) == REVIEW
    assert values.digest(plain_payload(again, {})) == AGAIN
    assert values.digest(plain_payload(permission, {})) == PERMISSION
    assert {step.autonomy for step in brief.workflow.steps} == {Autonomy.ASK}
