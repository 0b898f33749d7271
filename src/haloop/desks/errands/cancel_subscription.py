"""Cancel a subscription: find the one that is meant, show what ends when, and cancel it once."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, Field

from haloop.desks.errands.naming import named
from haloop.kernel.desk import Approved, BadDraft, Draft, Effect, Ended, NotDone, Receipt, Run, Why, procedure
from haloop.ports.subscriptions import Ending, Subscription, Subscriptions, Terms

ANSWER_WITHIN = timedelta(days=2)


class AnotherSubscription(BaseModel, frozen=True, extra="forbid"):
    """A change: another one of the household's."""

    subscription: str


class EndingDraft(Draft):
    """One subscription to cancel, what that means, and the others that could have been meant."""

    grants: ClassVar[bool] = False

    terms: Terms
    running: tuple[Subscription, ...]
    end: Effect[Ending]

    @classmethod
    def offer(cls, terms: Terms, running: Sequence[Subscription]) -> Self:
        """Plan to cancel it under just these terms."""
        end = Effect.of(Subscriptions.end, terms, cost_max=terms.fee)
        return cls(terms=terms, running=tuple(running), end=end)


@procedure(version=1)
async def cancel_subscription(
    run: Run, name: Annotated[str, Field(min_length=1, max_length=200)]
) -> Receipt[Ending] | NotDone | Ended:
    """Find the subscription and, once somebody said yes to what it means, cancel it."""

    async def another(draft: EndingDraft, change: AnotherSubscription) -> EndingDraft:
        if change.subscription not in {one.subscription for one in draft.running}:
            raise BadDraft("This is none of the running subscriptions.", code="subscription.unknown")
        terms = await run.step(Subscriptions.terms, run.account, change.subscription)
        return EndingDraft.offer(terms, draft.running)

    held = await run.step(Subscriptions.held, run.account)
    meant = named(name, held, lambda one: one.name)
    if len(meant) != 1:
        return Ended(reason=_which(name, meant, held), code="subscription.which")
    if meant[0].ends_on is not None:
        reason = f"{meant[0].name} is cancelled already; its last day is {meant[0].ends_on:%-d %B %Y}."
        return Ended(reason=reason, code="subscription.already_cancelled")
    terms = await run.step(Subscriptions.terms, run.account, meant[0].subscription)
    draft = EndingDraft.offer(terms, [one for one in held if one.ends_on is None])
    while True:
        yes = await run.gate(draft, revise=another, within=ANSWER_WITHIN)
        if not isinstance(yes, Approved):
            return run.end(yes)
        match await run.effect(yes, yes.draft.end):
            case NotDone(why=Why.DRIFTED, seen=Terms() as now):
                draft = EndingDraft.offer(now, yes.draft.running)
            case outcome:
                return outcome


def _which(name: str, meant: Sequence[Subscription], held: Sequence[Subscription]) -> str:
    names = ", ".join(one.name for one in meant or held)
    if meant:
        return f'"{name}" could be any of these: {names}. Say which one to cancel.'
    return f'There is no subscription called "{name}". There are: {names}.' if held else "There is no subscription."
