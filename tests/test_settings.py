"""Settings are what the nearest voice says, from a flag down to the default; what nobody could mean is refused."""

from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from haloop.kernel.errors import BadInput, Exit
from haloop.setting import Setting, Source
from haloop.settings import SETTINGS, Settings

BY_NAME = {setting.name: setting for setting in SETTINGS}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def write(home: Path, text: str) -> Path:
    """A home with a file of settings."""
    home.mkdir()
    file = home / "config.toml"
    file.write_text(text)
    return file


def refused(home: Path, environment: dict[str, str] | None = None) -> BadInput:
    """What reading says no with."""
    with pytest.raises(BadInput) as met:
        Settings.read(environment or {}, home=home)
    assert met.value.exit is Exit.USAGE
    return met.value


def test_where_nobody_says_anything_the_defaults_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without flags, variables and a file everything has a value, and says that it is the default."""
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = Settings.read({})
    assert settings == Settings(home=tmp_path / ".haloop", state=tmp_path / ".local/state/haloop")
    assert (settings.server_host, settings.server_port, settings.web_allowed_origins) == ("127.0.0.1", 4000, ())
    assert {settings.origin(setting).source for setting in SETTINGS} == {Source.DEFAULT}


def test_a_flag_wins_over_the_environment_that_over_the_file_that_over_the_default(home: Path) -> None:
    """The port is what the nearest voice says, and remembers whose it was."""
    port = BY_NAME["server.port"]
    by_default = Settings.read({}, home=home)
    file = write(home, "# mine\n[server]\nport = 1\n")
    by_file = Settings.read({}, home=home)
    by_alias = Settings.read({"PORT": "2"}, home=home)
    by_name = Settings.read({"PORT": "2", "HALOOP_SERVER_PORT": "3"}, home=home)
    by_flag = by_name.with_flags({"server.port": 4, "server.host": None})
    steps = [by_default, by_file, by_alias, by_name, by_flag]
    assert [settings.server_port for settings in steps] == [4000, 1, 2, 3, 4]
    assert [str(settings.origin(port)) for settings in steps] == [
        "default",
        f"file {file}:3",
        "environment PORT",
        "environment HALOOP_SERVER_PORT",
        "flag",
    ]


def test_every_setting_can_be_said_in_the_file(home: Path) -> None:
    """The file holds all but the home it lies in."""
    write(
        home,
        'state = "/var/state"\nserver = { host = "::1", port = 0 }\n'
        'web.allowed_origins = [\n  "https://example.org",\n  "http://localhost:5173",\n]\n'
        '[project]\nlinked = "/code"\n',
    )
    settings = Settings.read({}, home=home)
    assert settings == Settings(
        home=home,
        state=Path("/var/state"),
        server_host="::1",
        server_port=0,
        web_allowed_origins=("https://example.org", "http://localhost:5173"),
        project_linked=Path("/code"),
    )
    assert str(settings.origin(BY_NAME["web.allowed_origins"])).endswith("config.toml:3")


def test_every_setting_can_be_said_in_the_environment(home: Path) -> None:
    """Lists are spelled with commas, folders from where one stands; an empty variable says nothing."""
    settings = Settings.read(
        {
            "HALOOP_HOME": str(home),
            "HALOOP_STATE": "near",
            "XDG_STATE_HOME": "/elsewhere",
            "HALOOP_SERVER_HOST": "localhost",
            "PORT": "",
            "HALOOP_WEB_ALLOWED_ORIGINS": "https://a.example, https://b.example",
            "HALOOP_PROJECT_LINKED": "/code",
        }
    )
    assert settings == Settings(
        home=home,
        state=Path("near").absolute(),
        server_host="localhost",
        web_allowed_origins=("https://a.example", "https://b.example"),
        project_linked=Path("/code"),
    )


def test_the_state_folder_of_the_system_is_shared_with_others(home: Path) -> None:
    """XDG_STATE_HOME names everybody's folder, so ours is one below it."""
    assert Settings.read({"XDG_STATE_HOME": "/s"}, home=home).state == Path("/s/haloop")


@pytest.mark.parametrize(
    ("text", "line", "nearest"),
    [
        ("[server]\nhost = '127.0.0.1'\nprot = 1\n", 3, "server.port"),
        ("\n[srever]\n", 2, "server.port"),
        ("[server]\n[web]\nallowed_origin = []\n", 3, "web.allowed_origins"),
        ("[server.port]\nnumber = 1\n", 2, "server.port"),
        ('"server.port" = 1\n', 1, "server.port"),
        ("[[server]]\n", 1, "server.port"),
        ("home = '/x'\n", 1, "HALOOP_HOME"),
        ("account = 'Garden'\n", 1, "HALOOP_ACCOUNT"),
    ],
)
def test_an_unknown_key_is_refused_with_its_line_and_the_nearest(
    home: Path, text: str, line: int, nearest: str
) -> None:
    """A slip in the file is told with the place and the name that was probably meant."""
    file = write(home, text)
    error = refused(home)
    assert error.code == "settings.unknown"
    assert f"{file}:{line}:" in error.sentence
    assert nearest.split(".", maxsplit=1)[0] in error.sentence.rpartition("nearest is ")[2]


def test_an_unknown_variable_is_refused_with_the_nearest(home: Path) -> None:
    """A slip in a variable is not silently without effect."""
    error = refused(home, {"HALOOP_SERVER_PROT": "1"})
    assert error.code == "settings.unknown"
    assert "HALOOP_SERVER_PROT" in error.sentence
    assert "HALOOP_SERVER_PORT" in error.sentence


@pytest.mark.parametrize(
    "text",
    [
        "server.port = '4000'",
        "server.port = true",
        "server.port = 4000.0",
        "server.port = -1",
        "server.port = 65536",
        "server.host = 1",
        "server.host = ''",
        "web.allowed_origins = 'https://a.example'",
        "web.allowed_origins = [1]",
        "web.allowed_origins = ['*']",
        "web.allowed_origins = ['https://*.example']",
        "web.allowed_origins = ['https://a.example/']",
        "web.allowed_origins = ['a.example']",
        "project.linked = 'code'",
        "project.linked = []",
        'project.linked = "/co\\u0000de"',
        "state = '~nobody-of-this-name/x'",
        "[server.port]",
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_place(home: Path, text: str) -> None:
    """Nothing is made to fit: the setting, its value and its line are told."""
    file = write(home, f"\n{text}\n")
    error = refused(home)
    assert error.code == "settings.bad"
    assert f"{file}:2" in error.sentence


@pytest.mark.parametrize("words", ["x", "-1", "65536", "4_000", "४०००", "1e3", "9" * 5000])
def test_a_variable_that_is_no_port_is_refused(home: Path, words: str) -> None:
    """What is read as a number is digits, and a port."""
    error = refused(home, {"PORT": words})
    assert error.code == "settings.bad"
    assert "environment PORT" in error.sentence


@pytest.mark.parametrize(
    "raw",
    [b"server = {", b"\xff", b"a = 1\na = 2", b"server.port = " + b"9" * 5000, b"a = " + b"[" * 5000, b"\xef\xbb\xbfa"],
)
def test_a_file_that_is_no_toml_is_refused_by_name(home: Path, raw: bytes) -> None:
    """However broken the file, the answer is a sentence that names it."""
    file = write(home, "")
    file.write_bytes(raw)
    error = refused(home)
    assert error.code == "settings.bad"
    assert str(file) in error.sentence


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "127.0.0.1.example.org", "127.1"])
def test_beyond_loopback_nothing_is_served(home: Path, host: str) -> None:
    """Until there is a login, no address that others could reach is taken, however it is said."""
    by_variable = refused(home, {"HALOOP_SERVER_HOST": host})
    assert by_variable.code == "settings.host"
    assert "needs a login" in by_variable.sentence
    with pytest.raises(BadInput, match="needs a login"):
        Settings.read({}, home=home).with_flags({"server.host": host})
    with pytest.raises(BadInput, match="needs a login"):
        Settings(home=home, state=home, server_host=host)


LOGIN: Mapping[str, str] = {
    "HALOOP_SERVER_PUBLIC_ADDRESS": "https://haloop.example.org",
    "HALOOP_LOGIN_ISSUER": "https://login.example.org/",
    "HALOOP_LOGIN_CLIENT_ID": "haloop",
}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5"])
def test_with_a_login_haloop_is_served_to_others(home: Path, host: str) -> None:
    """The public address, the issuer and the client's name together open what is closed without them."""
    settings = Settings.read({**LOGIN, "HALOOP_SERVER_HOST": host}, home=home)
    assert (settings.server_host, settings.has_login, Settings.read({}, home=home).has_login) == (host, True, False)
    for name in LOGIN:
        said = {**LOGIN, "HALOOP_SERVER_HOST": host}
        del said[name]
        assert refused(home, said).code == "settings.host"
    assert refused(home, {**LOGIN, "HALOOP_SERVER_HOST": "example.org"}).code == "settings.host"


@pytest.mark.parametrize("name", [*LOGIN, "HALOOP_LOGIN_CLIENT_SECRET_FILE"])
def test_half_a_login_is_refused(home: Path, name: str) -> None:
    """Also on loopback, where a proxy may stand before it; what is missing is named."""
    error = refused(home, {name: {**LOGIN, "HALOOP_LOGIN_CLIENT_SECRET_FILE": "/secret"}[name]})
    assert error.code == "settings.login"
    assert "needs" in error.sentence


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HALOOP_SERVER_PUBLIC_ADDRESS", "http://haloop.example.org"),
        ("HALOOP_SERVER_PUBLIC_ADDRESS", "https://haloop.example.org/"),
        ("HALOOP_SERVER_PUBLIC_ADDRESS", "https://Haloop.example.org"),
        ("HALOOP_SERVER_PUBLIC_ADDRESS", "https://203.0.113.7"),
        ("HALOOP_SERVER_PUBLIC_ADDRESS", "haloop.example.org"),
        ("HALOOP_LOGIN_ISSUER", "http://login.example.org"),
        ("HALOOP_LOGIN_ISSUER", "https://me:secret@login.example.org"),
        ("HALOOP_LOGIN_ISSUER", "https://login.example.org/?x=1"),
        ("HALOOP_LOGIN_ISSUER", "https://[login"),
        ("HALOOP_LOGIN_ISSUER", "login.example.org"),
    ],
)
def test_an_address_that_protects_nobody_is_refused(home: Path, name: str, value: str) -> None:
    """Without TLS, without a name of its own, with a secret in it, or no address at all."""
    assert refused(home, {**LOGIN, name: value}).code == "settings.bad"


def test_settings_do_not_change(home: Path) -> None:
    """What one part of the program reads is what every other part reads."""
    settings = Settings.read({}, home=home)
    with pytest.raises(FrozenInstanceError):
        settings.server_port = 1  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_says_in_a_sentence_what_it_is_for(setting: Setting) -> None:
    """No setting is without its doc."""
    assert setting.doc[0].isupper()
    assert setting.doc.endswith(".")
