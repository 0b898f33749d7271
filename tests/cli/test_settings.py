"""`haloop init`, `link` and `settings`: what a home says of itself, and that a person's file stays theirs."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from haloop.config_file import fresh_text, toml_string, with_text
from haloop.kernel.errors import BadInput
from haloop.settings import SETTINGS, Settings, named_values
from tests.cli.conftest import Haloop
from tests.store.conftest import Place


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A git work tree."""
    path = tmp_path / 'a "project"'
    subprocess.run(["git", "init", "--quiet", path], check=True)
    return path


def test_init_makes_a_home_and_says_what_it_made(haloop: Haloop, place: Place) -> None:
    """The folders are there for their owner alone, and the file explains every setting and says nothing yet."""
    said = haloop("init", "--json")

    assert said.document["made"] == [
        *("the folder", "config.toml", "missions/", "workflows/", "runtime/", "logs/"),
        "workflows/standard-feature.yaml",
    ]
    assert {path.name for path in place.home.iterdir() if path.is_dir()} == {"missions", "workflows", "runtime", "logs"}
    assert {path.stat().st_mode & 0o077 for path in place.home.iterdir()} == {0}
    text = (place.home / "config.toml").read_text()
    assert all(setting.doc in text for setting in SETTINGS if setting.in_file)
    assert dict(named_values(text)) == {}


def test_a_second_init_makes_what_is_missing_and_leaves_the_rest(haloop: Haloop, place: Place) -> None:
    """An edited file stays as it was edited."""
    haloop("init")
    (place.home / "config.toml").write_text("# mine\n")
    (place.home / "logs").rmdir()
    said = haloop("init", "--json")

    assert said.document["made"] == ["logs/"]
    assert (place.home / "config.toml").read_text() == "# mine\n"


def test_every_default_in_a_fresh_file_can_be_uncommented(place: Place) -> None:
    """Each commented line, without its "#", is read and is the default it claims to be."""
    text = "\n".join(line.removeprefix("# ") if " = " in line else line for line in fresh_text().split("\n"))
    place.home.mkdir()
    (place.home / "config.toml").write_text(text)
    read = Settings.read({}, home=place.home)

    assert dict(named_values(text)).keys() == {setting.name for setting in SETTINGS if setting.in_file}
    assert read.project_linked == Path("/path/to/a/repository")
    assert read.server_port == 4000


def test_settings_says_each_value_who_said_it_and_what_it_is_for(
    haloop: Haloop, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person and a program read the same of every setting."""
    monkeypatch.setenv("PORT", "4321")
    on_paper = haloop("settings").out
    found = {one["name"]: one for one in haloop("settings", "--json").document["settings"]}

    assert re.search(r"^server\.port +4321  \(environment PORT\)$", on_paper, re.MULTILINE)
    assert found["server.port"]["value"] == 4321
    assert found["server.port"]["source"] == "environment"
    assert found["home"]["value"] == str(place.home)
    assert found["web.allowed_origins"]["value"] == []
    assert all(setting.doc in on_paper for setting in SETTINGS)


def test_a_setting_that_does_not_fit_stops_every_command_but_not_its_help(haloop: Haloop, place: Place) -> None:
    """A person is told where it stands; whoever asks for help still gets it."""
    haloop("init")
    (place.home / "config.toml").write_text("[server]\nport = 'x'\n")

    said = haloop("status", "--json")
    assert said.code == 2
    assert said.document["error"]["code"] == "settings.bad"
    assert "config.toml:2" in said.document["error"]["sentence"]
    assert haloop("status", "--help").code == 0


def test_link_writes_one_key_and_leaves_the_rest(haloop: Haloop, place: Place, project: Path, tmp_path: Path) -> None:
    """A person's comments stay, and a folder inside the work tree links the work tree."""
    haloop("init")
    file = place.home / "config.toml"
    before = file.read_text()
    (project / "inside").mkdir()
    first = haloop("link", project / "inside", "--json")
    linked_once = file.read_text()
    subprocess.run(["git", "init", "--quiet", tmp_path / "other"], check=True)
    second = haloop("link", tmp_path / "other", "--json")

    assert first.document == {"earlier": None, "linked": str(project)}
    assert second.document == {"earlier": str(project), "linked": str(tmp_path / "other")}
    assert [line for line in linked_once.split("\n") if line not in before.split("\n")] == [
        f"linked = {toml_string(str(project))}"
    ]
    assert file.read_text() == linked_once.replace(toml_string(str(project)), toml_string(str(tmp_path / "other")))


def test_link_means_here_where_no_path_is_given(
    haloop: Haloop, place: Place, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a path it is the work tree one stands in, and a home is made if there is none."""
    monkeypatch.chdir(project)
    assert haloop("link").code == 0
    assert Settings.read({}, home=place.home).project_linked == project


def test_link_says_so_where_the_environment_wins(
    haloop: Haloop, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody believes a project linked that is not the one that counts."""
    monkeypatch.setenv("HALOOP_PROJECT_LINKED", "/elsewhere")
    assert "/elsewhere, and wins" in haloop("link", project).out


def test_a_link_to_the_file_stays_a_link(haloop: Haloop, place: Place, project: Path, tmp_path: Path) -> None:
    """Whoever keeps config.toml elsewhere and links it finds the change there."""
    place.home.mkdir()
    (tmp_path / "kept.toml").write_text("# kept\n")
    (place.home / "config.toml").symlink_to(tmp_path / "kept.toml")
    haloop("link", project)

    assert (place.home / "config.toml").is_symlink()
    assert (tmp_path / "kept.toml").read_text().startswith("# kept\n")
    assert Settings.read({}, home=place.home).project_linked == project


@pytest.mark.parametrize("kind", ["a folder", "a bare repository", "a git folder", "nothing"])
def test_what_is_no_work_tree_is_not_linked(
    haloop: Haloop, place: Place, project: Path, tmp_path: Path, kind: str
) -> None:
    """It is refused by name, and no home is made for it."""
    (tmp_path / "plain").mkdir()
    subprocess.run(["git", "init", "--quiet", "--bare", tmp_path / "bare"], check=True)
    paths = {"a folder": "plain", "a bare repository": "bare", "nothing": "nowhere"}
    said = haloop("link", tmp_path / paths[kind] if kind in paths else project / ".git", "--json")

    assert said.code == 2
    assert said.document["error"]["code"] == "link.no_work_tree"
    assert not place.home.exists()


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("", '[project]\nlinked = "/n"\n'),
        ("# mine", '# mine\n\n[project]\nlinked = "/n"\n'),
        ("[project]\n# linked = 1\n# end", '[project]\n# linked = 1\nlinked = "/n"\n# end'),
        ("[web]\n# linked = 1\n[ project ] # p\n", '[web]\n# linked = 1\n[ project ] # p\nlinked = "/n"\n'),
        ("[project]\nlinked = '/o' # why\n[web]\n", '[project]\nlinked = "/n" # why\n[web]\n'),
        ('project.linked="/\\"o"\n', 'project.linked="/n"\n'),
        ("project = { 'linked' = '/o' }\n", "project = { 'linked' = \"/n\" }\n"),
        ("[project]\r\nlinked = '/o'\r\n", '[project]\r\nlinked = "/n"\r\n'),
        ("project.linked = '''\n/o'''\n", None),
        ("# a\nproject = {}\n", None),
    ],
)
def test_a_value_is_put_into_a_file_without_touching_the_rest(text: str, changed: str | None) -> None:
    """However the file spells it, only the value changes; where that cannot be, the file is left alone."""
    if changed is None:
        with pytest.raises(BadInput, match="without changing more"):
            with_text(text, "project.linked", "/n")
    else:
        assert with_text(text, "project.linked", "/n") == changed


@pytest.mark.parametrize("path", ['/a "b"', "/a\\b", "/tab\there", "/del\x7f", "/ünï/日本", "/line\nbreak", "/{'}#"])
def test_any_path_reads_back_as_it_was_written(path: str) -> None:
    """Quotes, controls and other letters in a path survive the file."""
    assert dict(named_values(with_text("[project]\nlinked = '/o'\n", "project.linked", path))) == {
        "project.linked": path
    }


def test_a_path_that_is_no_text_is_refused(haloop: Haloop, place: Place, tmp_path: Path) -> None:
    """A name that TOML cannot hold is a sentence, not a broken file."""
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    subprocess.run(["git", "init", "--quiet", odd], check=True)
    assert haloop("link", odd).code == 2
    assert not place.home.exists()
