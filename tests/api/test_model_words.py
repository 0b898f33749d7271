"""Plain words that a model reads: understood, asked back, or read by the built-in reader after all; and who did."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from haloop.engines.hearing import ATTEMPTS_MAX
from tests.api.conftest import Door, opened_errands
from tests.connectors.models.host import KEY, TOKENS, Hosting, Says, hosting
from tests.desks.errands.words.test_quotes import GERMAN, GERMAN_QUOTES, NOTHING

ENGLISH = {"words": "Book a table at Luigi for 2 tomorrow at 7", "zone": "Europe/Berlin"}
READ = {**NOTHING, **GERMAN_QUOTES}
MODEL = "gpt-4.1-mini at 127.0.0.1"


@pytest.fixture
async def host() -> AsyncIterator[Hosting]:
    async with hosting() as host:
        yield host


@pytest.fixture
async def errands(tmp_path: Path, host: Hosting) -> AsyncIterator[Door]:
    async with opened_errands(tmp_path, host=host.host()) as door:
        yield door


async def said(door: Door, words: str, **more: Any) -> dict[str, Any]:
    body = {"words": words, "zone": "Europe/Berlin", **more}
    answer = await door.client.post("/api/requests", json=body, timeout=60)  # what speaks to models is loaded first
    assert answer.status_code in (200, 201), answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_german_words_become_a_draft_that_says_who_read_them(errands: Door, host: Hosting) -> None:
    """The model's name stands beside what was understood, with the answer, on the run and in the ledger."""
    host.will_write(READ)

    begun = await said(errands, GERMAN)

    wish = begun["understood"]["arguments"]["wish"]
    assert (wish["at"], wish["party"], wish["place"]) == ("2027-03-04T20:00:00+01:00", 4, "Luigi")
    assert begun["understood"]["reader"] == {"instead": "", "name": MODEL}
    shown = await errands.got(f"/api/runs/{begun['run']}")
    assert (shown["reader"]["name"], shown["words"]) == (MODEL, [GERMAN])
    recorded = shown["trail"][0]["says"]["said"]["reader"]
    assert (recorded["attempts"], len(recorded["prompt"])) == (1, 64)
    assert '"morgen" was taken for Thursday 4 March.' in shown["taken"]


async def test_nobody_is_told_the_clock_or_the_household(errands: Door, host: Hosting) -> None:
    """The words leave without names, and nothing goes with them: no day, no zone, no order, no id."""
    host.will_write({**NOTHING, "verb": "NONE"})
    await said(errands, "Ana said to mail ana@example.org about the table of 4111 1111 1111 1111")
    sent = host.sent()
    private = ["Ana", "example.org", "4111", "2027", "Berlin", errands.practice.account, errands.ana]
    assert [one for one in private if one in sent] == []


async def test_what_a_model_garbles_is_asked_for_once_more(errands: Door, host: Hosting) -> None:
    """With what was wrong; a second answer that is whole counts."""
    host.will_write({**READ, "place": "Chez Mallory"}, READ)
    begun = await said(errands, GERMAN)
    assert begun["understood"]["reader"] == {"instead": "", "name": MODEL}
    assert len(host.asked) == ATTEMPTS_MAX
    assert "is not in the words, letter by letter" in str(host.asked[1])


@pytest.mark.parametrize(
    ("script", "asked", "instead"),
    [
        ([Says(text="no JSON at all")], 2, "could not be read"),
        ([Says(text='{"verb": "BOOK"}')], 2, "not in the form"),
        ([Says(status=500)], 1, "answered 500"),
        ([Says(status=429, headers={"retry-after": "9"})], 1, "asks us to wait"),
        ([Says(status=401)], 1, "does not accept our key"),
    ],
)
async def test_whatever_a_model_does_the_built_in_reader_goes_on(
    errands: Door, host: Hosting, script: list[Says], asked: int, instead: str
) -> None:
    """The same run as without a model, and the reason stands beside it."""
    host.script = script
    begun = await said(errands, **ENGLISH)
    wish = begun["understood"]["arguments"]["wish"]
    assert (wish["at"], wish["party"], wish["place"]) == ("2027-03-04T19:00:00+01:00", 2, "Luigi")
    assert begun["understood"]["reader"]["name"] == "builtin"
    assert instead in begun["understood"]["reader"]["instead"]
    assert len(host.asked) == asked


async def test_a_spent_day_is_said_and_the_built_in_reader_goes_on(tmp_path: Path, host: Hosting) -> None:
    """Nothing is sent any more; German is said not to be read, and English is."""
    async with opened_errands(tmp_path, host=host.host(), tokens_max=10) as errands:
        begun = await said(errands, **ENGLISH)
        assert begun["understood"]["reader"]["instead"].startswith("The 10 tokens a day for the model are used up")
        unsupported = await said(errands, GERMAN)
        assert (unsupported["outcome"], unsupported["reads"]) == ("unsupported", ["en"])
    assert host.asked == []


async def test_words_with_a_secret_stay_in_the_house(errands: Door, host: Hosting) -> None:
    """They are read here, and it is said why."""
    host.will_write(READ)
    begun = await said(errands, f"{ENGLISH['words']}, password: hunter2hunter2")
    assert "looks like a secret" in begun["understood"]["reader"]["instead"]
    assert host.asked == []


async def test_a_question_goes_on_with_the_whole_conversation(errands: Door, host: Hosting) -> None:
    """Each turn is read with those before it; nothing is begun until the wish is whole."""
    host.will_write({**READ, "party": None, "left": []}, {**READ, "party": {"quote": "4", "english": "4"}, "left": []})
    first = GERMAN.replace(" für vier Personen", "")
    asked = await said(errands, first)
    assert [one["asks"] for one in asked["questions"]] == ["For how many people?"]
    begun = await said(errands, "4", conversation=asked["conversation"])
    assert begun["understood"]["arguments"]["wish"]["party"] == 4
    assert f"{first}\\n4" in host.sent()


async def test_what_a_model_takes_for_nothing_is_unsupported(errands: Door, host: Hosting) -> None:
    """It is no question of the language then."""
    host.will_write({**NOTHING, "verb": "NONE"})
    unsupported = await said(errands, "Repariere bitte die Spüle")
    assert (unsupported["outcome"], unsupported["reads"]) == ("unsupported", [])


async def test_without_a_model_german_is_said_not_to_be_read(tmp_path: Path) -> None:
    """Never half of it: what would be read is said, and nothing is begun."""
    async with opened_errands(tmp_path) as errands:
        unsupported = await said(errands, GERMAN)
        assert (unsupported["outcome"], unsupported["reads"]) == ("unsupported", ["en"])
        assert "language" in unsupported["sentence"]
        assert (await errands.got("/api/runs"))["runs"] == []
        assert (await errands.got("/api/status"))["model"] is None


async def test_how_the_model_is_can_be_seen(errands: Door, host: Hosting) -> None:
    """Among the connectors it answers or says why not; the status counts its tokens and says when it is left alone."""
    host.will_write(READ)
    await said(errands, GERMAN)
    (shown,) = [one for one in await errands.got("/api/connectors") if one["port"] == "Models"]
    assert (shown["name"], shown["health"], shown["live"], shown["operations"]) == ("openai", "answers", True, [])
    status = (await errands.got("/api/status"))["model"]
    assert (status["name"], status["problem"], status["tokens_today"]) == (MODEL, None, TOKENS)

    host.script = [Says(status=503)]
    for _ in range(3):
        await said(errands, **ENGLISH)

    (shown,) = [one for one in await errands.got("/api/connectors") if one["port"] == "Models"]
    assert (shown["health"], "left alone" in shown["problem"]) == ("silent", True)
    assert "answered 503" in (await errands.got("/api/status"))["model"]["problem"]


async def test_the_key_is_nowhere(errands: Door, host: Hosting) -> None:
    """Neither in what is answered nor in any file, however rude the host is with it."""
    host.script = [Says(status=401, body=f'{{"error": {{"message": "bad key {KEY}"}}}}')]
    begun = await said(errands, **ENGLISH)
    answers = [str(await errands.got(path)) for path in ("/api/status", "/api/connectors", f"/api/runs/{begun['run']}")]
    assert not any(KEY in answer for answer in answers)
    files = [file for file in errands.practice.folder.rglob("*") if file.is_file()]
    assert [file for file in files if KEY.encode() in file.read_bytes()] == []
