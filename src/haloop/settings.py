"""Every setting, declared once, and the one object that holds what they are for one invocation.

Flags win over the environment, the environment over `config.toml` in the home, the file over the defaults. Each value
remembers where it came from. Nothing is guessed: a name nobody knows and a value that does not fit are refused, with
the place where they stand. To add a setting, declare a field of Settings and give its line to docs/settings.md.
"""

import difflib
import reprlib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from haloop.fitting import (
    BEYOND,
    RESY_CONSENT,
    fits_amount,
    fits_at_once,
    fits_booking,
    fits_bytes,
    fits_gateway_address,
    fits_host,
    fits_issuer,
    fits_mail_address,
    fits_mail_security,
    fits_model_address,
    fits_model_provider,
    fits_one_line,
    fits_port,
    fits_public_address,
    fits_resy_consent,
    fits_runs,
    fits_sandbox_provider,
    fits_shop_address,
    fits_tokens,
    fits_true_or_false,
    fits_usd,
    fits_web_origins,
    fits_zone,
    is_here,
    machine_zone,
)
from haloop.kernel.errors import BadInput
from haloop.kernel.reader import BUILT_IN
from haloop.setting import FILE, FOLDER, METADATA, NUMBER, SECRET, TEXT, TEXTS, Alias, Origin, Setting, Source

CONFIG_FILE = "config.toml"
ARTIFACT_BYTES_MAX = 64 * 1024 * 1024
SEARCH_RUNS_MAX = 200_000
PRACTICE_SHOP = PRACTICE_BOOKING = PRACTICE_MAIL = PRACTICE_MODEL = "town"
MODEL_TOKENS_MAX, GATEWAY_TOKENS_MAX = 200_000, 10_000_000

ADDRESS_VARIABLE, TOKEN_VARIABLE = "HALOOP_ADDRESS", "HALOOP_TOKEN"
"""Where the commands that ask a running Haloop reach it, and as whom; no settings of a home."""
SKIP_WEB_VARIABLE = "HALOOP_SKIP_WEB"
"""Says to whatever builds the package that the web app is not wanted; no setting of a home."""

_PREFIXES = ("HALOOP_", "HALO_")
"""The second is the plans'; what they name is honoured, and nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one invocation works with."""

    home: Path = field(
        metadata=Setting(
            name="home",
            kind=FOLDER,
            doc="The folder that holds everything of this installation.",
            fallback="~/.haloop",
            in_file=False,
        ).declared,
    )
    state: Path = field(
        metadata=Setting(
            name="state",
            kind=FOLDER,
            doc="The folder outside the home that remembers its newest checkpoints.",
            fallback="~/.local/state/haloop",
            aliases=(Alias("XDG_STATE_HOME", below="haloop"),),
        ).declared,
    )
    checkpoints: Path | None = field(
        default=None,
        metadata=Setting(
            name="checkpoints",
            kind=FOLDER,
            doc="A folder with checkpoints that were kept elsewhere; each start holds the ledger against them.",
            example="/path/to/a/folder/of/another/disk",
        ).declared,
    )
    account: str | None = field(
        default=None,
        metadata=Setting(
            name="account",
            kind=TEXT,
            doc="The account that the everyday commands ask in, by name or id; without it, the token's own.",
            in_file=False,
        ).declared,
    )
    server_host: str = field(
        default="127.0.0.1",
        metadata=Setting(
            name="server.host",
            kind=TEXT,
            doc="The address to serve on; beyond loopback it needs a public address and a login.",
            fits=fits_host,
            refused_as="settings.host",
        ).declared,
    )
    server_port: int = field(
        default=4000,
        metadata=Setting(
            name="server.port",
            kind=NUMBER,
            doc="The port to serve on; 0 takes any that is free.",
            aliases=(Alias("PORT"),),
            fits=fits_port,
        ).declared,
    )
    server_public_address: str | None = field(
        default=None,
        metadata=Setting(
            name="server.public_address",
            kind=TEXT,
            doc="Where people reach Haloop from elsewhere, as an origin: a proxy with TLS stands there.",
            example="https://haloop.example.org",
            fits=fits_public_address,
        ).declared,
    )
    login_issuer: str | None = field(
        default=None,
        metadata=Setting(
            name="login.issuer",
            kind=TEXT,
            doc="The OpenID Connect issuer that says who somebody is, exactly as it spells itself.",
            example="https://login.example.org",
            fits=fits_issuer,
        ).declared,
    )
    login_client_id: str | None = field(
        default=None,
        metadata=Setting(
            name="login.client_id",
            kind=TEXT,
            doc="The name under which the issuer knows Haloop.",
            example="haloop",
        ).declared,
    )
    login_client_secret_file: Path | None = field(
        default=None,
        metadata=Setting(
            name="login.client_secret_file",
            kind=FILE,
            doc="A file with the secret that Haloop shows the issuer; none where it is a public client.",
            example="/path/to/a/file/that/only/haloop/reads",
        ).declared,
    )
    web_allowed_origins: tuple[str, ...] = field(
        default=(),
        metadata=Setting(
            name="web.allowed_origins",
            kind=TEXTS,
            doc="The other web front ends that may call the API, each by its origin.",
            fits=fits_web_origins,
        ).declared,
    )
    people_zone: str | None = field(
        default=None,
        metadata=Setting(
            name="people.zone",
            kind=TEXT,
            doc="The time zone of people who do not say theirs; where this is not set, the machine's own.",
            example="Europe/Berlin",
            fits=fits_zone,
        ).declared,
    )
    artifacts_bytes_max: int = field(
        default=ARTIFACT_BYTES_MAX,
        metadata=Setting(
            name="artifacts.bytes_max",
            kind=NUMBER,
            doc="The most bytes that one artifact may have.",
            fits=fits_bytes,
        ).declared,
    )
    mail_host: str | None = field(
        default=None,
        metadata=Setting(
            name="mail.host",
            kind=TEXT,
            doc="The mail server for what people are told, or town to keep it in practice; unset, none is sent.",
            example="mail.example.org",
            fits=fits_one_line,
        ).declared,
    )
    mail_port: int = field(
        default=587,
        metadata=Setting(
            name="mail.port",
            kind=NUMBER,
            doc="The mail server's port; usually 587 for starttls, 465 for tls.",
            fits=fits_port,
        ).declared,
    )
    mail_security: str = field(
        default="starttls",
        metadata=Setting(
            name="mail.security",
            kind=TEXT,
            doc="How the way to the mail server is encrypted: starttls, tls, or none to a server on this machine.",
            fits=fits_mail_security,
        ).declared,
    )
    mail_from: str | None = field(
        default=None,
        metadata=Setting(
            name="mail.from",
            kind=TEXT,
            doc="The address that mail comes from, and that push services may write to.",
            example="haloop@example.org",
            fits=fits_mail_address,
        ).declared,
    )
    mail_user: str | None = field(
        default=None,
        metadata=Setting(
            name="mail.user",
            kind=TEXT,
            doc="Who logs in at the mail server, where it asks.",
            example="haloop@example.org",
        ).declared,
    )
    mail_password_file: Path | None = field(
        default=None,
        metadata=Setting(
            name="mail.password_file",
            kind=FILE,
            doc="The file whose first line is the password for that.",
            example="/path/to/a/file/of/its/own",
        ).declared,
    )
    letters_host: str | None = field(
        default=None,
        metadata=Setting(
            name="letters.host",
            kind=TEXT,
            doc="The IMAP server of the mailbox that people ask by mail through, mail.from's; without it nobody can.",
            example="mail.example.org",
            fits=fits_one_line,
        ).declared,
    )
    letters_port: int = field(
        default=993,
        metadata=Setting(
            name="letters.port",
            kind=NUMBER,
            doc="That server's port; usually 993 for tls, 143 for starttls.",
            fits=fits_port,
        ).declared,
    )
    letters_security: str = field(
        default="tls",
        metadata=Setting(
            name="letters.security",
            kind=TEXT,
            doc="How the way to the mailbox is encrypted: tls, starttls, or none to a server on this machine.",
            fits=fits_mail_security,
        ).declared,
    )
    letters_user: str | None = field(
        default=None,
        metadata=Setting(
            name="letters.user",
            kind=TEXT,
            doc="Who logs in at the mailbox.",
            example="haloop@example.org",
        ).declared,
    )
    letters_password_file: Path | None = field(
        default=None,
        metadata=Setting(
            name="letters.password_file",
            kind=FILE,
            doc="The file whose first line is the password for the mailbox.",
            example="/path/to/a/file/of/its/own",
        ).declared,
    )
    letters_checked_by: str | None = field(
        default=None,
        metadata=Setting(
            name="letters.checked_by",
            kind=TEXT,
            doc="The name under which that server says in Authentication-Results whether a sender is who it says.",
            example="mx.example.org",
            fits=fits_one_line,
        ).declared,
    )
    search_runs_max: int = field(
        default=SEARCH_RUNS_MAX,
        metadata=Setting(
            name="search.runs_max",
            kind=NUMBER,
            doc="How many of the newest runs are held in memory to be searched; each takes about half a kilobyte.",
            fits=fits_runs,
        ).declared,
    )
    booking_at: str = field(
        default=PRACTICE_BOOKING,
        metadata=Setting(
            name="booking.at",
            kind=TEXT,
            doc="Where tables are booked: town or resy-in-town for practice, or resy, with booking.resy_consent.",
            aliases=(Alias("HALO_BOOKING_ADAPTER", means={"mock": PRACTICE_BOOKING}),),
            fits=fits_booking,
        ).declared,
    )
    booking_resy_consent: str | None = field(
        default=None,
        metadata=Setting(
            name="booking.resy_consent",
            kind=TEXT,
            doc="What whoever runs Haloop says before Resy is asked for anything, in exactly these words.",
            example=RESY_CONSENT,
            fits=fits_resy_consent,
            refused_as="settings.resy_consent",
        ).declared,
    )
    shop_recipe: str = field(
        default=PRACTICE_SHOP,
        metadata=Setting(
            name="shop.recipe",
            kind=TEXT,
            doc="The shop that is ordered from: town for practice, or a recipe by its name or its file.",
            aliases=(Alias("HALO_AMAZON_ADAPTER", means={"browser": "amazon"}),),
        ).declared,
    )
    shop_address: str | None = field(
        default=None,
        metadata=Setting(
            name="shop.address",
            kind=TEXT,
            doc="Where that shop is, as an origin, where its recipe does not say it.",
            example="https://shop.example.org",
            fits=fits_shop_address,
        ).declared,
    )
    shop_dry_run: str = field(
        default="true",
        metadata=Setting(
            name="shop.dry_run",
            kind=TEXT,
            doc="Whether a real shop is asked for everything but the last click: true or false.",
            aliases=(Alias("HALO_AMAZON_DRY_RUN"),),
            fits=fits_true_or_false,
        ).declared,
    )
    shop_spend_max: str = field(
        default="150.00 EUR",
        metadata=Setting(
            name="shop.spend_max",
            kind=TEXT,
            doc="The most that one order may come to, in the shop's currency.",
            fits=fits_amount,
        ).declared,
    )
    model_provider: str = field(
        default=BUILT_IN,
        metadata=Setting(
            name="model.provider",
            kind=TEXT,
            doc="Who reads plain words: builtin, or a hosted model that speaks like openai or anthropic.",
            aliases=(Alias("HALO_LLM_PROVIDER", means={"fake": BUILT_IN}),),
            fits=fits_model_provider,
        ).declared,
    )
    model_name: str | None = field(
        default=None,
        metadata=Setting(
            name="model.name",
            kind=TEXT,
            doc="The model; where nobody says, a small one of that provider's.",
            example="gpt-4.1-mini",
            fits=fits_one_line,
        ).declared,
    )
    model_address: str | None = field(
        default=None,
        metadata=Setting(
            name="model.address",
            kind=TEXT,
            doc="Where it is, where that is not the provider's own address: over https, or on this machine.",
            example="http://127.0.0.1:11434/v1",
            fits=fits_model_address,
        ).declared,
    )
    model_key_file: Path | None = field(
        default=None,
        metadata=Setting(
            name="model.key_file",
            kind=FILE,
            doc="The file whose first line is the key for that.",
            example="/path/to/a/file/that/only/haloop/reads",
        ).declared,
    )
    model_openai_key: str | None = field(
        default=None,
        repr=False,
        metadata=Setting(
            name="model.openai_key",
            kind=SECRET,
            doc="The key for OpenAI's own address, and for none but that.",
            aliases=(Alias("OPENAI_API_KEY"),),
            in_file=False,
        ).declared,
    )
    model_tokens_max: int = field(
        default=MODEL_TOKENS_MAX,
        metadata=Setting(
            name="model.tokens_max",
            kind=NUMBER,
            doc="How many tokens one account may use of it in a day; then the built-in reader goes on.",
            fits=fits_tokens,
        ).declared,
    )
    agents_file: Path | None = field(
        default=None,
        metadata=Setting(
            name="agents.file",
            kind=FILE,
            doc="The file that says which agents do the steps of missions, beside those that ship.",
            example="/path/to/agents.toml",
        ).declared,
    )
    gateway_anthropic_key_file: Path | None = field(
        default=None,
        metadata=Setting(
            name="gateway.anthropic_key_file",
            kind=FILE,
            doc="The file whose first line is the key by which agents ask Anthropic's models; it enters no sandbox.",
            example="/path/to/a/file/that/only/haloop/reads",
        ).declared,
    )
    gateway_anthropic_address: str | None = field(
        default=None,
        metadata=Setting(
            name="gateway.anthropic_address",
            kind=TEXT,
            doc="Where those are, where that is not the provider's own address; town for practice.",
            example="https://models.example.org",
            fits=fits_gateway_address,
        ).declared,
    )
    gateway_openai_key_file: Path | None = field(
        default=None,
        metadata=Setting(
            name="gateway.openai_key_file",
            kind=FILE,
            doc="The file whose first line is the key by which agents ask OpenAI's models; it enters no sandbox.",
            example="/path/to/a/file/that/only/haloop/reads",
        ).declared,
    )
    gateway_openai_address: str | None = field(
        default=None,
        metadata=Setting(
            name="gateway.openai_address",
            kind=TEXT,
            doc="Where those are, where that is not the provider's own address; town for practice.",
            example="http://127.0.0.1:11434/v1",
            fits=fits_gateway_address,
        ).declared,
    )
    gateway_gemini_key_file: Path | None = field(
        default=None,
        metadata=Setting(
            name="gateway.gemini_key_file",
            kind=FILE,
            doc="The file whose first line is the key by which agents ask Google's models; it enters no sandbox.",
            example="/path/to/a/file/that/only/haloop/reads",
        ).declared,
    )
    gateway_gemini_address: str | None = field(
        default=None,
        metadata=Setting(
            name="gateway.gemini_address",
            kind=TEXT,
            doc="Where those are, where that is not the provider's own address; town for practice.",
            example="https://models.example.org",
            fits=fits_gateway_address,
        ).declared,
    )
    gateway_tokens_max: int = field(
        default=GATEWAY_TOKENS_MAX,
        metadata=Setting(
            name="gateway.tokens_max",
            kind=NUMBER,
            doc="How many tokens one account's agents may use in a day.",
            fits=fits_tokens,
        ).declared,
    )
    gateway_usd_max: str = field(
        default="20.00",
        metadata=Setting(
            name="gateway.usd_max",
            kind=TEXT,
            doc="How many dollars one account's agents may spend on models in a day.",
            fits=fits_usd,
        ).declared,
    )
    gateway_prices_file: Path | None = field(
        default=None,
        metadata=Setting(
            name="gateway.prices_file",
            kind=FILE,
            doc="What models cost; it goes before the published prices that ship.",
            example="/path/to/prices.toml",
        ).declared,
    )
    sandbox_provider: str = field(
        default="auto",
        metadata=Setting(
            name="sandbox.provider",
            kind=TEXT,
            doc="Where agents' programs work: bubblewrap, docker, auto for the first that starts, or kubernetes.",
            fits=fits_sandbox_provider,
        ).declared,
    )
    sandbox_docker_socket: Path = field(
        default=Path("/var/run/docker.sock"),
        metadata=Setting(
            name="sandbox.docker_socket",
            kind=FILE,
            doc="The socket of this machine's daemon, Docker's or one that speaks like it.",
            example="/var/run/docker.sock",
        ).declared,
    )
    sandbox_docker_image: str = field(
        default="node:20-slim",
        metadata=Setting(
            name="sandbox.docker_image",
            kind=TEXT,
            doc="The image that programs stand on in Docker, where their step does not name one.",
        ).declared,
    )
    sandbox_at_once: int = field(
        default=0,
        metadata=Setting(
            name="sandbox.at_once",
            kind=NUMBER,
            doc="How many steps of missions are at work at once; 0 for two a processor, if memory allows, 8 at most.",
            fits=fits_at_once,
        ).declared,
    )
    sandbox_kubernetes_config: Path | None = field(
        default=None,
        metadata=Setting(
            name="sandbox.kubernetes_config",
            kind=FILE,
            doc="The file that says how to reach the cluster, where it is not kubectl's own.",
            example="/path/to/kubeconfig",
        ).declared,
    )
    sandbox_kubernetes_context: str | None = field(
        default=None,
        metadata=Setting(
            name="sandbox.kubernetes_context",
            kind=TEXT,
            doc="Which of the clusters in that file, where it is not its current one.",
            example="kind-haloop",
        ).declared,
    )
    sandbox_kubernetes_namespace: str = field(
        default="haloop-sandboxes",
        metadata=Setting(
            name="sandbox.kubernetes_namespace",
            kind=TEXT,
            doc="The namespace for agents' programs, and for nothing else.",
        ).declared,
    )
    sandbox_kubernetes_image: str = field(
        default="node:20-slim",
        metadata=Setting(
            name="sandbox.kubernetes_image",
            kind=TEXT,
            doc="The image that programs stand on in the cluster, where their step does not name one.",
        ).declared,
    )
    sandbox_kubernetes_claim: str | None = field(
        default=None,
        metadata=Setting(
            name="sandbox.kubernetes_claim",
            kind=TEXT,
            doc="The volume claim in that namespace that the missions of this home lie on.",
            example="missions",
        ).declared,
    )
    sandbox_kubernetes_volume: Path | None = field(
        default=None,
        metadata=Setting(
            name="sandbox.kubernetes_volume",
            kind=FOLDER,
            doc="Where the volume of that claim is mounted on this machine; the home's missions lie in it.",
            example="/path/to/the/home/missions",
        ).declared,
    )
    project_linked: Path | None = field(
        default=None,
        metadata=Setting(
            name="project.linked",
            kind=FOLDER,
            doc="The git work tree that missions work on; haloop link sets it.",
            example="/path/to/a/repository",
        ).declared,
    )
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False)
    """Where each value came from, by the setting's name."""

    def __post_init__(self) -> None:
        for setting in SETTINGS:
            value = self.value(setting)
            reason = setting.fits(value)
            if reason:
                raise _refused(setting, value, self.origin(setting), reason, setting.refused_as)
        self._require_login()
        self._require_resy_consent()

    @classmethod
    def read(
        cls, environment: Mapping[str, str], *, home: Path | None = None, account: str | None = None
    ) -> "Settings":
        """Flags win over the environment, the environment over the file, the file over the defaults."""
        _require_known_variables(environment)
        outside = {**_in_environment(environment), **_in_flags({"home": home, "account": account})}
        place = _value(HOME, outside.get(HOME.name) or _fallback(HOME))
        assert isinstance(place, Path)
        said = {**_fallbacks(), **_in_file(place / CONFIG_FILE), **outside}
        return replace(cls(home=place, state=place), **_as_fields(said))

    def with_flags(self, flags: Mapping[str, object]) -> "Settings":
        """The same with what flags say, by the settings' names; None says nothing."""
        changed = _as_fields(_in_flags(flags))
        return replace(self, **{**changed, "origins": {**self.origins, **changed["origins"]}})

    @classmethod
    def default(cls, setting: Setting) -> object:
        """What a setting is where nobody says, as the file would spell it."""
        return setting.fallback or next(one.default for one in fields(cls) if one.name == setting.attribute)

    @property
    def has_login(self) -> bool:
        """Whether people may come from elsewhere."""
        return None not in (self.server_public_address, self.login_issuer, self.login_client_id)

    @property
    def zone(self) -> ZoneInfo:
        """Of people who do not say theirs."""
        return ZoneInfo(self.people_zone or machine_zone())

    def _require_login(self) -> None:
        """Nobody is served beyond loopback without a login, nor with half of one."""
        named = {setting.name: setting for setting in SETTINGS}
        if not is_here(self.server_host) and not self.has_login:
            host = named["server.host"]
            raise _refused(host, self.server_host, self.origin(host), BEYOND, host.refused_as)
        needed = [named[name] for name in ("server.public_address", "login.issuer", "login.client_id")]
        missing = [setting.name for setting in needed if self.value(setting) is None]
        said = next((one for one in (*needed, named["login.client_secret_file"]) if self.value(one) is not None), None)
        if missing and said is not None:
            reason = f"a login from elsewhere needs {' and '.join(missing)} too"
            raise _refused(said, self.value(said), self.origin(said), reason, "settings.login")

    def _require_resy_consent(self) -> None:
        """Nothing is asked of Resy itself before whoever runs Haloop has said that they answer for it."""
        if self.booking_at == "resy" and self.booking_resy_consent is None:
            at = next(setting for setting in SETTINGS if setting.name == "booking.at")
            reason = (
                "Resy has not agreed to be used by programs, and may close the account that is. "
                f'Whoever wants it all the same sets booking.resy_consent to "{RESY_CONSENT}"'
            )
            raise _refused(at, self.booking_at, self.origin(at), reason, "settings.resy_consent")

    def value(self, setting: Setting) -> object:
        found: object = getattr(self, setting.attribute)
        return found

    def origin(self, setting: Setting) -> Origin:
        if self.origins:
            return self.origins.get(setting.name, Origin(Source.DEFAULT))
        return Origin(Source.GIVEN)


SETTINGS: tuple[Setting, ...] = tuple(one.metadata[METADATA] for one in fields(Settings) if METADATA in one.metadata)
"""Every setting, in the order in which people read them."""

HOME = SETTINGS[0]


@dataclass(frozen=True, slots=True)
class _Said:
    """What somebody says a value is, as the file would spell it, and where."""

    raw: object
    origin: Origin


def _in_flags(flags: Mapping[str, object]) -> dict[str, _Said]:
    return {
        setting.name: _Said(_spelled(setting, said), Origin(Source.FLAG))
        for setting in SETTINGS
        if (said := flags.get(setting.name)) is not None
    }


def _spelled(setting: Setting, said: object) -> object:
    return setting.kind.from_words(str(said)) if isinstance(said, str | Path) else said


def _in_environment(environment: Mapping[str, str]) -> dict[str, _Said]:
    found = {}
    for setting in SETTINGS:
        for alias in reversed(setting.variables):
            words = environment.get(alias.variable)
            if words:
                raw = setting.kind.from_words(alias.words(words))
                found[setting.name] = _Said(raw, Origin(Source.ENVIRONMENT, alias.variable))
    return found


def _in_file(path: Path) -> dict[str, _Said]:
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    try:
        text = raw.decode()
        held = dict(named_values(text))
    except (ValueError, RecursionError) as error:
        raise BadInput(
            f"{path} cannot be read as TOML: {error}",
            code="settings.bad",
            next_step="Correct the file, or move it away: haloop init writes a fresh one.",
        ) from error
    for name in held:
        _require_known_name(name, text, path)
    return {name: _Said(value, Origin(Source.FILE, _place(path, text, name))) for name, value in held.items()}


def named_values(text: str) -> Iterator[tuple[str, object]]:
    """What a file of settings says, by name; a table nobody knows is a name too."""
    yield from _flat(tomllib.loads(text), "")


def _flat(table: Mapping[str, object], above: str) -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        name = above + (f'"{key}"' if "." in key else key)
        if isinstance(value, dict) and (value or _is_section(name)):
            yield from _flat(value, f"{name}.")
        else:
            yield name, value


def _is_section(name: str) -> bool:
    return any(setting.name.startswith(f"{name}.") for setting in SETTINGS)


def lines_of(text: str, name: str) -> range | None:
    """The lines, counted from 0, of the statement that says what a setting is.

    The reader of TOML itself finds them: the statement ends with the first line up to which the text says it.
    """
    lines = text.split("\n")
    begins = 0
    for end in range(1, len(lines) + 1):
        try:
            said = {known for known, _value in named_values("\n".join(lines[:end]) + "\n")}
        except ValueError:  # in the middle of a value of several lines
            continue
        if name in said:
            return range(begins, end)
        begins = end
    return None


def _place(path: Path, text: str, name: str) -> str:
    found = lines_of(text, name)
    return f"{path}:{found.start + 1}" if found is not None else str(path)


def _require_known_name(name: str, text: str, path: Path) -> None:
    known = [setting.name for setting in SETTINGS if setting.in_file]
    elsewhere = next((setting for setting in SETTINGS if setting.name == name and not setting.in_file), None)
    if elsewhere is not None:
        raise _unknown(f"{_place(path, text, name)}: the {name} cannot be set by a home's file", elsewhere.variable)
    if name not in known:
        raise _unknown(f"{_place(path, text, name)}: there is no setting {name}", _nearest(name, known))


def _require_known_variables(environment: Mapping[str, str]) -> None:
    known = [alias.variable for setting in SETTINGS for alias in setting.variables]
    for variable in sorted(environment):
        if variable.startswith(_PREFIXES) and variable not in {
            *known,
            ADDRESS_VARIABLE,
            TOKEN_VARIABLE,
            SKIP_WEB_VARIABLE,
        }:
            raise _unknown(f"The environment has {variable}, and there is no such setting", _nearest(variable, known))


def _nearest(name: str, known: Iterable[str]) -> str:
    return difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)[0]


def _unknown(sentence: str, nearest: str) -> BadInput:
    return BadInput(
        f"{sentence}. The nearest is {nearest}.",
        code="settings.unknown",
        next_step="Correct the name or take it out; docs/settings.md has every setting.",
    )


def _fallbacks() -> dict[str, _Said]:
    return {setting.name: _fallback(setting) for setting in SETTINGS if setting.fallback}


def _fallback(setting: Setting) -> _Said:
    return _Said(setting.fallback, Origin(Source.DEFAULT))


def _as_fields(said: Mapping[str, _Said]) -> dict[str, Any]:
    values = {setting.attribute: _value(setting, said[setting.name]) for setting in SETTINGS if setting.name in said}
    return {**values, "origins": {name: one.origin for name, one in said.items()}}


def _value(setting: Setting, said: _Said) -> object:
    try:
        return setting.kind.from_file(said.raw)
    except ValueError as error:
        raise _refused(setting, said.raw, said.origin, str(error), "settings.bad") from error


def _refused(setting: Setting, value: object, origin: Origin, reason: str, code: str) -> BadInput:
    return BadInput(
        f"{setting.name} is {setting.shown(reprlib.repr(value))} ({origin}): {reason}.",
        code=code,
        next_step=f"Correct it there, or take it out. What it is for: {setting.doc}",
    )
