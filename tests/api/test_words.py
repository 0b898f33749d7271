"""Plain words at the door: begun, asked back or unsupported; kept with the run, and erased with it."""

from datetime import timedelta

import pytest

from tests.api.conftest import Door, errands

__all__ = ["errands"]

WORDS = "Book a table at Luigi for 2 tomorrow at 7"
AT_SEVEN = dict.fromkeys(("at", "earliest", "latest"), "2027-03-04T19:00:00+01:00")
WISH: dict[str, dict[str, object]] = {"wish": {**AT_SEVEN, "area": None, "party": 2, "place": "Luigi", "taken": []}}
BERLIN = {"words": WORDS, "zone": "Europe/Berlin"}
UNDERSTOOD = {
    "arguments": WISH,
    "desk": "errands",
    "procedure": "book_table",
    "reader": {"instead": "", "name": "builtin"},
    "taken": ['"7" was taken for 19:00.', "2 was taken for the number of people."],
}


async def test_words_become_a_run_that_shows_them(errands: Door) -> None:
    """What was said stands beside what was understood, what was approved and what was sent."""
    answer = await errands.client.post("/api/requests", json=BERLIN)
    assert (answer.status_code, answer.json()["understood"]) == (201, UNDERSTOOD)
    run = answer.json()["run"]
    assert answer.headers["location"] == f"/api/runs/{run}"
    await errands.practice.engine.settled()

    assert (await errands.decide(await errands.gate(run))).status_code == 200

    (done,) = (await errands.got("/api/activity"))["executions"]
    assert (done["words"], done["taken"], done["asked"]) == ([WORDS], UNDERSTOOD["taken"], WISH)
    assert done["approved"] == done["executed"]
    assert done["executed"]["at"] == "2027-03-04T19:00:00+01:00"
    shown = await errands.got(f"/api/runs/{run}")
    assert (shown["words"], shown["taken"], shown["code"]) == ([WORDS], UNDERSTOOD["taken"], "done")


async def test_a_question_is_answered_with_more_words(errands: Door) -> None:
    """Nothing is begun before the wish is whole; what is answered carries the conversation."""
    said = {"words": "book dinner at Luigi tomorrow at 7", "zone": "Europe/Berlin"}
    asked = await errands.client.post("/api/requests", json=said)
    assert (asked.status_code, asked.json()["outcome"]) == (200, "asks")
    assert asked.json()["questions"] == [{"asks": "For how many people?", "choices": ["for 2", "for 4", "for 6"]}]
    assert (await errands.got("/api/runs"))["runs"] == []

    answered = {**said, "words": "2", "conversation": asked.json()["conversation"]}
    begun = await errands.client.post("/api/requests", json=answered)

    assert (begun.status_code, begun.json()["understood"]["arguments"]) == (201, WISH)
    shown = await errands.got(f"/api/runs/{begun.json()['run']}")
    assert shown["words"] == ["book dinner at Luigi tomorrow at 7", "2"]


@pytest.mark.parametrize("desk", [None, "errands"])
async def test_what_nobody_does_is_answered_with_what_works(errands: Door, desk: str | None) -> None:
    """It is no error and no run; each example that it names would be begun."""
    said = {"words": "fix kitchen sink", "desk": desk}
    answer = await errands.client.post("/api/requests", json=said)
    assert (answer.status_code, answer.json()["outcome"]) == (200, "unsupported")
    assert "Nothing was begun" in answer.json()["sentence"]
    assert (await errands.got("/api/runs"))["runs"] == []
    for example in answer.json()["examples"]:
        assert (await errands.client.post("/api/requests", json={"words": example})).status_code == 201
    (listed,) = [one for one in await errands.got("/api/desks") if one["name"] == "errands"]
    assert listed["examples"] == answer.json()["examples"]


async def test_the_same_key_asks_once_whatever_day_it_is(errands: Door) -> None:
    """Sent again after midnight, `tomorrow` is still the day it was; other words under the key are refused."""
    key = {"Idempotency-Key": "dinner"}
    first = await errands.client.post("/api/requests", json=BERLIN, headers=key)
    await errands.practice.move(timedelta(days=1))

    again = await errands.client.post("/api/requests", json=BERLIN, headers=key)
    other = await errands.client.post("/api/requests", json={**BERLIN, "words": WORDS + " pm"}, headers=key)
    typed = {"desk": "errands", "procedure": "book_table", "arguments": {"wish": {**WISH["wish"], "party": 3}}}
    as_typed = await errands.client.post("/api/requests", json=typed, headers=key)

    assert (again.status_code, again.json()) == (201, first.json())
    assert (other.status_code, other.json()["code"]) == (409, "run.key_taken")
    assert (as_typed.status_code, as_typed.json()["code"]) == (409, "run.key_taken")
    assert len((await errands.got("/api/runs"))["runs"]) == 1
    async with await errands.agent() as agent:
        mine = await agent.post("/api/requests", json=BERLIN, headers=key)
        assert mine.json()["run"] != first.json()["run"]


async def test_a_question_uses_up_no_key(errands: Door) -> None:
    """The key is the whole conversation's: its last words begin the run, once."""
    key = {"Idempotency-Key": "dinner"}
    said = {"words": "book dinner tomorrow at 7 pm"}
    asked = await errands.client.post("/api/requests", json=said, headers=key)
    answered = {"words": "for 2", "conversation": asked.json()["conversation"]}
    begun = [(await errands.client.post("/api/requests", json=answered, headers=key)).json()["run"] for _ in range(2)]
    assert begun[0] == begun[1]


async def test_an_erased_run_shows_no_words(errands: Door) -> None:
    """What somebody said is as unreadable as all else; the key that named it names nothing any more."""
    key = {"Idempotency-Key": "dinner"}
    run = (await errands.client.post("/api/requests", json=BERLIN, headers=key)).json()["run"]
    await errands.practice.engine.settled()
    await errands.decide(await errands.gate(run))
    home = errands.practice.home
    await errands.practice.engine.erase(errands.practice.account, run, by=errands.ana, why="asked to")

    shown = await errands.client.get(f"/api/runs/{run}")
    everything = [shown, await errands.client.get("/api/runs"), await errands.client.get("/api/activity")]
    everything.append(await errands.client.get("/api/ledger/events", params={"limit": 500}))

    assert (shown.json()["is_erased"], shown.json()["words"], shown.json()["taken"]) == (True, [], [])
    for answer in everything:
        assert answer.status_code == 200
        assert "Luigi for 2" not in answer.text
    again = await errands.client.post("/api/requests", json=BERLIN, headers=key)
    assert (again.status_code, again.json()["code"]) == (410, "payload.erased")
    assert WORDS.encode() not in (home / "ledger.db").read_bytes() + (home / "ledger.db-wal").read_bytes()


async def test_an_agent_says_it_for_somebody(errands: Door) -> None:
    """It proposes in a person's words like in its own, and another agent sees neither run nor words."""
    async with await errands.agent("one") as one, await errands.agent("two") as two:
        run = (await one.post("/api/requests", json=BERLIN)).json()["run"]
        assert (await one.get(f"/api/runs/{run}")).json()["words"] == [WORDS]
        assert (await two.get(f"/api/runs/{run}")).status_code == 404
        assert (await two.get("/api/activity")).json()["executions"] == []


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({"words": ""}, 422, "request.malformed"),
        ({"words": "x" * 1_001}, 422, "request.malformed"),
        ({"words": 7}, 422, "request.malformed"),
        ({"words": WORDS, "conversation": ["x"] * 9}, 422, "request.malformed"),
        ({"words": WORDS, "procedure": "book_table"}, 422, "request.malformed"),
        ({"words": WORDS, "zone": "Berlin/Europe"}, 422, "request.zone"),
        ({"words": WORDS, "zone": "../../etc/passwd"}, 422, "request.zone"),
        ({"words": WORDS, "zone": "America"}, 422, "request.zone"),
        ({"words": WORDS, "zone": "\0"}, 422, "request.zone"),
        ({"words": WORDS, "desk": "kitchen"}, 404, "request.unsupported"),
        ([WORDS], 422, "request.malformed"),
        (WORDS, 422, "request.malformed"),
        ({}, 422, "request.malformed"),
    ],
)
async def test_what_cannot_be_read_is_refused(errands: Door, said: object, status: int, code: str) -> None:
    """By name, and nothing is begun."""
    answer = await errands.client.post("/api/requests", json=said)
    assert (answer.status_code, answer.json()["code"], answer.json()["executed"]) == (status, code, False)
    assert (await errands.got("/api/runs"))["runs"] == []


async def test_words_are_words_whatever_they_say(errands: Door) -> None:
    """A place that is a script or a command, is looked for under that name, and that is all."""
    trick = "<img src=x onerror=document.title=1> $(reboot)"
    said = {"words": f'book a table at "{trick}" for 2 tomorrow at 7 pm'}
    begun = await errands.client.post("/api/requests", json=said)
    await errands.practice.engine.settled()
    shown = await errands.got(f"/api/runs/{begun.json()['run']}")
    assert shown["words"] == [said["words"]]
    assert (shown["state"], shown["code"]) == ("ended", "nothing_free")


async def test_a_zone_is_the_speakers(errands: Door) -> None:
    """Seven in New York is not seven here; who names none is where the house is."""
    said = [{"words": WORDS, "zone": "America/New_York"}, {"words": WORDS}]
    answers = [(await errands.client.post("/api/requests", json=one)).json() for one in said]
    heard = [answer["understood"]["arguments"]["wish"]["at"] for answer in answers]
    assert heard == ["2027-03-04T19:00:00-05:00", "2027-03-04T19:00:00Z"]


async def test_a_person_keeps_a_zone_of_their_own(errands: Door) -> None:
    """Whoever said once where they are need not say it with every wish; an agent is where the house is."""
    await errands.client.put("/api/me/notices", json={"zone": "Asia/Tokyo"})
    theirs = (await errands.client.post("/api/requests", json={"words": WORDS})).json()
    async with await errands.agent() as agent:
        its = (await agent.post("/api/requests", json={"words": WORDS})).json()

    heard = [answer["understood"]["arguments"]["wish"]["at"] for answer in (theirs, its)]
    assert heard == ["2027-03-04T19:00:00+09:00", "2027-03-04T19:00:00Z"]
