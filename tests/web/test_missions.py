"""Missions in the app: begun, read, changed, sent back and finished by a person, in one window or in two."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Literal

import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Response, ViewportSize, expect

from haloop.connectors.agents.agents import SandboxedAgents
from haloop.connectors.agents.prompts import Prompts
from haloop.connectors.sandboxes.bubblewrap import Bubblewrap
from haloop.kernel.connector import Connector
from haloop.ports.agents import Agents
from haloop.ports.models import Expense, Spender
from haloop.testing.clock import START
from haloop.workshop.files import LedgerFiles
from haloop.workshop.folder import ARTIFACTS, FOLDER, LOGS, MissionFolders
from haloop.workshop.tail import TAIL_BYTES
from tests.connectors.agents.conftest import PROMPTS, shell
from tests.connectors.gateway.conftest import gateway
from tests.connectors.sandboxes.conftest import require
from tests.web.barriers import barriers, too_wide
from tests.web.conftest import Visitor, visiting
from tests.web.test_kit import PHONE, SMALLEST, WIDE
from tests.workshop.conftest import RESERVED, Shop, opened_shop
from tests.workshop.test_folder import until
from tests.workshop.test_long import grown
from tests.workshop.test_templates import CHAINED, SHORT, THREE

SIGHTS: tuple[tuple[Literal["light", "dark"], ViewportSize], ...] = (("light", WIDE), ("dark", PHONE))
PAINT_MS_MAX = 300
"""From a key to what it paints, on a machine that does much else; alone it is a tenth of that."""
DRAWN = "document.querySelectorAll('*').length"
MEGABYTE = 1_000_000
LOOK_AGAIN = "window.dispatchEvent(new Event('online'))"
"""What a browser says when it is on the net again: all that is shown is asked for anew."""
TIMES = """(area) => new Promise((done) => {
    const times = [];
    area.addEventListener("keydown", () => {
        const from = performance.now();
        requestAnimationFrame(() => setTimeout(() => times.push(performance.now() - from)));
    });
    area.addEventListener("times", () => done(times));
})"""


@pytest_asyncio.fixture(loop_scope="session")
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """A house with the missions desk, in the loop in which the browser is."""
    async with opened_shop(tmp_path) as shop:
        yield shop


@pytest_asyncio.fixture(loop_scope="session")
async def folders(shop: Shop) -> AsyncIterator[MissionFolders]:
    kept = MissionFolders(shop.missions)
    async with kept.kept():
        yield kept


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(chromium: Browser, shop: Shop) -> AsyncIterator[Visitor]:
    async with visiting(chromium, shop.door, viewport=WIDE) as visitor:
        yield visitor


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def editor(page: Page, file: str) -> Locator:
    return page.get_by_role("textbox", name=file, exact=True)


async def with_file(shop: Shop, content: str) -> str:
    """A mission that waits with a file that says this."""
    mission = await shop.begun()
    await shop.go_on(mission)
    await shop.detail(mission)
    assert (await shop.save(mission, "structured-text.md", content)).status_code == 200
    return mission


async def test_a_mission_is_walked_from_a_paragraph_to_its_end(shop: Shop, visitor: Visitor) -> None:
    """Two files are changed on the way; what was approved is what the next agent is given, to the byte."""
    page = visitor.page
    await page.get_by_role("link", name="Missions").click()
    await button(page, "New mission").first.click()
    await page.get_by_label("Title").fill("Dark mode")
    await page.get_by_label("What you want").fill("make it dark")
    await button(page, "Create the mission").click()
    await button(page, "Let it begin").click()

    await expect(editor(page, "structured-text.md")).to_have_value("# Output from cleanup\nmake it dark")
    await editor(page, "structured-text.md").fill("mine")
    await button(page, "Save draft").click()
    await expect(button(page, "Save draft")).to_have_count(0)
    await button(page, "Approve and continue").click()
    await expect(editor(page, "research-output.md")).to_have_value("# Output from research\nmine")
    await editor(page, "research-output.md").fill("mine again")
    await button(page, "Save and approve").click()
    await expect(editor(page, "implementation-plan.md")).to_have_value("# Output from planning\nmine again")
    await button(page, "Approve and continue").click()
    await expect(editor(page, "implementation-result.json")).to_be_editable()
    await button(page, "Approve and continue").click()

    await expect(page.get_by_text("This mission is over")).to_be_visible()
    await expect(page.locator("[data-standing=done]")).to_have_count(8)


async def test_a_mission_is_sent_back_with_a_reason(shop: Shop, visitor: Visitor) -> None:
    """The step that was named does it again and hears why; what was made after it is said to be stale."""
    mission = await shop.begun()
    for _ in range(2):
        await shop.go_on(mission)
    shop.agent.instead.append("wait")
    page = visitor.page
    await visitor.open(f"/missions/{mission}")
    await button(page, "Send back").click()
    await page.get_by_label("To which step").select_option(label="Cleanup")
    await page.get_by_label("What should be different").fill("shorter, please")
    await button(page, "Send it back").click()

    await expect(page.get_by_text("Cleanup: cleanup-agent is at work")).to_be_visible()
    await expect(page.locator("[data-standing=stale]")).to_have_count(1)
    await expect(page.get_by_text("from before it was sent back")).to_have_count(2)
    shop.agent.goes_on.set()
    await expect(editor(page, "structured-text.md")).to_be_editable()
    assert (shop.agent.told[-1].step, shop.agent.told[-1].why) == ("cleanup", "shorter, please")


async def test_of_two_windows_that_save_one_file_neither_loses_anything(
    chromium: Browser, shop: Shop, visitor: Visitor
) -> None:
    """The second sees both, cannot approve before it chose, and saves over what it has seen."""
    mission = await shop.begun()
    await shop.go_on(mission)
    page = visitor.page
    await visitor.open(f"/missions/{mission}")
    await editor(page, "structured-text.md").fill("mine")
    async with visiting(chromium, shop.door, viewport=WIDE) as other:
        await other.open(f"/missions/{mission}")
        await editor(other.page, "structured-text.md").fill("theirs")
        await button(other.page, "Save draft").click()
        await expect(button(other.page, "Save draft")).to_have_count(0)

        await expect(page.get_by_text("Somebody saved this file while you wrote").first).to_be_visible()
        both = page.get_by_role("group", name="Theirs and yours")
        await expect(both).to_contain_text("-theirs")
        await expect(both).to_contain_text("+mine")
        await expect(editor(page, "structured-text.md")).to_have_value("mine")
        await expect(button(page, "Save and approve")).to_have_attribute("aria-disabled", "true")
        assert await barriers(page) == []
        await button(page, "Save mine over it").click()

        await expect(button(page, "Approve and continue")).to_have_attribute("aria-disabled", "false")
        await expect(editor(other.page, "structured-text.md")).to_have_value("mine")


async def test_a_step_that_failed_is_tried_again_and_what_it_writes_is_seen(
    shop: Shop, folders: MissionFolders, visitor: Visitor
) -> None:
    """The failure says why, and with it is what the agent wrote; while the second attempt works its last lines are."""
    shop.agent.instead.extend(["fall", "wait"])
    mission = await shop.begun()
    await shop.go_on(mission)
    logs = shop.practice.home / FOLDER / mission / LOGS
    logs.mkdir(parents=True, exist_ok=True)
    attempt = (await shop.detail(mission))["runs"][-1]["run_id"]
    (logs / f"{attempt}.log").write_text("It may not write there.\n", encoding="utf-8")
    page = visitor.page
    await visitor.open(f"/missions/{mission}")
    await expect(page.get_by_text("It left no structured-text.md.")).to_be_visible()
    log = page.get_by_role("group", name="What the agent writes")
    await expect(log).to_have_text("It may not write there.")
    await button(page, "Try the step again").click()
    await expect(page.get_by_text("Cleanup: cleanup-agent is at work")).to_be_visible()

    attempt = (await shop.detail(mission))["runs"][-1]["run_id"]
    (logs / f"{attempt}.log").write_text("\n".join(f"reading {n}" for n in range(2_000)), encoding="utf-8")

    await expect(log).to_contain_text("reading 1999")
    assert len((await log.inner_text()).splitlines()) == 100
    shop.agent.goes_on.set()
    await expect(editor(page, "structured-text.md")).to_be_editable()
    await expect(page.get_by_text("exit code 0")).to_have_count(2)
    await expect(page.get_by_text("12,750 tokens for $0.051")).to_have_count(1)


async def test_what_the_attempt_at_work_uses_is_seen_as_it_grows(shop: Shop, visitor: Visitor) -> None:
    """Each call to a model is seen on the page, though nothing happens in the mission that the stream could tell."""
    shop.agent.instead.append("call")
    mission = await shop.begun()
    page = visitor.page
    await visitor.open(f"/missions/{mission}")
    await button(page, "Let it begin").click()
    await expect(page.get_by_text("11,192 tokens for $0.132")).to_be_visible()

    (task,) = shop.agent.told
    spender = Spender(household=task.account, mission=mission, attempt=task.attempt)
    assert shop.agent.spending.reserve(Expense(spender=spender, at_most=RESERVED), now=START) is not None

    await expect(page.get_by_text("22,384 tokens for $0.264")).to_be_visible()
    shop.agent.goes_on.set()


async def test_a_mission_that_stands_still_says_why_and_is_ended_on_its_page(chromium: Browser, shop: Shop) -> None:
    """Its history is full: the page does what it says, tries again where somebody wants that, or ends it."""
    mission = await grown(shop, left=0)
    await shop.go_on(mission)
    async with visiting(chromium, shop.door, viewport=WIDE) as visitor:
        page = visitor.page
        await visitor.open(f"/missions/{mission}")

        await expect(page.get_by_text("mark it completed, and begin another")).to_be_visible()
        await expect(button(page, "Try the step again")).to_be_visible()
        await button(page, "Mark completed").click()
        await page.get_by_role("group").get_by_role("button", name="Mark completed", exact=True).click()

        await expect(page.get_by_text("This mission is over")).to_be_visible()


async def test_what_an_agent_may_not_do_is_answered_on_the_mission_s_page(shop: Shop, visitor: Visitor) -> None:
    """The sheet shows the act in full, and a yes there lets the agent go on."""
    shop.agent.instead.append("ask")
    mission = await shop.begun()
    await shop.go_on(mission)
    page = visitor.page
    await visitor.open(f"/missions/{mission}")
    await expect(page.get_by_role("heading", name="An agent asks: Dark mode")).to_be_visible()
    await expect(page.get_by_text("rm -r build")).to_be_visible()
    await button(page, "Approve").click()
    await expect(editor(page, "structured-text.md")).to_be_editable()
    assert [one.allowed for one in shop.agent.told[-1].permissions] == [True]


async def written_by_hand(shop: Shop) -> tuple[str, Path, str]:
    """A mission at its first file, which somebody wrote into its folder; that file, and what stands."""
    mission = await shop.begun()
    await shop.go_on(mission)
    file = shop.practice.home / FOLDER / mission / ARTIFACTS / "structured-text.md"
    await until(file.exists)
    stands = file.read_text(encoding="utf-8")
    file.write_text("by hand", encoding="utf-8")
    return mission, file, stands


async def test_what_somebody_wrote_into_the_folder_is_taken_over_by_a_person_alone(
    shop: Shop, folders: MissionFolders, visitor: Visitor
) -> None:
    """It is shown beside what stands, and counts once it was taken over and saved."""
    mission, *_ = await written_by_hand(shop)
    page = visitor.page
    await visitor.open(f"/missions/{mission}")

    await expect(page.get_by_label("What is different in the folder")).to_contain_text("+by hand")
    await button(page, "Take it over").click()
    await button(page, "Save draft").click()

    await expect(button(page, "Save draft")).to_have_count(0)
    assert (await shop.detail(mission))["artifacts"]["structured-text.md"] == "by hand"


async def test_words_of_an_agent_are_never_more_than_words(shop: Shop, visitor: Visitor) -> None:
    """In the preview HTML is text, no picture is fetched, and a link that is no address leads nowhere."""
    mission = await with_file(
        shop,
        "# Plan\n\n<img src=x onerror=alert(1)> ![spy](https://example.org/p.png)\n\n"
        "[here](https://example.org) [there](javascript:alert(1))\n",
    )
    page = visitor.page
    await visitor.open(f"/missions/{mission}")
    await button(page, "Preview").click()

    await expect(page.get_by_role("heading", name="Plan")).to_be_visible()
    await expect(page.get_by_text("<img src=x onerror=alert(1)>")).to_be_visible()
    assert await page.locator("main img").count() == 0
    await expect(page.get_by_role("link", name="here", exact=True)).to_have_attribute(
        "rel", "noopener noreferrer nofollow"
    )
    assert await page.get_by_role("link", name="there").count() == 0


async def test_a_megabyte_is_typed_into_without_waiting(shop: Shop, visitor: Visitor) -> None:
    """Each letter is painted at once."""
    line = "a line of a long text, as an agent may well write it\n"
    mission = await with_file(shop, line * (MEGABYTE // len(line)))
    page = visitor.page
    await visitor.open(f"/missions/{mission}")
    area = editor(page, "structured-text.md")
    await area.click()
    await page.keyboard.type("a")
    await expect(button(page, "Save draft")).to_be_visible()
    measured = asyncio.create_task(area.evaluate(TIMES))
    await page.keyboard.type("quick enough", delay=80)
    await area.dispatch_event("times")

    times = await measured
    print(f"key to paint: {median(times):.0f} ms")  # the figure that the page is held to
    assert median(times) < PAINT_MS_MAX


async def test_fifty_megabytes_of_log_are_passed_over_to_their_end(chromium: Browser, tmp_path: Path) -> None:
    """An agent in its sandbox writes faster than anybody reads: each look fetches the last lines alone, and not the
    mission with its files; the page holds no more of it than of a short log, and says how much it passed over."""
    require("bubblewrap")
    async with talked_in(tmp_path) as shop:
        line = "a line of a long text, as somebody may well write it\n"
        mission = await shop.begun(rawInput=line * (MEGABYTE // len(line)))
        async with visiting(chromium, shop.door, viewport=WIDE) as visitor:
            page = visitor.page
            await visitor.open(f"/missions/{mission}")
            await button(page, "Let it begin").click()
            log = page.get_by_role("group", name="What the agent writes")
            await expect(log).to_have_text("begun\n")
            await expect(page.get_by_text("stand before them")).to_have_count(0)
            drawn = await page.evaluate(DRAWN)

            asked = list[Response]()
            page.on("response", lambda one: asked.append(one))  # noqa: PLW0108  # it marks what it is given
            (work,) = (shop.practice.home / FOLDER / mission / "work").iterdir()
            (work / "go").touch()
            await expect(log).to_contain_text("over")
            await seen_again(page, mission, looks=3)

            looks = [one for one in asked if one.url.endswith("/log")]
            assert len([one for one in asked if one.url.endswith(mission)]) <= len(looks) // 2
            assert max([len(await one.body()) for one in looks]) < 2 * TAIL_BYTES
            await expect(page.get_by_text("50 MB stand before them")).to_be_visible()
            assert await page.evaluate(DRAWN) <= drawn + 1
        await shop.door.client.post(f"/api/missions/{mission}/mark-completed")
        await shop.practice.engine.settled()


async def seen_again(page: Page, mission: str, looks: int) -> None:
    """After so many looks more, at what moves no longer."""
    for _ in range(looks):
        async with page.expect_response(f"**/{mission}/log"):
            pass


@asynccontextmanager
async def talked_in(folder: Path) -> AsyncIterator[Shop]:
    """A shop whose agent, in bubblewrap, waits to be told to write fifty megabytes, and stays after that."""
    writes = "until [ -e go ]; do sleep 0.05; done; yes 'a line of a log' | head -c 50000000; echo over; sleep 1000"

    def agents(files: LedgerFiles) -> list[Connector]:
        speaks = SandboxedAgents(
            {"cleanup-agent": shell(f"echo begun; {writes}")},
            missions=folder / "home" / FOLDER,
            files=files,
            sandboxes=Bubblewrap(folder / "runtime", "a"),
            prompts=Prompts(PROMPTS),
            gateway=no_models,
            at_once_max=1,
        )
        return [Connector(port=Agents, speaks=speaks, name="agents")]

    with gateway(folder) as no_models:
        async with opened_shop(folder, agents=agents) as shop:
            yield shop


async def test_the_keyboard_alone_is_enough(shop: Shop, visitor: Visitor) -> None:
    """From the rail to an approved file, without a mouse."""
    keys = visitor.page.keyboard
    await keys.press("g")
    await keys.press("m")
    await expect(button(visitor.page, "New mission")).to_be_visible()
    await keys.press("n")
    await expect(visitor.page.get_by_label("Title")).to_be_focused()
    await keys.type("By keys")
    for _ in range(2):
        await keys.press("Tab")
    await keys.type("no mouse")
    await keys.press("Tab")
    await keys.press("Enter")
    await expect(button(visitor.page, "Let it begin")).to_have_attribute("aria-disabled", "false")
    await keys.press("a")
    await keys.press("Enter")
    await expect(editor(visitor.page, "structured-text.md")).to_be_editable()
    await editor(visitor.page, "structured-text.md").focus()
    await keys.type("typed: ")
    await keys.press("Control+s")
    await expect(button(visitor.page, "Approve and continue")).to_have_attribute("aria-disabled", "false")
    await keys.press("Tab")
    await keys.press("a")
    await keys.press("Enter")
    await expect(editor(visitor.page, "research-output.md")).to_be_editable()
    assert "typed: " in await editor(visitor.page, "research-output.md").input_value()


async def test_nobody_is_kept_out_of_missions(chromium: Browser, shop: Shop) -> None:
    """axe finds nothing in the list, the form, and a mission in each view, light and dark; at 320 px nothing is cut."""
    window = {"color_scheme": "light", "reduced_motion": "reduce"}
    async with visiting(chromium, shop.door, viewport=WIDE, **window) as visitor:
        page = visitor.page
        await visitor.open("/missions")
        await expect(page.get_by_text("No mission yet.")).to_be_visible()
        assert await barriers(page) == []
        mission = await shop.begun()
        await shop.go_on(mission)
        await visitor.open(f"/missions/{mission}")
        for scheme, size in SIGHTS:
            await page.emulate_media(color_scheme=scheme)
            await page.set_viewport_size(size)
            for view in ("Text", "Difference", "Preview"):
                await button(page, view).click()
                await expect(page.locator("[aria-busy]")).to_have_count(0)
                assert await barriers(page) == []
        await page.evaluate("localStorage.setItem('haloop language', 'pseudo')")
        await page.set_viewport_size(SMALLEST)
        for place in (f"/missions/{mission}", "/missions"):
            await visitor.open(place)
            await expect(page.get_by_role("heading", level=1)).to_be_visible()
            await expect(page.locator("[aria-busy]")).to_have_count(0)
            assert await too_wide(page) == []


async def test_what_somebody_wrote_into_the_folder_is_put_back(
    shop: Shop, folders: MissionFolders, visitor: Visitor
) -> None:
    """It is asked about once more; then the file says again what stands, and nothing is shown of it any more."""
    mission, file, stands = await written_by_hand(shop)
    page = visitor.page
    await visitor.open(f"/missions/{mission}")

    await button(page, "Put back what stands").click()
    asked = page.get_by_role("group", name="Drop what was written into the folder?")
    await asked.get_by_role("button", name="Put back what stands").click()

    await expect(page.get_by_label("What is different in the folder")).to_have_count(0)
    assert file.read_text(encoding="utf-8") == stands


async def test_a_yes_to_put_back_is_to_all_that_was_written(
    shop: Shop, folders: MissionFolders, visitor: Visitor
) -> None:
    """What is changed behind the megabyte that is shown closes the open question, and is told where that was left."""
    mission = await shop.begun()
    await shop.go_on(mission)
    file = shop.practice.home / FOLDER / mission / ARTIFACTS / "structured-text.md"
    await until(file.exists)
    shown = "by hand\n" + " " * (1 << 20)
    file.write_text(f"{shown}seen", encoding="utf-8")
    page = visitor.page
    asked = page.get_by_role("group", name="Drop what was written into the folder?")
    await visitor.open(f"/missions/{mission}")
    await expect(page.get_by_text("What is shown and taken over here is its first 1 MiB")).to_be_visible()

    await button(page, "Put back what stands").click()
    await expect(asked).to_be_visible()
    file.write_text(f"{shown}newer", encoding="utf-8")
    await page.evaluate(LOOK_AGAIN)
    await expect(asked).to_have_count(0)

    await button(page, "Leave it").click()
    await expect(button(page, "Put back what stands")).to_have_count(0)
    file.write_text(f"{shown}newest", encoding="utf-8")
    await page.evaluate(LOOK_AGAIN)
    await expect(button(page, "Put back what stands")).to_be_visible()
    assert file.read_text(encoding="utf-8") == f"{shown}newest"


async def test_a_step_that_acts_without_asking_is_told_where_a_yes_lets_it(shop: Shop, visitor: Visitor) -> None:
    """At the first gate and at the one right before it, and in the list of steps; after it nobody is told any more."""
    (shop.practice.home / "workflows" / "three.yaml").write_text(THREE, encoding="utf-8")
    mission = await shop.begun(workflow="three")
    page = visitor.page
    told = page.get_by_text("Steps that act without asking: Do.")

    await visitor.open(f"/missions/{mission}")
    await expect(told).to_be_visible()
    steps = page.get_by_role("list", name="Steps").get_by_role("listitem")
    await expect(steps.nth(0)).to_contain_text("is refused what it asks for")
    await expect(steps.nth(2)).to_contain_text("acts without asking")
    await button(page, "Let it begin").click()
    await expect(editor(page, "a.md")).to_be_visible()
    await expect(told).to_be_visible()
    await button(page, "Approve and continue").click()
    await expect(editor(page, "b.md")).to_be_visible()
    await expect(told).to_have_count(0)


async def test_a_yes_to_a_step_itself_tells_which_one_acts_after_it_too(shop: Shop, visitor: Visitor) -> None:
    """Where it asks for something, where it is tried again, and among the steps that a mission may be sent back to."""
    (shop.practice.home / "workflows" / "chained.yaml").write_text(CHAINED, encoding="utf-8")
    shop.agent.instead.extend(["ask", "fall"])
    mission = await shop.begun(workflow="chained")
    await shop.go_on(mission)
    page = visitor.page
    told = page.get_by_text("Steps that act without asking: Do.")

    await visitor.open(f"/missions/{mission}")
    await expect(page.get_by_role("heading", name="An agent asks: Dark mode")).to_be_visible()
    await expect(told).to_be_visible()
    await button(page, "Approve").click()
    await expect(page.get_by_text("It left no a.md.")).to_be_visible()
    await expect(told).to_be_visible()
    await button(page, "Try the step again").click()
    await expect(editor(page, "b.md")).to_be_visible()
    await expect(page.get_by_text("Steps that act without asking: More.")).to_be_visible()
    await button(page, "Send back").click()
    options = page.get_by_label("To which step").get_by_role("option")
    await expect(options).to_have_text(["Do, acts without asking", "Ask"])


async def test_what_was_written_after_the_page_was_shown_is_not_put_back(
    shop: Shop, folders: MissionFolders, visitor: Visitor
) -> None:
    """It says why, shows what is there now, and asks anew; a second yes is to that."""
    _, file, stands = await written_by_hand(shop)
    page = visitor.page
    async with page.expect_response("**/api/events"):  # whose beginning makes all old that was read before it
        await visitor.open("/missions")
    await page.get_by_role("link", name="Dark mode").click()
    shown = page.get_by_label("What is different in the folder")
    await expect(shown).to_contain_text("+by hand")
    file.write_text("newer", encoding="utf-8")

    asked = page.get_by_role("group", name="Drop what was written into the folder?")
    await button(page, "Put back what stands").click()
    await asked.get_by_role("button", name="Put back what stands").click()

    await expect(page.get_by_text("in the mission's folder was changed since you saw it")).to_be_visible()
    await expect(shown).to_contain_text("+newer")
    assert file.read_text(encoding="utf-8") == "newer"
    visitor.complaints.clear()  # the browser's own line about the refusal
    await button(page, "Put back what stands").click()
    await asked.get_by_role("button", name="Put back what stands").click()
    await expect(shown).to_have_count(0)
    assert file.read_text(encoding="utf-8") == stands


async def test_a_new_mission_follows_the_workflow_that_was_chosen(shop: Shop, visitor: Visitor) -> None:
    """Where there is more than one the form offers them, and says which template cannot be followed."""
    for name, text in (("short.yaml", SHORT), ("broken.yaml", "steps: 3\n")):
        (shop.practice.home / "workflows" / name).write_text(text, encoding="utf-8")
    page = visitor.page
    await visitor.open("/missions")
    await button(page, "New mission").first.click()

    await expect(page.get_by_label("Workflow")).to_have_value("standard-feature")
    await expect(page.get_by_text("workflows/broken.yaml, line 1, cannot be followed")).to_be_visible()
    await page.get_by_label("Title").fill("Dark mode")
    await page.get_by_label("Workflow").select_option("short")
    await page.get_by_label("What you want").fill("make it dark")
    await button(page, "Create the mission").click()

    await expect(page.get_by_role("list", name="Steps").get_by_role("listitem")).to_have_count(2)
