"""The handful of structural rules that no linter holds. Each rule reads the code as a tree, says where it is
broken, and is itself tried on a planted violation, so that a rule that sees nothing cannot pass for a clean
house."""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
PRODUCT = REPOSITORY / "src" / "haloop"

# Catching everything hides a bug or, worse, an outcome nobody knows. Only at the writer, where it poisons; around a
# procedure, which it parks; and around a connector, whose silence is a failed step or an uncertain effect.
CATCH_EVERYTHING_AT_MOST = {
    "store/writer.py": 1,
    "kernel/drive.py": 2,
    "engines/live_run.py": 1,
    "engines/at_step.py": 1,
    "engines/outgoing.py": 2,
    "engines/schedules.py": 1,
    "engines/listeners.py": 1,
}
NAMES_THAT_SAY_NOTHING = re.compile(r"_?(util|helper|common|manager|base|service)s?(\.py)?")
KERNEL_MAY_IMPORT = sys.stdlib_module_names | {"pydantic", "pydantic_core", "orjson", "haloop.kernel"}
WRITERS_OF_JSON = {"json.dump", "json.dumps", "json.JSONEncoder", "orjson.dumps"}
MAY_WRITE_JSON = {
    *("kernel/canonical.py", "kernel/receipt.py"),
    "connectors/gateway/body.py",  # to a model, in whose requests there are floats, and nobody hashes it
    "connectors/agents/scripted_agent.py",  # runs in a sandbox, where Haloop is not
}
READERS_OF_THE_CLOCK = {
    *("time.time", "time.time_ns", "time.clock_gettime", "time.clock_gettime_ns"),
    *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"),
}
# Who may speak to the network at all, and why each needs no way out of its own: the client and two commands ask this
# machine's Haloop; the town is this machine's; mail goes to, and letters come from, the servers that the settings name.
# All else leaves through the one module that looks at where it goes.
MAY_CALL_OUT: dict[str, set[str]] = {
    "httpx2": {
        *("client.py", "cli/start.py", "cli/status.py", "connectors/answers.py"),
        *("connectors/booking/town.py", "connectors/subscriptions/town.py", "connectors/town_site.py"),
        "connectors/booking/resy.py",  # by egress
        *("connectors/egress.py", "connectors/push/web_push.py"),
        *("connectors/models/hosted.py", "connectors/models/speaking.py"),
        "connectors/gateway/door.py",  # by egress
        "issuer.py",  # the settings name it, and it may well stand in the same network
        "mcp/sessions.py",  # in process alone
    },
    "httpcore2": {"connectors/egress.py"},
    "playwright": {
        *(f"connectors/storefront/{name}.py" for name in ("chromium", "pages", "rows")),  # to the shop's hosts alone
        "connectors/storefront/connecting.py",  # a person's own window
    },
    "aiosmtplib": {"connectors/mail/smtp.py"},
    "imaplib": {"connectors/mail/mailbox.py"},
    **{module: {"connectors/models/speaking.py"} for module in ("pydantic_ai", "openai", "anthropic")},
    "opentelemetry.exporter": {"collector.py"},
    "aiohttp": {
        "connectors/sandboxes/control_plane.py",
        "connectors/sandboxes/pod_streams.py",
    },  # a cluster's websocket
    "docker": {"connectors/sandboxes/docker.py"},  # to a socket of this machine
    "kubernetes_asyncio": {"connectors/sandboxes/control_plane.py"},  # to a cluster that the settings name
    "requests": {"connectors/sandboxes/docker.py"},  # how that fails
    **{
        module: set()
        for module in (
            *("httpx", "httpcore", "urllib3", "urllib.request", "http.client"),
            *("smtplib", "ftplib", "poplib", "xmlrpc"),
        )
    },
}
OPENERS = {
    *("socket.create_connection", "asyncio.open_connection", "asyncio.open_unix_connection"),
    *("anyio.connect_tcp", "anyio.connect_unix"),
}
MAKERS_OF_CLIENTS = {"AsyncClient", "Client", "AsyncHTTPTransport", "HTTPTransport"}
MAY_MAKE_CLIENTS = {
    "client.py",
    "connectors/egress.py",
    "connectors/town_site.py",
    "issuer.py",
}
SQL = re.compile(r"(?:^|[;(\n])\s*(?:SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|REPLACE|PRAGMA|ATTACH|VACUUM)\s")

Rule = Callable[[Path], Iterator[str]]


def broad_catches(root: Path) -> Iterator[str]:
    """`except Exception` stands only where the design puts it. To clean up and raise again is allowed."""
    for file, tree in modules(root):
        allowed = CATCH_EVERYTHING_AT_MOST.get(file, 0)
        lines = sorted(lines_that_catch_everything(tree))
        yield from (f"{file}:{line}: catches everything" for line in lines[allowed:])


def empty_names(root: Path) -> Iterator[str]:
    """A module is named for a thing, never for a technique; what npm installs has others' names."""
    for path in sorted(root.rglob("*")):
        is_ours = (path.is_dir() or path.suffix == ".py") and "node_modules" not in path.relative_to(root).parts
        if is_ours and NAMES_THAT_SAY_NOTHING.fullmatch(path.name):
            yield f"{path.relative_to(root)}: a name that says nothing"


def kernel_imports(root: Path) -> Iterator[str]:
    """The kernel imports the standard library, pydantic and orjson, nothing else."""
    for file, tree in modules(root):
        if file.startswith("kernel/"):
            for line, module in imported_modules(tree):
                if not any(module == may or module.startswith(f"{may}.") for may in KERNEL_MAY_IMPORT):
                    yield f"{file}:{line}: the kernel imports {module}"


def other_writers_of_json(root: Path) -> Iterator[str]:
    """One module turns records into bytes: two encoders would be two hashes of one fact."""
    for file, tree in modules(root):
        if file not in MAY_WRITE_JSON:
            yield from (f"{file}:{line}: uses {name}" for line, name in used(tree, WRITERS_OF_JSON))


def other_clocks(root: Path) -> Iterator[str]:
    """Time is an argument: a clock read elsewhere cannot be moved by a test, nor watched for jumps."""
    for file, tree in modules(root):
        if file != "kernel/clock.py":
            yield from (f"{file}:{line}: uses {name}" for line, name in used(tree, READERS_OF_THE_CLOCK))


def other_ways_out(root: Path) -> Iterator[str]:
    """What leaves the house goes through one module, beside the few places that are named."""
    for file, tree in modules(root):
        for line, name in imported_things(tree):
            for module, allowed in MAY_CALL_OUT.items():
                if file not in allowed and (name == module or name.startswith(f"{module}.")):
                    yield f"{file}:{line}: speaks to the network through {module}"
        if file not in MAY_MAKE_CLIENTS:
            clients = {f"httpx2.{name}" for name in MAKERS_OF_CLIENTS}
            yield from (f"{file}:{line}: makes a client of its own: {name}" for line, name in calls(tree, clients))
        yield from (f"{file}:{line}: uses {name}" for line, name in used(tree, OPENERS))


def sql_outside_the_store(root: Path) -> Iterator[str]:
    """The ledger's SQL is visible in one folder."""
    for file, tree in modules(root):
        if not file.startswith("store/"):
            yield from (f"{file}:{line}: SQL" for line, words in strings(tree) if SQL.search(words))
    for path in sorted(root.rglob("*.sql")):
        if not path.is_relative_to(root / "store"):
            yield f"{path.relative_to(root)}: SQL"


def missing_docstrings(root: Path) -> Iterator[str]:
    """Every module opens with a paragraph; an empty `__init__.py` has nothing to say."""
    for file, tree in modules(root):
        if tree.body and ast.get_docstring(tree) is None:
            yield f"{file}: opens without a docstring"


def shared_desk_code(root: Path) -> Iterator[str]:
    """`desks/__init__.py` stays empty: what two desks share is a port or belongs in the kernel."""
    for file, tree in modules(root):
        if file == "desks/__init__.py" and tree.body:
            yield f"{file}: is not empty"


def wordless_tests(root: Path) -> Iterator[str]:
    """Every test says in a sentence what it promises."""
    for file, tree in modules(root):
        for function in functions(tree):
            if function.name.startswith("test_") and ast.get_docstring(function) is None:
                yield f"{file}:{function.lineno}: {function.name} has no docstring"


@pytest.mark.parametrize(
    "rule",
    [
        broad_catches,
        empty_names,
        kernel_imports,
        other_writers_of_json,
        other_clocks,
        other_ways_out,
        sql_outside_the_store,
        missing_docstrings,
        shared_desk_code,
    ],
)
def test_the_product_keeps_the_rule(rule: Rule) -> None:
    """No file of the product breaks a structural rule."""
    assert list(rule(PRODUCT)) == []


@pytest.mark.parametrize("folder", ["tests", "tools", "bench", "eval", "examples"])
def test_the_code_around_the_product_opens_with_words(folder: str) -> None:
    """Tests, tools, benchmarks and examples open with a docstring too, and their names say something."""
    assert [*missing_docstrings(REPOSITORY / folder), *empty_names(REPOSITORY / folder)] == []


def test_every_test_says_what_it_promises() -> None:
    """No test is without its sentence."""
    assert list(wordless_tests(REPOSITORY / "tests")) == []


@pytest.mark.parametrize(
    ("rule", "file", "code", "said"),
    [
        (broad_catches, "store/a.py", "try: x\nexcept Exception: y", "store/a.py:2: catches everything"),
        (broad_catches, "store/a.py", "try: x\nexcept: y", "store/a.py:2: catches everything"),
        (broad_catches, "a.py", "try: x\nexcept (OSError, BaseException): y", "a.py:2: catches everything"),
        (broad_catches, "a.py", "try: x\nexcept* Exception: y", "a.py:2: catches everything"),
        (broad_catches, "a.py", "with suppress(Exception): x", "a.py:1: catches everything"),
        (
            broad_catches,
            "a.py",
            "try: x\nexcept Exception as e: raise y from e",
            "a.py:2: catches everything",
        ),
        (
            broad_catches,
            "a.py",
            "def f():\n try: x\n except Exception:\n  if y: return\n  raise",
            "a.py:3: catches everything",
        ),
        (
            broad_catches,
            "store/writer.py",
            "try: x\nexcept Exception: y\ntry: x\nexcept Exception: y",
            "store/writer.py:4: catches everything",
        ),
        (empty_names, "store/utils.py", "", "store/utils.py: a name that says nothing"),
        (empty_names, "helpers/a.py", "", "helpers: a name that says nothing"),
        (empty_names, "_service.py", "", "_service.py: a name that says nothing"),
        (kernel_imports, "kernel/a.py", "import apsw", "kernel/a.py:1: the kernel imports apsw"),
        (kernel_imports, "kernel/a.py", "from haloop.store import b", "the kernel imports haloop.store"),
        (kernel_imports, "kernel/a.py", "from ..store import b", "the kernel imports haloop.store"),
        (kernel_imports, "kernel/a.py", "def f():\n import yaml", "kernel/a.py:2: the kernel imports yaml"),
        (other_writers_of_json, "cli/a.py", "import json\njson.dumps(x)", "cli/a.py:2: uses json.dumps"),
        (other_writers_of_json, "a.py", "from json import dumps as d\nd(x)", "a.py:2: uses json.dumps"),
        (other_writers_of_json, "a.py", "import orjson as o\no.dumps(x)", "a.py:2: uses orjson.dumps"),
        (other_clocks, "a.py", "from time import time\ntime()", "a.py:2: uses time.time"),
        (other_clocks, "a.py", "import time\nf = time.time_ns", "a.py:2: uses time.time_ns"),
        (
            other_clocks,
            "a.py",
            "from datetime import UTC, datetime\ndatetime.now(UTC)",
            "a.py:2: uses datetime.datetime.now",
        ),
        (other_clocks, "a.py", "import datetime as d\nd.date.today()", "a.py:2: uses datetime.date.today"),
        (other_ways_out, "desks/a.py", "import httpx2", "desks/a.py:1: speaks to the network through httpx2"),
        (other_ways_out, "a.py", "def f():\n from urllib import request", "a.py:2: speaks to the network through"),
        (other_ways_out, "a.py", "from urllib.request import urlopen", "a.py:1: speaks to the network through"),
        (other_ways_out, "api/a.py", "import aiosmtplib as mail", "through aiosmtplib"),
        (other_ways_out, "a.py", "import socket as s\ns.create_connection(x)", "a.py:2: uses socket.create_connection"),
        (
            other_ways_out,
            "connectors/push/web_push.py",
            "from httpx2 import AsyncClient as C\nC()",
            "connectors/push/web_push.py:2: makes a client of its own: httpx2.AsyncClient",
        ),
        (sql_outside_the_store, "cli/a.py", "x = 'SELECT 1'", "cli/a.py:1: SQL"),
        (sql_outside_the_store, "a.py", "x = f'''\n  INSERT INTO {table} VALUES (?)'''", "a.py:1: SQL"),
        (sql_outside_the_store, "a.py", "x = 'UPDATE ' + name", "a.py:1: SQL"),
        (sql_outside_the_store, "desks/a.sql", "", "desks/a.sql: SQL"),
        (missing_docstrings, "a.py", "x = 1", "a.py: opens without a docstring"),
        (shared_desk_code, "desks/__init__.py", "'''Shared.'''", "desks/__init__.py: is not empty"),
        (wordless_tests, "test_a.py", "async def test_b(): pass", "test_a.py:1: test_b has no docstring"),
    ],
)
def test_a_planted_violation_is_found(tmp_path: Path, rule: Rule, file: str, code: str, said: str) -> None:
    """Each rule names the file and line of a violation planted for it, and nothing else."""
    plant(tmp_path, file, code)

    violations = list(rule(tmp_path))

    assert len(violations) == 1
    assert said in violations[0]


@pytest.mark.parametrize(
    ("rule", "file", "code"),
    [
        (broad_catches, "store/writer.py", "try: x\nexcept Exception: y"),
        (broad_catches, "a.py", "try: x\nexcept (OSError, ValueError): y"),
        (broad_catches, "a.py", "try: x\nexcept BaseException:\n  lock.release()\n  raise"),
        (empty_names, "kernel/baseline.py", ""),
        (
            kernel_imports,
            "kernel/a.py",
            "import json, pydantic, orjson\nfrom haloop.kernel.b import c\nfrom . import d",
        ),
        (kernel_imports, "store/a.py", "import apsw"),
        (other_writers_of_json, "kernel/canonical.py", "import json\njson.dumps(x)"),
        (other_writers_of_json, "a.py", "import json\njson.loads(x)"),
        (other_clocks, "kernel/clock.py", "import time\ntime.time()"),
        (other_clocks, "a.py", "import time\ntime.monotonic()\nclock.now()\nself.time.time()"),
        (other_ways_out, "connectors/egress.py", "import httpx2\nhttpx2.AsyncClient()"),
        (other_ways_out, "a.py", "import socket\nfrom urllib.parse import quote\nsocket.create_server(x)"),
        (sql_outside_the_store, "store/a.py", "x = 'SELECT 1'"),
        (
            sql_outside_the_store,
            "a.py",
            "'''SELECT is a word.'''\nx = 'Update the home. Create one. SELECTED'",
        ),
        (missing_docstrings, "a/__init__.py", ""),
        (shared_desk_code, "desks/__init__.py", ""),
    ],
)
def test_what_the_rule_allows_is_left_alone(tmp_path: Path, rule: Rule, file: str, code: str) -> None:
    """A rule does not cry out over code that the design allows."""
    plant(tmp_path, file, code)

    assert list(rule(tmp_path)) == []


def plant(root: Path, file: str, code: str) -> None:
    """Write one module into a house of its own."""
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_text(code, encoding="utf-8")


def modules(root: Path) -> Iterator[tuple[str, ast.Module]]:
    """Every Python file below a folder, by its path from there."""
    for path in sorted(root.rglob("*.py")):
        yield path.relative_to(root).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def lines_that_catch_everything(tree: ast.Module) -> Iterator[int]:
    """Every `except` and `suppress` that no error escapes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and swallows_every_error(node):
            yield node.lineno
        if isinstance(node, ast.Call) and dotted(node.func).endswith("suppress"):
            yield from (node.lineno for argument in node.args if names_every_error(argument))


def swallows_every_error(handler: ast.ExceptHandler) -> bool:
    """Whether this catches whatever comes, and does not pass it on."""
    return (handler.type is None or names_every_error(handler.type)) and not only_cleans_up(handler)


def only_cleans_up(handler: ast.ExceptHandler) -> bool:
    """Whether the error goes on unchanged, with no way to leave before the last line raises it again."""
    last = handler.body[-1]
    leaves = any(isinstance(node, ast.Return | ast.Break | ast.Continue) for node in ast.walk(handler))
    return isinstance(last, ast.Raise) and last.exc is None and not leaves


def names_every_error(node: ast.expr) -> bool:
    """Whether the caught type, or one of several, is the root of all errors."""
    caught = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(dotted(each).rpartition(".")[2] in {"Exception", "BaseException"} for each in caught)


def imported_modules(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every module a kernel file imports, wherever in the file, with relative imports spelt out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = {0: [], 1: ["haloop", "kernel"]}.get(node.level, ["haloop"])
            yield node.lineno, ".".join([*above, *([node.module] if node.module else [])])


def imported_things(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Everything a file imports by its whole name, wherever in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node.lineno, f"{node.module}.{name.name}") for name in node.names)


def calls(tree: ast.Module, wanted: set[str]) -> Iterator[tuple[int, str]]:
    """Where the file calls one of the wanted names; to name it in an annotation is no call."""
    imported = imported_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            first, dot, rest = dotted(node.func).partition(".")
            name = imported.get(first, "") + dot + rest
            if name in wanted:
                yield node.lineno, name


def used(tree: ast.Module, wanted: set[str]) -> Iterator[tuple[int, str]]:
    """Where the file reaches one of the wanted names, under whatever name it imported it."""
    imported = imported_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            first, dot, rest = dotted(node).partition(".")
            name = imported.get(first, "") + dot + rest
            if name in wanted:
                yield node.lineno, name


def imported_names(tree: ast.Module) -> dict[str, str]:
    """Each name an import binds in this file, and what it stands for."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                bound = name.asname or name.name.partition(".")[0]
                names[bound] = name.name if name.asname else bound
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.update({name.asname or name.name: f"{node.module}.{name.name}" for name in node.names})
    return names


def dotted(node: ast.expr) -> str:
    """`a.b.c` as written; empty where the expression is anything but names and dots."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (owner := dotted(node.value)):
        return f"{owner}.{node.attr}"
    return ""


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of the file, wherever it stands."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every string of the file that is no docstring."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, node.value
