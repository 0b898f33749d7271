"""The page of settings and the settings themselves say the same."""

from pathlib import Path

import pytest

from haloop.setting import Setting
from haloop.settings import SETTINGS, Settings

PAGE = (Path(__file__).parent.parent / "docs/settings.md").read_text(encoding="utf-8")


def row(setting: Setting) -> str:
    """How the page must describe a setting."""
    default = Settings.default(setting)
    shown = "none" if default in (None, ()) else f"`{default}`"
    variables = ", ".join(
        f"`{alias.variable}`"
        + (f" (its folder `{alias.below}`)" if alias.below else "")
        + "".join(f" (`{words}` is `{meant}`)" for words, meant in alias.means.items())
        for alias in setting.variables
    )
    kind = setting.kind.word if setting.in_file else f"{setting.kind.word}; not in the file"
    return f"| `{setting.name}` | {setting.doc} | {shown} | {kind} | {variables} |"


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_the_page_describes_the_setting_as_it_is(setting: Setting) -> None:
    """Whoever reads the page reads the name, purpose, default, type and variables that count."""
    assert row(setting) in PAGE.splitlines()


def test_the_page_describes_nothing_else() -> None:
    """A setting that is gone is gone from the page."""
    described = [line.split("`")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    assert described == [setting.name for setting in SETTINGS]
