"""The rooms of the layer: each imports only from the floors below its own, and few of them speak to the outside."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers" / "core" / "tocsin"
FUNCTIONS = ROOT / "functions"
OURS = ("cli", "functions", "layers", "local", "tests")

# From the ground up. A room imports from floors below it; no two rooms of a floor import each other.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("records",),
    ("types", "times", "addresses", "names", "outbound"),
    ("errors", "ids", "fields", "ttl_cache", "patterns", "expressions"),
    ("models",),
    ("aws", "http", "words"),
    ("events",),
    ("identity",),
    ("notifications",),
    ("telling",),
    ("rules",),
    ("config",),
    ("deliveries", "ingest", "live"),
    ("matching", "status"),
    ("jobs",),
    ("api",),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

# Pure logic, and clients of the outside world, that could be libraries of their own.
KNOWS_NOTHING_OF_OURS = {"types", "times", "addresses", "outbound"}

SPEAKS_TO_AWS = {"aws"}
SPEAKS_HTTP = {"outbound"}

# Names of arguments that only a store gives to DynamoDB.
_EXPRESSION = re.compile(r"(Condition|Update|Filter|Projection)Expression|TableName|IndexName|RequestItems")


def sources(*rooms: str) -> Iterator[tuple[str, Path]]:
    """(room, file) of each file in `rooms`, or in all."""
    for path in sorted(LAYER.rglob("*.py")):
        room = path.relative_to(LAYER).parts[0].removesuffix(".py")
        if room != "__init__" and (not rooms or room in rooms):
            yield room, path


@cache
def parsed(path: Path) -> ast.Module:
    """A file's tree: several tests look at it, and parsing takes longer than looking."""
    return ast.parse(path.read_text("utf-8"))


@cache
def imports(path: Path) -> frozenset[str]:
    """Modules that a file imports, also inside functions; not what is for types alone."""
    tree = parsed(path)
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if node.module == "tocsin":
                found |= {f"tocsin.{alias.name}" for alias in node.names}
    return frozenset(found)


def statements(node: ast.AST) -> Iterator[ast.stmt]:
    """All statements below a node, however deep; expressions, of which there are ten times as many, hold none."""
    for statement in ast.iter_child_nodes(node):
        if isinstance(statement, ast.stmt | ast.ExceptHandler | ast.match_case):
            if isinstance(statement, ast.stmt):
                yield statement
            yield from statements(statement)


def rooms_of(path: Path) -> set[str]:
    """The rooms of the layer that a file imports from."""
    return {name.split(".")[1] for name in imports(path) if name.startswith("tocsin.")} - {"__version__"}


def is_store(path: Path) -> bool:
    """Whether a file is one that reads and writes a table."""
    return path.relative_to(LAYER).parts[0] == "aws" or "store" in path.stem or path.stem in STORES


# Stores whose names say what they store rather than that they do.
STORES = {
    "timeline",
    "rollups",
    "rollup_hours",
    "guards",
    "throttle",
    "story",
    "suppressions",
    "group_scopes",
    "lock",
    "version_item",
    "items",
    "inbox_items",
}

# What asks AWS itself, and so is told by botocore's errors why it did not: all else is told by tocsin.aws.errors.
KNOWS_BOTOCORE = {f"aws/{name}.py" for name in ("errors", "clients", "bucket", "models")} | {
    "notifications/email/send.py"
}

# Measure time within one invocation. Whatever lasts longer goes by the wall clock: CLOCK_MONOTONIC stands still while
# Lambda freezes a process. The producers' client is not looked at: it runs in servers as well.
MEASURES_AN_INVOCATION = {
    LAYER / "outbound" / "deadlines.py",
    LAYER / "events" / "search" / "timeline.py",
}


@pytest.mark.parametrize("room", sorted(FLOOR))
def test_a_room_imports_from_the_floors_below_it(room: str) -> None:
    for _, path in sources(room):
        above = {other for other in rooms_of(path) - {room} if FLOOR[other] >= FLOOR[room]}
        assert not above, path.relative_to(LAYER)


def test_every_module_is_in_a_room() -> None:
    assert {room for room, _ in sources()} == set(FLOOR)


@pytest.mark.parametrize("room", sorted(KNOWS_NOTHING_OF_OURS))
def test_what_could_be_a_library_knows_nothing_of_ours(room: str) -> None:
    for _, path in sources(room):
        assert rooms_of(path) <= {room, "records"}, path.name


def test_dataclasses_are_those_whose_methods_are_made_late() -> None:
    for _, path in sources():
        assert path.name == "records.py" or not re.search(
            r"^from dataclasses import .*\b(dataclass|field)\b|^import dataclasses",
            path.read_text("utf-8"),
            re.MULTILINE,
        ), path


def test_only_aws_makes_clients_and_only_outbound_speaks_http() -> None:
    for room, path in sources():
        outside = {name for name in imports(path) if not name.startswith("tocsin.")}
        roots = {name.split(".")[0] for name in outside}
        if room not in SPEAKS_TO_AWS:
            assert "boto3" not in roots, path
        if str(path.relative_to(LAYER)) not in KNOWS_BOTOCORE:
            assert "botocore" not in roots, path
        if room not in SPEAKS_HTTP:
            assert not roots & {"requests", "urllib3", "httpx"}, path


def test_routes_are_powertools_and_http_goes_out_by_requests() -> None:
    """What these libraries do is not done again in code of ours, however quickly that would load."""
    assert "aws_lambda_powertools.event_handler" in imports(LAYER / "api" / "application.py")
    assert any("requests" in imports(path) for _, path in sources("outbound"))


def test_a_model_imports_no_store() -> None:
    for _, path in sources():
        if path.stem in {"model", "message", "outcome", "transport"}:
            assert not [name for name in imports(path) if name.split(".")[-1].endswith("store")], path


def test_nobody_but_a_store_spells_a_key_an_expression_or_a_table() -> None:
    others = [path for _, path in sources() if not is_store(path)]

    for path in [*others, *FUNCTIONS.glob("*/app.py")]:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Dict):
                keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
                assert not keys >= {"pk", "sk"}, path
            if isinstance(node, ast.Call):
                assert not [word.arg for word in node.keywords if word.arg and _EXPRESSION.search(word.arg)], path


def test_nobody_but_a_store_holds_a_table() -> None:
    others = [path for _, path in sources() if not is_store(path)]

    for path in [*others, *FUNCTIONS.glob("*/app.py")]:
        assert "tocsin.aws.table" not in imports(path), path


def test_ages_are_by_the_wall_clock() -> None:
    """The fault: a function that is seldom called held a revoked scope, a rotated key, an old rule for hours."""
    for path in [*LAYER.rglob("*.py"), *FUNCTIONS.rglob("*.py")]:
        tree = parsed(path)
        names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
        if path not in MEASURES_AN_INVOCATION:
            assert not names & {"monotonic", "monotonic_ns"}, path


@pytest.mark.parametrize("function", sorted(path.parent.name for path in FUNCTIONS.glob("*/app.py")))
def test_a_function_is_a_short_map_onto_the_layer(function: str) -> None:
    path = FUNCTIONS / function / "app.py"

    assert len(path.read_text("utf-8").splitlines()) <= 80
    spoken = {name.split(".")[0] for name in imports(path)} - set(sys.stdlib_module_names)
    assert spoken <= {"aws_lambda_powertools", "tocsin", "functions"}


def test_no_module_is_named_for_nothing() -> None:
    assert not {"utils", "helpers", "common", "base", "manager"} & {path.stem for _, path in sources()}


def test_no_function_is_longer_than_eighty_lines() -> None:
    """Handlers, routes, commands, tests: each can be read without scrolling."""
    lengths = {
        f"{path.relative_to(ROOT)}: {node.name}": node.end_lineno - node.lineno + 1
        for top in OURS
        for path in (ROOT / top).rglob("*.py")
        for node in statements(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None
    }

    assert len(lengths) > 5_000  # all of them were looked at
    assert {name: length for name, length in lengths.items() if length > 80} == {}


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    """Python, scripts and styles of ours, tests too; what others wrote stands below `vendor`."""
    ours = [path for top in OURS for path in (ROOT / top).rglob("*") if path.suffix in {".py", ".js", ".css", ".html"}]
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for path in ours
        if "vendor" not in path.parts
    }

    assert len(lengths) > 700  # all of them were looked at
    assert {name: length for name, length in lengths.items() if length > 400} == {}
