"""A mission: four stages, each an agent's step and a person's gate; only the last gate holds an effect."""

from collections.abc import Callable
from typing import Protocol, Self

from pydantic import BaseModel

from haloop.kernel.desk import (
    Approved,
    Call,
    Connector,
    Desk,
    Draft,
    Effect,
    Ended,
    Expired,
    ModelText,
    NotDone,
    Receipt,
    Refused,
    Run,
    effect,
    procedure,
)
from haloop.testing.provider import Provider

STAGES = ("understand", "plan", "build", "publish")


class Artifact(BaseModel, frozen=True):
    text: str


class Pushed(BaseModel, frozen=True):
    commit: str


class Asks(BaseModel, frozen=True):
    question: str


class Made(BaseModel, frozen=True):
    artifact: Artifact


class Agents(Protocol):
    async def work(self, stage: str, given: Artifact, answers: tuple[str, ...], why: str) -> Asks | Made: ...


class Forge(Protocol):
    @effect
    async def push(self, artifact: Artifact, call: Call) -> Pushed | NotDone: ...


class StageReview(Draft):
    stage: str
    before: Artifact
    after: Artifact
    push: Effect[Pushed] | None = None
    """Before the last stage there is none: a yes only opens the way."""

    @classmethod
    def of(cls, stage: str, before: Artifact, after: Artifact) -> Self:
        push = Effect.of(Forge.push, after) if stage == STAGES[-1] else None
        return cls(stage=stage, before=before, after=after, push=push)

    def apply(self, change: Artifact) -> Self:
        return self.of(self.stage, self.before, change)


class Question(Draft):
    asks: ModelText
    answer: str = ""

    def apply(self, change: str) -> Self:
        return self.model_copy(update={"answer": change})


@procedure(version=1)
async def feature(run: Run, raw: Artifact) -> Receipt[Pushed] | NotDone | Ended:
    """Go through the stages, back and forth as people say, and push what came of it."""
    given, at, why = [raw], 0, ""
    while True:
        made = await work(run, STAGES[at], given[at], why)
        decision = await run.gate(StageReview.of(STAGES[at], given[at], made), stage=STAGES[at])
        match decision:
            case Expired():
                return run.end(decision)
            case Refused():
                at, why = STAGES.index(decision.back_to or STAGES[at]), decision.reason
            case Approved():
                seen = decision.draft
                if seen.push is not None:
                    return await run.effect(decision, seen.push)
                given, at, why = [*given[: at + 1], seen.after], at + 1, ""


async def work(run: Run, stage: str, given: Artifact, why: str) -> Artifact:
    """One stage's work; what the agent asks, a person answers, and then it is asked again."""
    answers: tuple[str, ...] = ()
    while True:
        match await run.step(Agents.work, stage, given, answers, why):
            case Made(artifact=made):
                return made
            case Asks(question=question):
                told = await run.gate(Question(asks=ModelText(text=question, model="scripted")))
                answers += (told.draft.answer if isinstance(told, Approved) else "Decide for yourself.",)


class ScriptedAgent:
    """An agent that asks one thing while planning, and otherwise does what it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, tuple[str, ...], str]] = []

    async def work(self, stage: str, given: Artifact, answers: tuple[str, ...], why: str) -> Asks | Made:
        self.heard.append((stage, given.text, answers, why))
        if stage == "plan" and not answers:
            return Asks(question="Which colour?")
        return Made(artifact=Artifact(text=" ".join([f"{given.text}>{stage}", *answers, *([why] if why else [])])))


class Repository:
    """Where the work is pushed to."""

    def __init__(self) -> None:
        self.pushed: list[str] = []
        self.provider = Provider()

    @effect
    async def push(self, artifact: Artifact, call: Call) -> Pushed | NotDone:
        return await self.provider.act(call, self._push(artifact))

    def _push(self, artifact: Artifact) -> Callable[[], Pushed]:
        def push() -> Pushed:
            self.pushed.append(artifact.text)
            return Pushed(commit=f"c{len(self.pushed)}")

        return push


MISSIONS = Desk("missions", procedures=[feature])


def workshop(agent: ScriptedAgent, repository: Repository) -> list[Connector]:
    return [
        Connector(port=Agents, speaks=agent, name="scripted"),
        Connector(port=Forge, speaks=repository, name="town"),
    ]
