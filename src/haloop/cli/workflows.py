"""The workflow templates that ship with Haloop, put into a home's `workflows/`, where people may edit them.

What was put there is remembered by its hash, so that a later version replaces a file that nobody touched, and
leaves alone one that somebody did.
"""

from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from haloop.cli.new_file import new_file
from haloop.kernel import canonical
from haloop.kernel.errors import BadInput
from haloop.store.rewriting import rewrite

_FOLDER = "workflows"


def shipped() -> dict[str, bytes]:
    """Each template by its file's name."""
    folder = files("haloop.desks.missions").joinpath(_FOLDER)
    return {one.name: one.read_bytes() for one in folder.iterdir() if one.name.endswith(".yaml")}


def put_workflows(home: Path) -> dict[str, str]:
    """Put each template into the home unless somebody edited it; by its name, what became of it."""
    known = _read_known(home)
    became = {name: _put(home / _FOLDER / name, text, known.get(name, "")) for name, text in shipped().items()}
    put = {name: _digest(text) for name, text in shipped().items() if became[name] != "edited"}
    if known != {**known, **put}:
        rewrite(_known(home), canonical.encode({**known, **put}).decode() + "\n")
    return {f"{_FOLDER}/{name}": what for name, what in became.items()}


def _put(file: Path, text: bytes, known: str) -> str:
    if not file.exists():
        with new_file(file) as made:
            made.write(text)
        return "made"
    found = file.read_bytes()
    if found == text:
        return "there"
    if _digest(found) != known:
        return "edited"
    rewrite(file, text.decode())
    return "replaced"


def _read_known(home: Path) -> dict[str, str]:
    """What was put there, by its hash; where that cannot be read, every file that differs counts as edited."""
    try:
        known = canonical.decode(_known(home).read_bytes().rstrip(b"\n"))
    except (FileNotFoundError, BadInput):
        return {}
    return {name: str(digest) for name, digest in known.items()} if isinstance(known, dict) else {}


def _known(home: Path) -> Path:
    return home / "runtime" / "workflows.json"


def _digest(text: bytes) -> str:
    return sha256(text).hexdigest()
