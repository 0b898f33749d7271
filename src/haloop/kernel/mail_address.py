"""What a mail server takes for an address, told from everything that only looks like one."""

import re

_LENGTH_MAX = 254
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})*")


def is_mail_address(text: str) -> bool:
    """Whether this is an address of ASCII letters alone, without a name or quotes around it, on one line."""
    return len(text) <= _LENGTH_MAX and _ADDRESS.fullmatch(text) is not None
