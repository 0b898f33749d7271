"""Number 24: whatever breaks in the middle, nothing runs without a yes, nothing runs twice, and no receipt is lost."""

import asyncio
import json
import os
import signal
from pathlib import Path

import httpx2
import pytest

from tests.api.conftest import Door, client_of
from tests.test_served_logs import serving

VIEW = {"catalogue": "0" * 64, "language": "en", "renderer": "testing/1"}
WISH = {"place": "Luigi", "party": 2, "at": "2027-03-05T19:00:00+01:00"}
ASKED = {"desk": "errands", "procedure": "book_table", "arguments": {"wish": WISH}}
SECONDS = 60


async def test_24_a_merchant_that_drops_the_line_leaves_no_receipt_and_no_second_try(door: Door) -> None:
    """Nobody knows whether it was bought: it is called uncertain, said so, and stays so over a restart."""
    door.shop.fails = True
    gate = await door.gate(await door.asked())
    assert (await door.decide(gate)).status_code == 200
    run = gate["run"]
    told = await door.got(f"/api/runs/{run}")
    assert told["state"] == "uncertain"
    assert await door.got(f"/api/runs/{run}/receipts") == []
    door.shop.fails = False
    for _ in range(2):
        assert (await door.decide(gate)).status_code in (200, 409)

    assert len(door.shop.sold) == 1
    assert await door.got(f"/api/runs/{run}/receipts") == []


async def test_24_a_ledger_that_takes_nothing_lets_nothing_happen(door: Door) -> None:
    """It dies under an open gate: the yes is a fault with an id and without an inside, and nothing is bought."""
    gate = await door.gate(await door.asked())
    door.practice.pull_plug()

    answer = await door.decide(gate)

    body = answer.json()
    assert (answer.status_code, body["code"], body["executed"]) == (503, "ledger.closed", None)
    assert body["request_id"] == answer.headers["x-request-id"]
    assert {"Traceback", "haloop/", ".py"} & set(answer.text.split()) == set()
    assert door.shop.sold == []
    await door.practice.crash()
    assert door.practice.engine.open_gates(door.practice.account) == [gate["id"]]


@pytest.mark.parametrize("moment", ["before the yes", "with the yes", "after the yes"])
async def test_24_a_process_that_is_killed_books_at_most_once_and_keeps_its_receipt(
    tmp_path: Path, moment: str
) -> None:
    """A real process dies by SIGKILL around a real yes; the next one takes it up, and the town has it once at most.

    Whether the call got through may be unknown for a while: then it is called uncertain, and there is no receipt.
    """
    first = await _Served.started(tmp_path)
    run, gate = await first.asked()
    match moment:
        case "with the yes":
            yes = asyncio.ensure_future(first.approve(gate))
            await asyncio.sleep(0)
            first.kill()
            await asyncio.gather(yes, return_exceptions=True)
        case "after the yes":
            assert (await first.approve(gate)).status_code == 200
            first.kill()
        case _:
            first.kill()
    await first.gone()

    second = await _Served.started(tmp_path)
    shown = await second.gate(gate["id"])
    if shown["status"] == "open":
        assert moment != "after the yes"
        assert second.booked() == 0
        assert (await second.approve(shown)).status_code == 200
    state = await second.known(run)
    receipts = [one["effect"] for one in (await second.client.get(f"/api/runs/{run}/receipts")).json()]
    await second.approve(shown)  # said once more, which is answered as the first time and does nothing
    second.end()
    await second.gone()

    assert second.booked() <= 1
    assert state in ("ended", "uncertain")
    assert receipts == (["reserve"] if state == "ended" else [])
    assert len(receipts) <= second.booked()
    if moment == "before the yes":
        assert receipts == ["reserve"]


class _Served:
    """A Haloop that serves a home, and its owner."""

    def __init__(self, folder: Path, process: asyncio.subprocess.Process, client: httpx2.AsyncClient) -> None:
        self._folder = folder
        self._process = process
        self.client = client

    @classmethod
    async def started(cls, folder: Path) -> "_Served":
        process = await serving(folder)
        assert process.stdout is not None
        address = (await process.stdout.readline()).decode().partition("/?key=")[0]
        return cls(folder, process, client_of(address, (folder / "home" / "token").read_text()))

    async def asked(self) -> tuple[str, dict[str, object]]:
        run = (await self.client.post("/api/requests", json=ASKED)).json()["run"]
        return run, await self.gate(f"gate_{run.removeprefix('run_')}_1")

    async def gate(self, gate: object) -> dict[str, object]:
        async with asyncio.timeout(SECONDS):
            while (answer := await self.client.get(f"/api/gates/{gate}")).status_code != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.02)  # another process opens it
        found: dict[str, object] = answer.json()
        return found

    async def approve(self, gate: dict[str, object]) -> httpx2.Response:
        named = {"revision": gate["revision"], "draft": gate["draft"], "card": gate["card_hash"]}
        said = {**named, "view": VIEW, "nonce": os.urandom(16).hex(), "expires": gate["expires"]}
        return await self.client.post(f"/api/gates/{gate['id']}/decisions", json={"verdict": "approved", **said})

    async def known(self, run: str) -> str:
        """Where a run stands, once it does not just run."""
        async with asyncio.timeout(SECONDS):
            while (state := await self._state(run)) in ("running", "waits_for_you"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)  # another process goes on with it
        return state

    async def _state(self, run: str) -> str:
        return str((await self.client.get(f"/api/runs/{run}")).json()["state"])

    def booked(self) -> int:
        """How many tables the town's own book has."""
        book = self._folder / "home" / "town" / "reservations.json"
        return len(json.loads(book.read_bytes())["reservations"]) if book.exists() else 0

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)

    def end(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    async def gone(self) -> None:
        await self.client.aclose()
        await self._process.communicate()
