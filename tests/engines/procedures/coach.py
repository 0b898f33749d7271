"""The coach's night: look at a household's books, keep what was noticed, and start a proposal for each hint."""

from datetime import timedelta
from typing import Protocol

from pydantic import BaseModel

from haloop.kernel.desk import Approved, Connector, Desk, Draft, Ended, ModelText, Money, Run, procedure

FORTNIGHT = timedelta(days=14)


class Home(BaseModel, frozen=True):
    name: str


class Snapshot(BaseModel, frozen=True):
    balance: Money


class Insight(BaseModel, frozen=True):
    sentence: str


class Hint(BaseModel, frozen=True):
    topic: str
    sentence: str


class Findings(BaseModel, frozen=True):
    insights: tuple[Insight, ...]
    hints: tuple[Hint, ...]


class Books(Protocol):
    async def snapshot(self, home: Home) -> Snapshot: ...


class Mentor(Protocol):
    async def analyse(self, snapshot: Snapshot) -> Findings: ...


class Proposal(Draft):
    topic: str
    sentence: ModelText


@procedure(version=1)
async def nightly(run: Run, home: Home) -> Ended:
    """What one household's night brings."""
    found = await run.step(Mentor.analyse, await run.step(Books.snapshot, home))
    for insight in found.insights:
        await run.record(insight)
    for hint in found.hints:
        await run.start(offer.of(hint), key=hint.topic, detached=True)
    return run.end()


@procedure(version=1)
async def offer(run: Run, hint: Hint) -> Ended:
    """Put a hint before the household; a yes changes nothing by itself."""
    proposal = Proposal(topic=hint.topic, sentence=ModelText(text=hint.sentence, model="scripted"))
    decision = await run.gate(proposal, within=FORTNIGHT)
    return run.end("They want it." if isinstance(decision, Approved) else decision)


class Bookkeeper:
    async def snapshot(self, home: Home) -> Snapshot:
        return Snapshot(balance=Money(minor=1_000_000, currency="EUR"))


class ScriptedMentor:
    async def analyse(self, snapshot: Snapshot) -> Findings:
        return Findings(
            insights=(Insight(sentence=f"You have {snapshot.balance.format()}."), Insight(sentence="You save.")),
            hints=(
                Hint(topic="reserve", sentence="Put some aside."),
                Hint(topic="tariff", sentence="Your power is dear."),
            ),
        )


COACHING = Desk("coach", procedures=[nightly, offer])


def desk_lamp() -> list[Connector]:
    return [
        Connector(port=Books, speaks=Bookkeeper(), name="town"),
        Connector(port=Mentor, speaks=ScriptedMentor(), name="scripted"),
    ]
