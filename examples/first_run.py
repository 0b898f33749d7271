"""The first run: you say what to write down, you are asked, and it is written once.

Run it with `.venv/bin/python examples/first_run.py`. Kill it with -9 whenever you like, and start it again: it goes on
where it was, and never writes twice.
"""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from haloop.app import open_haloop
from haloop.cli.asking import ask_at_terminal, run_at_terminal
from haloop.kernel.desk import (
    Approved,
    Call,
    Connector,
    Desk,
    Draft,
    Effect,
    Ended,
    NotDone,
    Receipt,
    Run,
    effect,
    idempotent,
    procedure,
)
from haloop.settings import Settings

HERE = Path(".local/first-run")
NOTE = "Water the plants on Friday."


class Board(Protocol):  # a port: what can be done, by whomever
    @effect
    async def pin(self, note: str, call: Call) -> str | NotDone: ...


class FolderBoard:  # a connector: who does it
    @effect(recovery=idempotent(for_=timedelta(days=1)))  # the same key is the same file: sending again changes nothing
    async def pin(self, note: str, call: Call) -> str | NotDone:
        file = HERE / f"note-{call.key[:8]}.txt"
        file.write_text(note)
        return f"pinned as {file}"


class NoteDraft(Draft):  # what a person says yes to: these words, and this one effect
    note: str
    pin: Effect[str]


@procedure(version=1)
async def pin_note(run: Run, note: str) -> Receipt[str] | NotDone | Ended:
    answer = await run.gate(NoteDraft(note=note, pin=Effect.of(Board.pin, note)))
    if not isinstance(answer, Approved):
        return run.end(answer)
    return await run.effect(answer, answer.draft.pin)


async def main() -> None:
    desks, board = [Desk("notes", procedures=[pin_note])], Connector(port=Board, speaks=FolderBoard(), name="folder")
    async with open_haloop(Settings(home=HERE, state=HERE / "state"), desks=desks, connectors=[board]) as haloop:
        run = await haloop.engine.start(haloop.account, pin_note.of(NOTE), by="agent:example", key=NOTE)
        if not await ask_at_terminal(haloop, run):
            return
        ended = await haloop.engine.ended(haloop.account, run)
        print(f"\n{ended.reason}  ({run}; delete {HERE} to begin anew)")
        if ended.code == "done":
            (HERE / "receipt.json").write_text((await haloop.receipt(run, "pin")).encode())
            key = haloop.ledger.verifier_key(haloop.account)
            print(f"The note is in {HERE}. Anybody can check the receipt of it, with nothing but Python:")
            print(f"python3 tools/verify_receipt.py {HERE}/receipt.json --key '{key}'")


if __name__ == "__main__":
    sys.exit(run_at_terminal(main()))
