"""What fits a setting, beyond being of its kind; each says why a value does not, and nothing where it does."""

import os
import re
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from haloop.kernel.errors import BadMoney
from haloop.kernel.mail_address import is_mail_address
from haloop.kernel.money import Money

PORT_MAX = 65_535

_BYTES_MAX, _RUNS_MAX, _TOKENS_MAX = 1 << 40, 10_000_000, 1_000_000_000
_AT_ONCE_MAX = 256
_BOOKING = ("town", "resy-in-town", "resy")
_PROVIDERS = ("builtin", "openai", "anthropic")
_SANDBOXES = ("auto", "bubblewrap", "docker", "kubernetes")
_NEAR = re.compile(r"http://(?:127\.0\.0\.1|\[::1\]|localhost):[0-9]{1,5}(?:/[^\s?#]*)?")
_TLS = re.compile(r"https://[^\s/?#@*:]+(?:/[^\s?#]*)?")
_USD = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?")
_MAIL_SECURITY = ("starttls", "tls", "none")
_ORIGIN = re.compile(r"https?://[^\s/?#@*]+")
RESY_CONSENT = "Resy has not agreed to this, and I answer for it"
BEYOND = "beyond loopback needs a login: server.public_address, login.issuer and login.client_id"


def is_here(host: str) -> bool:
    """Whether a host is this machine, and can be reached from nowhere else."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def fits_host(host: str) -> str:
    if is_here(host):
        return ""
    try:
        ip_address(host)
    except ValueError:
        return f"it must be an IP address or localhost; and whatever is {BEYOND}"
    return ""


def fits_public_address(address: str | None) -> str:
    if address is None:
        return ""
    parts = urlsplit(address) if _ORIGIN.fullmatch(address) and address == address.lower() else urlsplit("")
    if parts.scheme != "https" or not parts.hostname:
        return "it must be an origin such as https://haloop.example.org, without a path"
    try:
        ip_address(parts.hostname)
    except ValueError:
        return ""
    return "passkeys need a name, not an IP address"


def is_safe(address: str) -> bool:
    """Whether what is sent there is read by nobody on the way: over TLS, or without leaving this machine."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return False
    if not host or parts.username is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_here(host))


def fits_issuer(address: str | None) -> str:
    if address is None or (is_safe(address) and not urlsplit(address).query):
        return ""
    return "an issuer is asked over TLS, so its address begins with https://"


def fits_port(port: int) -> str:
    return "" if 0 <= port <= PORT_MAX else f"a port is a number from 0 to {PORT_MAX}"


def fits_bytes(count: int) -> str:
    return "" if 1 <= count <= _BYTES_MAX else f"it is a number from 1 to {_BYTES_MAX}"


def fits_mail_security(security: str) -> str:
    return "" if security in _MAIL_SECURITY else f"it must be one of {', '.join(_MAIL_SECURITY)}"


def fits_one_line(words: str | None) -> str:
    return "" if words is None or (words.isprintable() and " " not in words) else "it holds a space or a line's end"


def fits_mail_address(address: str | None) -> str:
    return "" if address is None or is_mail_address(address) else "it is no e-mail address"


def fits_runs(count: int) -> str:
    return "" if 1 <= count <= _RUNS_MAX else f"it is a number from 1 to {_RUNS_MAX}"


def fits_at_once(count: int) -> str:
    return "" if 0 <= count <= _AT_ONCE_MAX else f"it is a number from 1 to {_AT_ONCE_MAX}, or 0"


def fits_tokens(count: int) -> str:
    return "" if 1 <= count <= _TOKENS_MAX else f"it is a number from 1 to {_TOKENS_MAX}"


def fits_usd(words: str) -> str:
    return "" if _USD.fullmatch(words) else "it must be an amount in dollars, such as 20.00"


def fits_gateway_address(address: str | None) -> str:
    return "" if address == "town" else fits_model_address(address)


def fits_model_provider(provider: str) -> str:
    return "" if provider in _PROVIDERS else f"it must be one of {', '.join(_PROVIDERS)}"


def fits_sandbox_provider(provider: str) -> str:
    return "" if provider in _SANDBOXES else f"it must be one of {', '.join(_SANDBOXES)}"


def fits_model_address(address: str | None) -> str:
    if address is None or _NEAR.fullmatch(address) or _TLS.fullmatch(address):
        return ""
    return "it must be over https at its usual port, or on this machine as in http://127.0.0.1:11434/v1"


def fits_web_origins(origins: tuple[str, ...]) -> str:
    bad = [one for one in origins if not _ORIGIN.fullmatch(one)]
    return f"{bad[0]!r} is not an origin such as https://example.org, without a path or *" if bad else ""


def fits_zone(name: str | None) -> str:
    try:
        ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "it must be a time zone such as Europe/Berlin"
    return ""


def machine_zone() -> str:
    """The zone this machine's clocks show, by its name; UTC where it has none."""
    path = Path("/etc/localtime").resolve()
    name = os.environ.get("TZ") or path.as_posix().partition("zoneinfo/")[2] or "UTC"
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "UTC"


def fits_true_or_false(words: str) -> str:
    return "" if words in ("true", "false") else "it must be true or false, in quotes"


def fits_amount(words: str) -> str:
    amount, _, currency = words.partition(" ")
    try:
        return "" if Money.of_major(amount, currency).minor >= 0 else "it must not be negative"
    except BadMoney:
        return "it must be an amount and its currency, such as 150.00 EUR"


def fits_booking(where: str) -> str:
    return "" if where in _BOOKING else f"it must be one of {', '.join(_BOOKING)}"


def fits_resy_consent(words: str | None) -> str:
    return "" if words in (None, RESY_CONSENT) else f'it must be exactly "{RESY_CONSENT}", or not be there'


def fits_shop_address(address: str | None) -> str:
    if address is None or (_ORIGIN.fullmatch(address) and is_safe(address)):
        return ""
    return "it must be an origin over https, or one of this machine"
