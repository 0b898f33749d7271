"""Writes the web app's types of the API, as the API describes itself: `web/src/api/schema.d.ts`.

python tools/api_types.py            write them
python tools/api_types.py --check    say whether what is there is what would be written
"""

import asyncio
import runpy
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi import FastAPI

from haloop.api.house import House
from haloop.api.server import make_app
from haloop.identity import Caller, Identity
from haloop.kernel import canonical
from haloop.outward import open_telling
from haloop.ports.models import Budget
from haloop.settings import Settings
from haloop.store.model_use import AgentUse
from haloop.store.sessions import Sessions
from haloop.testing.practice import Practice
from haloop.wire.problems import Problem
from haloop.workshop.files import LedgerFiles
from haloop.workshop.missions import Missions

ROOT = Path(__file__).resolve().parent.parent
TYPES = ROOT / "web" / "src" / "api" / "schema.d.ts"


def main(words: Sequence[str]) -> int:
    """Write the types, or look whether they are as they should be."""
    made = types_of(asyncio.run(description()))
    if list(words) == ["--check"]:
        if TYPES.is_file() and TYPES.read_text(encoding="utf-8") == made:
            return 0
        print("The API is not what web/src/api/schema.d.ts says: python tools/api_types.py", file=sys.stderr)
        return 1
    TYPES.write_text(made, encoding="utf-8")
    return 0


async def description() -> bytes:
    """How the API describes itself, whoever's house it is and whichever version runs."""
    with TemporaryDirectory() as folder:
        async with Practice.opened(Path(folder), desks=[], connectors=[]) as practice:
            settings = Settings(home=practice.home, state=practice.home)
            owner = Caller(account=practice.account, person=await practice.person("You"))
            ledger, engine = practice.ledger, practice.engine
            async with open_telling(
                settings, None, ledger=ledger, engine=engine, address="http://localhost"
            ) as telling:
                with (
                    Sessions.opened(practice.home / "sessions.db") as kept,
                    AgentUse.opened(practice.home, for_day=Budget(tokens=1)) as spending,
                ):
                    identity = Identity(engine=engine, owner=owner, token="", kept=kept)
                    missions = Missions(
                        ledger=ledger,
                        engine=engine,
                        files=LedgerFiles(),
                        home=practice.home,
                        project=lambda: None,
                        spending=spending,
                        keeper=practice.account,
                    )
                    house = House(
                        ledger=ledger,
                        engine=engine,
                        identity=identity,
                        telling=telling,
                        desks=[],
                        version="0",
                        missions=missions,
                    )
                    return written(make_app(house))


def written(app: FastAPI) -> bytes:
    """An application's description, with the one shape of all that says no described once and not at every route."""
    described = app.openapi()
    for routes in described["paths"].values():
        for route in routes.values():
            route["responses"] = {status: said for status, said in route["responses"].items() if status[0] == "2"}
    described["components"]["schemas"]["Problem"] = Problem.model_json_schema()
    return canonical.encode(_without_fractions(described))


def types_of(described: bytes) -> str:
    """The types that a description makes."""
    node = runpy.run_path(str(ROOT / "tools" / "web.py"))["require_node"]()
    program = ROOT / "web" / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
    with TemporaryDirectory() as folder:
        file = Path(folder) / "openapi.json"
        file.write_bytes(described)
        made = Path(folder) / "schema.d.ts"
        subprocess.run([node.program, program, file, "--output", made], check=True, capture_output=True)
        return made.read_text(encoding="utf-8")


def _without_fractions(value: object) -> canonical.Canonical:
    """Numbers in a description may be fractions, which canonical bytes may not."""
    match value:
        case dict():
            return {str(key): _without_fractions(item) for key, item in value.items()}
        case list():
            return [_without_fractions(item) for item in value]
        case float():
            return int(value)
        case str() | int() | None:
            return value
    raise TypeError(type(value).__name__)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
