"""The first example: record what an agent did under a person's yes, and keep a receipt that anybody can check.

Run it with `.venv/bin/python examples/first_ledger.py`. It keeps its ledger in `.local/first-ledger`, and grows it each
time it runs.
"""

import asyncio
from pathlib import Path

from haloop.kernel.ids import new_run_id
from haloop.kernel.ledger import START, Chain, Entry
from haloop.kernel.part import Part
from haloop.store.home import Home
from haloop.store.signing import read_or_make_signer
from haloop.store.sqlite import SqliteLedger

HOME = Home(Path(".local/first-ledger"))
RECEIPT = Path(".local/receipt.json")


async def main() -> None:
    HOME.make()
    signer = read_or_make_signer(HOME.secrets)
    async with SqliteLedger.opened(HOME.path, signer=signer, witness_folder=HOME.path.parent / "state") as ledger:
        account = await ledger.open_account(actor="example")
        run = Chain(account=account, run_id=new_run_id())

        # Each fact names the one before it. Awaiting it means: it is on the disk, whatever happens next.
        started = ledger.append(run, START, say("run.started", request="book dinner Friday around 7 for 2"))
        yes = ledger.append(run, started.head, say("gate.approved", answer={"said": "yes", "table": "19:00"}))
        sent = ledger.append(run, yes.head, say("effect.intended", call={"restaurant": "Kronenhalle", "guests": 2}))
        await sent
        done = ledger.append(run, sent.head, say("effect.happened", words="Your table is booked: 4711"))
        (last,) = await done

        shown = {last - 2: ["answer"], last - 1: [], last: ["words"]}  # the call stays private; its hash does not lie
        receipt = await ledger.receipt(account, shown)
        RECEIPT.write_text(receipt.encode())
        print(f"Recorded {last + 1} facts in {HOME.path}, and wrote a receipt for the last three. Check it yourself:\n")
        print(f"  python3 tools/verify_receipt.py {RECEIPT} --key '{ledger.verifier_key(account)}'\n")
        print(f"and the whole ledger:\n\n  .venv/bin/haloop --home {HOME.path} verify")


def say(kind: str, **parts: str | dict[str, str | int]) -> Entry:
    """A fact of the example's: its kind, and what it says."""
    return Entry(kind=kind, actor="example", parts=tuple(Part.of(name, value) for name, value in parts.items()))


if __name__ == "__main__":
    asyncio.run(main())
