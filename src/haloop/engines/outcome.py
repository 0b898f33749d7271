"""The facts that say how an effect ended, and how that is known."""

from dataclasses import dataclass
from typing import Any

from haloop.engines import approval
from haloop.kernel import values
from haloop.kernel.canonical import Canonical
from haloop.kernel.fact import EffectHappened, EffectIntended, EffectNotDone, money_as_plain
from haloop.kernel.finding import Finding
from haloop.kernel.money import Money
from haloop.kernel.operation import EffectOp, NotDone, Why


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """How it is known how an effect ended."""

    found_by: str
    actor: str = "kernel"
    statement: bytes | None = None
    assertion: bytes | None = None

    @classmethod
    def of(cls, finding: Finding) -> "Source":
        """A person's word."""
        person = f"person:{finding.person}"
        return cls(found_by=person, actor=person, statement=finding.statement(), assertion=finding.assertion)

    def as_fields(self) -> dict[str, Any]:
        """As a fact has it."""
        return {"found_by": self.found_by, "statement": self.statement, "assertion": self.assertion}


ANSWER, RESENT, LOOKUP = Source(found_by="answer"), Source(found_by="resent"), Source(found_by="lookup")


def happened(intent: EffectIntended, operation: EffectOp[Any, Any], result: object, source: Source) -> EffectHappened:
    """The outside says that it did happen; BadInput where its words cannot be read again."""
    plain, paid = _understood(operation.result, result), _paid(result)
    return EffectHappened(
        at=intent.at,
        gate=intent.gate,
        revision=intent.revision,
        effect=intent.effect,
        result=plain,
        charged=money_as_plain(paid),
        exceeded=approval.exceeds(paid, intent.cost_max),
        **source.as_fields(),
    )


def not_done(
    at: str, gate: str, effect: str, answer: NotDone, *, operation: EffectOp[Any, Any], source: Source
) -> EffectNotDone:
    """It certainly did not happen; BadInput or ValueError where the answer cannot be read again."""
    shape = operation.rules.seen or type(answer.seen)
    seen = None if answer.seen is None else _understood(shape, answer.seen)
    why = str(Why(answer.why))
    return EffectNotDone(
        at=at,
        gate=gate,
        effect=effect,
        why=why,
        code=str(answer.code) or f"effect.{why}",
        sentence=str(answer.sentence)[:500],
        seen=seen,
        **source.as_fields(),
    )


def settled(intent: EffectIntended, operation: EffectOp[Any, Any], finding: Finding) -> EffectHappened | EffectNotDone:
    """A person found out how it ended."""
    source = Source.of(finding)
    if finding.happened:
        return happened(intent, operation, values.typed(operation.result, finding.result), source)
    answer = approval.not_done(Why.SETTLED, "effect.settled", finding.sentence)
    return not_done(intent.at, intent.gate, intent.effect, answer, operation=operation, source=source)


def _paid(result: object) -> Money | None:
    charged = getattr(result, "charged", None)
    return charged if isinstance(charged, Money) else None


def _understood(shape: Any, value: object) -> Canonical:  # noqa: ANN401  # a type as it is written
    """The plain form of what the outside said, if it can be read again."""
    plain = values.plain(shape, value)
    values.typed(shape, plain)
    return plain
