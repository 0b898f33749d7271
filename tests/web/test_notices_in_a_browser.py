"""The page in a real browser: a person says how they want to be told, tries it, and follows a message to its gate."""

import re
from pathlib import Path

from playwright.async_api import expect

from haloop.web.pages import Begins, make_pages
from tests.api.conftest import opened_door
from tests.notices.post import ADDRESS, letter_text, post_office
from tests.web import test_passkeys_in_a_browser as browsers

pytestmark = browsers.pytestmark


async def test_a_person_is_told_and_follows_the_message_to_its_gate(tmp_path: Path) -> None:
    """An address is typed and tried; the next gate comes by mail, its link shows that gate, and nothing is decided."""
    async with post_office() as post, opened_door(tmp_path, mail=post.server) as door:
        async with browsers.Browser.opened(door) as browser:
            page = browser.page
            await page.get_by_label("Mail to").fill("ana@example.org")
            await page.get_by_label("Digest every day at").fill("08:00")
            await browser.click("Save")
            await expect(page.get_by_role("status")).to_have_text("Saved.")
            await browser.click("Try it")
            await expect(page.get_by_role("status")).to_contain_text("Sent by mail")
            run = await door.asked()
            await door.house.telling.look()
            link = re.search(r"http\S+", letter_text(post.letters[-1]))
            assert link is not None
            await page.reload()
            await expect(page.get_by_label("Mail to")).to_have_value("ana@example.org")
            door.app.include_router(make_pages(Begins(version="0", desks=["shop"], live=False)))
            await page.goto(link[0].replace(ADDRESS, door.address))
            await expect(page.get_by_role("button", name=re.compile("Approve €5.00"))).to_be_visible()
        kinds = await door.practice.kinds(run)
        kept = await door.house.telling.preferences(door.practice.account, door.ana)

    assert (kept.address, kept.mail, kept.digest_at) == ("ana@example.org", True, "08:00")
    assert post.recipients == [["ana@example.org"]] * 2
    assert browser.complaints == []
    assert kinds[-1] == "gate.opened"
