"""Asking at a terminal: the card in plain words, a yes or a no, and nothing else.

It shows the very card that the kernel made, so the person says yes to what the approval is bound to. End of
input is not an answer: the gate stays open, and nothing happens.
"""

import asyncio
import secrets
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from hashlib import sha256
from typing import Any

from haloop.app import Haloop
from haloop.kernel import canonical
from haloop.kernel.canonical import Canonical
from haloop.kernel.errors import HaloopError
from haloop.kernel.gate import Answer, GateId, Verdict, View
from haloop.kernel.ids import RunId
from haloop.kernel.money import Money

_WORDS: dict[str, Canonical] = {
    "again": "Please say yes or no.",
    "asks": "{} asks:",
    "at most": "at most {}",
    "by": "{}({}) by {}",
    "by model": "with words a model wrote ({})",
    "disclosure": {
        "may_have_happened": "The ledger went back to an earlier state: this may have happened already.",
        "uncertain_before": "An earlier try for the same thing has an unknown outcome; it may have happened.",
    },
    "for": "paid to {}",
    "live": "this is real",
    "practice": "in practice, nothing is spent",
    "question": "Do it? [yes/no] ",
    "undo": "can be undone ({})",
    "yes": "if you say yes:",
}
"""What this surface adds to a card, in its one language."""

_ANSWERS = {"y": Verdict.APPROVED, "yes": Verdict.APPROVED, "n": Verdict.REFUSED, "no": Verdict.REFUSED}
_VIEW = View(language="en", renderer="terminal/1", catalogue=sha256(canonical.encode(_WORDS)).hexdigest())
_SECOND = 1_000_000


async def ask_at_terminal(haloop: Haloop, run: RunId, *, read: Callable[[str], str] = input) -> bool:
    """Put a run's open gate before whoever sits here; False if it still waits for an answer."""
    await haloop.engine.settled()
    gate = _gate_of(haloop, run)
    if gate is None:
        return True
    seen = await haloop.engine.gate(haloop.account, gate)
    print("\n".join([str(_WORDS["asks"]).format(run), *card_lines(seen.card)]))
    said = _read_answer(read)
    if said is None:
        print("\nNobody answered; the run still waits. Start again to be asked again.")
        return False
    answer = Answer(
        gate=gate,
        revision=seen.gate.revision,
        draft=seen.gate.draft,
        card=seen.gate.card,
        view=_VIEW,
        verdict=said,
        person=haloop.owner,
        nonce=secrets.token_urlsafe(16),
        expires=seen.gate.expires_at,
        disclosures_read=True,
    )
    await haloop.engine.decide(haloop.account, answer)
    return True


def run_at_terminal(work: Coroutine[Any, Any, None]) -> int:
    """Run a program whose errors are told in a sentence, with what to do; the code to exit with."""
    try:
        asyncio.run(work)
    except HaloopError as error:
        print(" ".join(part for part in (error.sentence, error.next_step) if part), file=sys.stderr)
        return 1
    return 0


def _read_answer(read: Callable[[str], str]) -> Verdict | None:
    """A yes or a no, nothing else; none where whoever sits here went away."""
    loud = signal.signal(signal.SIGINT, signal.default_int_handler)  # or Ctrl-C would wait for the line's end
    try:
        while True:
            said = read(str(_WORDS["question"])).strip().lower()
            if said in _ANSWERS:
                return _ANSWERS[said]
            print(_WORDS["again"])
    except (EOFError, KeyboardInterrupt):
        return None
    finally:
        signal.signal(signal.SIGINT, loud)


def card_lines(card: Canonical) -> Iterator[str]:
    """A card as lines of text."""
    match card:
        case {"title": str(title), "rows": list(rows), "effects": list(effects), "disclosures": list(disclosures)}:
            yield f"  {_plain(title)}"
            yield from (f"    ! {_shown(_disclosure(one))}" for one in disclosures)
            yield from (f"    {_shown(line)}" for row in rows for line in _row(row))
            yield f"  {_WORDS['yes']}"
            yield from (f"    {_shown(_effect(one))}" for one in effects)


def _shown(text: str) -> str:
    """Words of others, without what would move the cursor, hide a part or begin a line that is not there."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _disclosure(disclosure: Canonical) -> str:
    match disclosure, _WORDS["disclosure"]:
        case {"key": str(key)}, dict(words) if key in words:
            return str(words[key])
    return _argument(disclosure)


def _row(row: Canonical) -> Iterator[str]:
    match row:
        case {"label": str(label), "value": value}:
            yield f"{_plain(label)}: {_value(value)}"


def _value(value: Canonical) -> str:
    match value:
        case {"type": "money", "minor": int(minor), "currency": str(currency)}:
            return Money(minor=minor, currency=currency).format()
        case {"type": "model_text", "text": str(text), "model": str(model)}:
            return f"“{text}” (written by {model})"
        case {"type": "record", "rows": list(rows)}:
            return ", ".join(line for row in rows for line in _row(row))
        case {"type": "list", "items": list(items)}:
            return "; ".join(_value(item) for item in items)
        case {"type": "yes_no", "yes": yes}:
            return "yes" if yes else "no"
        case {"text": text} | {"number": text} | {"iso": text} | {"key": text}:
            return str(text)
    return _argument(value)


def _effect(effect: Canonical) -> str:
    match effect:
        case {"argument": argument, "operation": operation, "with": name, "live": live, "cost_max": cost, **rest}:
            said = [str(_WORDS["by"]).format(operation, _argument(argument), name)]
            said += [str(_WORDS["at most"]).format(_value(cost))] if cost else []
            if isinstance(written := rest.get("by_model"), list):
                said += [str(_WORDS["by model"]).format(", ".join(map(str, written)))]
            said += [str(_WORDS["for"]).format(rest["payee"])] if rest.get("payee") else []
            said += [str(_WORDS["undo"]).format(rest["undo"])] if rest.get("undo") else []
            return ", ".join([*said, str(_WORDS["live"] if live else _WORDS["practice"])])
    return _argument(effect)


def _argument(argument: Canonical) -> str:
    """What is sent, as it is sent."""
    return canonical.encode(argument).decode()


def _plain(key: str) -> str:
    return key.rpartition(".")[2].replace("_", " ")


def _gate_of(haloop: Haloop, run: RunId) -> GateId | None:
    mine = [gate for gate in haloop.engine.open_gates(haloop.account) if run.removeprefix("run_") in gate]
    return mine[-1] if mine else None
