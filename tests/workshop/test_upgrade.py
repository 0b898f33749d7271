"""What missions under way have in their histories, from before there were projects."""

from haloop.desks.missions.drafts import BeginDraft
from haloop.kernel import values
from haloop.kernel.draft import plain_payload
from haloop.ports.agents import Artifact, Task

RAW = Artifact(name="raw-input.md", digest="a" * 64, size=1)
TASK = "02e5038cd2930adfb96a79cd557aed8a8e92cc1715609a2f780c8e4e5abf0f4b"
BEGIN = "7b21a730d3f8a06142aebd651afd11e8e3e3eefa217852279b561e819b114e64"
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
