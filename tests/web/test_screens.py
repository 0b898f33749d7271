"""Pictures of the screens that matter, for somebody to look at: they lie in `.results/screens`, which git ignores."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.api.conftest import Door
from tests.web.conftest import visiting
from tests.web.test_kit import PHONE, WIDE
from tests.web.test_today import read_to_the_end

SCREENS = Path(__file__).parents[2] / ".results" / "screens"
WINDOWS = {
    "light": {"viewport": WIDE, "color_scheme": "light"},
    "dark": {"viewport": WIDE, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "color_scheme": "light"},
}


@pytest.mark.parametrize("window", WINDOWS)
async def test_each_screen_has_its_picture(chromium: Browser, live: Door, window: str) -> None:
    """Today, a sheet that takes a passkey, Activity, one run, and a receipt's page, each shown whole."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    async with visiting(chromium, live, **WINDOWS[window]) as visitor:
        page = visitor.page
        await visitor.devices()
        await visitor.open("/settings/devices")
        await page.get_by_role("button", name="Add a passkey").click()
        await expect(page.get_by_label("Recovery code").first).to_be_visible()
        waiting = await live.asked(item="wax")
        done = await live.asked(item="tea")
        await visitor.open(f"/?run={done}")
        await read_to_the_end(page)
        await page.keyboard.press("a")
        await expect(page.get_by_role("button", name="Save the receipt")).to_be_visible()
        screens = {
            "today": ("/", "Today"),
            "sheet": (f"/?run={waiting}", "Approve"),
            "activity": ("/activity", "Activity"),
            "execution": (f"/activity/{done}", "Approved beside executed"),
            "receipt": (f"/r/{done}", "A receipt"),
        }
        for name, (path, says) in screens.items():
            await visitor.open(path)
            await expect(page.get_by_text(says).first).to_be_visible()
            picture = await page.screenshot(path=SCREENS / f"{name}-{window}.png", full_page=True)
            assert len(picture) > 5_000
