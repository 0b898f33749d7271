"""Asking at a terminal: the card in plain words, a yes or a no, and nothing else.

It shows the very card that the kernel made, so the person says yes to what the approval is bound to. End of
input is not an answer: the gate stays open, and nothing happens.
"""

import asyncio
import secrets
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from haloop.app import Haloop
from haloop.cli.card import VIEW, WORDS, card_lines
from haloop.kernel.errors import HaloopError
from haloop.kernel.gate import Answer, GateId, Verdict
from haloop.kernel.ids import RunId

_ANSWERS = {"y": Verdict.APPROVED, "yes": Verdict.APPROVED, "n": Verdict.REFUSED, "no": Verdict.REFUSED}
_SECOND = 1_000_000


async def ask_at_terminal(haloop: Haloop, run: RunId, *, read: Callable[[str], str] = input) -> bool:
    """Put a run's open gate before whoever sits here; False if it still waits for an answer."""
    await haloop.engine.settled()
    gate = _gate_of(haloop, run)
    if gate is None:
        return True
    seen = await haloop.engine.gate(haloop.account, gate)
    print("\n".join([str(WORDS["asks"]).format(run), *card_lines(seen.card)]))
    said = _read_answer(read)
    if said is None:
        print("\nNobody answered; the run still waits. Start again to be asked again.")
        return False
    answer = Answer(
        gate=gate,
        revision=seen.gate.revision,
        draft=seen.gate.draft,
        card=seen.gate.card,
        view=VIEW,
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
            said = read(str(WORDS["question"])).strip().lower()
            if said in _ANSWERS:
                return _ANSWERS[said]
            print(WORDS["again"])
    except (EOFError, KeyboardInterrupt):
        return None
    finally:
        signal.signal(signal.SIGINT, loud)


def _gate_of(haloop: Haloop, run: RunId) -> GateId | None:
    mine = [gate for gate in haloop.engine.open_gates(haloop.account) if run.removeprefix("run_") in gate]
    return mine[-1] if mine else None
