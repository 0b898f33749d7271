"""The text of config.toml: how it begins, and how one value is put into it without touching the rest.

A person's file is theirs: its comments, order and spelling stay. A change is tried in the ways a person would make
it, and kept only if the file then says what it said before, and the new value.
"""

import re
from collections.abc import Iterator

from haloop.kernel.canonical import encode
from haloop.kernel.errors import BadInput
from haloop.setting import Setting
from haloop.settings import SETTINGS, Settings, lines_of, named_values

_STRING = r"""("(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""

_OPENING = """\
# Haloop's settings. Below each sentence stands its default, or an example: take the "#" away and change it.
# Flags win over the environment, the environment over this file. haloop settings says what counts, and why.
"""


def fresh_text() -> str:
    """A file that says nothing yet: every setting with its doc and its default, as comments."""
    lines, section = [_OPENING], ""
    for setting in SETTINGS:
        if setting.in_file:
            above, _, key = setting.name.rpartition(".")
            if above != section:
                section = above
                lines.append(f"[{section}]")
            lines.append(f"# {setting.doc}\n# {key} = {_default(setting)}\n")
    return "\n".join(lines)


def with_text(text: str, name: str, value: str) -> str:
    """The file's text with one setting changed, and nothing else; BadInput where that cannot be done safely."""
    wanted = {**dict(named_values(text)), name: value}
    for changed in _ways(text, name, toml_string(value)):
        try:
            if dict(named_values(changed)) == wanted:
                return changed
        except ValueError:  # this way breaks the file; the next may not
            continue
    raise BadInput(
        f"{name} cannot be put into the file without changing more than that.",
        code="settings.bad",
        next_step=f"Write it yourself: {name} = {toml_string(value)}",
    )


def without(text: str, name: str) -> str:
    """The file's text with one setting as a comment, so that it says nothing any more; nothing else is changed."""
    said = lines_of(text, name)
    if said is None:
        return text
    lines = text.split("\n")
    lines[said.start : said.stop] = [f"# {line}" for line in lines[said.start : said.stop]]
    changed, wanted = "\n".join(lines), dict(named_values(text))
    del wanted[name]
    try:
        if dict(named_values(changed)) == wanted:
            return changed
    except ValueError:  # it shares its lines with others
        pass
    raise BadInput(
        f"{name} cannot be taken out of the file without changing more than that.",
        code="settings.bad",
        next_step="Take it out yourself.",
    )


def toml_string(text: str) -> str:
    """Text as TOML spells it; the escapes of JSON are TOML's too, but for the one character JSON lets through."""
    return encode(text).decode().replace("\x7f", "\\u007f")


def _ways(text: str, name: str, spelled: str) -> Iterator[str]:
    """How a person might make the change, the neatest first."""
    section, _, key = name.rpartition(".")
    lines = text.split("\n")
    said = lines_of(text, name)
    if said is not None:
        statement = "\n".join(lines[said.start : said.stop])
        there = re.compile(rf"""(\b{re.escape(key)}["']?[ \t]*=[ \t]*){_STRING}""")
        for match in there.finditer(statement):
            changed = statement[: match.start(2)] + spelled + statement[match.end(2) :]
            yield "\n".join([*lines[: said.start], changed, *lines[said.stop :]])
        return
    for pattern in (rf"\s*#\s*{re.escape(key)}\s*=.*", rf"\s*\[\s*{re.escape(section)}\s*\]\s*(#.*)?"):
        for number, line in enumerate(lines):
            if re.fullmatch(pattern, line):
                yield "\n".join([*lines[: number + 1], f"{key} = {spelled}", *lines[number + 1 :]])
    yield f"{text.rstrip()}\n\n[{section}]\n{key} = {spelled}\n".lstrip()
    yield f"{name} = {spelled}\n{text}"


def _default(setting: Setting) -> str:
    default = setting.example or Settings.default(setting)
    match default:
        case str():
            return toml_string(default)
        case tuple():
            return f"[{', '.join(toml_string(str(one)) for one in default)}]"
        case _:
            return str(default)
