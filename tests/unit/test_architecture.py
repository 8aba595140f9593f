"""The arrows between modules: what may import what, and who may speak to AWS."""

import ast
import re
import sys
from pathlib import Path

import pytest

LAYER = Path(__file__).parents[2] / "layers" / "core" / "tocsin"
FUNCTIONS = Path(__file__).parents[2] / "functions"

# Modules that are to be usable and testable without anything of ours but what stands behind the colon.
LEAVES = {
    "ids": set(),
    "durations": set(),
    "jsontypes": set(),
    "sanitize": {"jsontypes"},
    "cleanse": {"jsontypes"},
    "patterns": {"jsontypes", "patterns"},
    "expressions": {"jsontypes", "expressions"},
    "outbound": {"outbound"},
    "signing": set(),
    "settings": set(),
    "summaries": {"jsontypes"},
    "events": {"jsontypes", "ids", "summaries"},
    "directory": {"jsontypes"},
    "geoip": {"cleanse", "events", "jsontypes", "observability", "sanitize"},
    "notifications": {"jsontypes", "ids", "events", "directory"},
    "rules": {
        "cleanse", "directory", "durations", "events", "expressions", "ids", "jsontypes", "moments",
        "notifications", "patterns", "rules", "sanitize", "transports",
    },
    "errors": {"jsontypes"},
    "violations": {"errors", "jsontypes"},
    "web": {"errors", "jsontypes"},
    "intake": {"errors", "jsontypes"},
    "moments": set(),
    "drafts": {"cleanse", "durations", "errors", "events", "ids", "jsontypes", "moments", "sanitize", "violations"},
    "transports": set(),
    "keys": {"moments", "transports", "web"},
    "configuration": {"cleanse", "directory", "durations", "rules", "transports", "web"},
    "egress": {"outbound", "settings"},
    "tokens": {
        "authorization", "clients", "egress", "errors", "jsontypes", "observability", "outbound", "settings", "store",
        "tokens", "web",
    },
    "defaults": {"configuration", "directory", "events", "notifications", "rules", "transports"},
    "rendering": {
        "directory", "events", "expressions", "jsontypes", "notifications", "rendering", "transports",
    },
}  # fmt: skip

# What `store` reads and writes, and nothing that works with it.
STORED = {
    "configuration", "defaults", "directory", "durations", "errors", "events", "ids", "jsontypes", "keys",
    "notifications", "rules", "search", "store", "transports",
}  # fmt: skip
STORED_OF_DELIVERIES = {"models", "breakers", "schedule"}

_EXPRESSION = re.compile(r"(Condition|Update|Filter|Projection)Expression|TableName|IndexName|RequestItems")

# The only ones that speak to AWS or to the world. Whoever else wants something of them asks `store`.
SPEAKS_TO_AWS = {"clients", "store"}
SPEAKS_HTTP = {"outbound"}


def sources() -> dict[str, list[Path]]:
    """{top-level module of the layer: its files}."""
    found: dict[str, list[Path]] = {}
    for path in sorted(LAYER.rglob("*.py")):
        top = path.relative_to(LAYER).parts[0].removesuffix(".py")
        found.setdefault(top, []).append(path)
    return found


def imports(path: Path) -> set[str]:
    """Modules that a file imports, also inside functions; not what is for types alone."""
    tree = ast.parse(path.read_text("utf-8"))
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
    return found


def ours(path: Path) -> set[str]:
    """Top-level modules of the layer that a file imports."""
    return {name.split(".")[1] for name in imports(path) if name.startswith("tocsin.")} - {"__version__"}


@pytest.mark.parametrize("module", LEAVES)
def test_a_domain_module_imports_what_it_may(module: str) -> None:
    for path in sources()[module]:
        assert ours(path) <= LEAVES[module], path.name


@pytest.mark.parametrize("module", sorted(sources().keys() - SPEAKS_TO_AWS))
def test_only_the_store_speaks_to_aws(module: str) -> None:
    for path in sources()[module]:
        outside = {name.split(".")[0] for name in imports(path)}
        # what a call's failure means is told by botocore's exceptions; they speak to nobody
        spoken = {name for name in imports(path) if name.split(".")[0] in {"boto3", "botocore"}}
        assert "boto3" not in outside, path.name
        assert spoken <= {"botocore.exceptions"}, path.name


@pytest.mark.parametrize("module", sorted(sources().keys() - SPEAKS_HTTP))
def test_only_outbound_speaks_http(module: str) -> None:
    for path in sources()[module]:
        assert not {name.split(".")[0] for name in imports(path)} & {"requests", "urllib3", "httpx"}, path.name


def test_nobody_but_the_store_spells_a_table_key() -> None:
    spelled = {
        str(path.relative_to(LAYER))
        for module, paths in sources().items()
        if module != "store"
        for path in paths
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Dict)
        and {key.value for key in node.keys if isinstance(key, ast.Constant)} >= {"pk", "sk"}
    }

    assert not spelled


def test_the_store_knows_models_and_nobody_who_works_with_it() -> None:
    for path in sources()["store"]:
        assert ours(path) - {"deliveries"} <= STORED, path.name
        of_deliveries = {name.split(".")[2] for name in imports(path) if name.startswith("tocsin.deliveries.")}
        assert of_deliveries <= STORED_OF_DELIVERIES, path.name


@pytest.mark.parametrize("module", sorted(sources().keys() - {"api", "reference"}))
def test_nothing_stands_on_the_api(module: str) -> None:
    for path in sources()[module]:
        assert "api" not in ours(path), path.name


def test_nobody_but_the_store_writes_an_expression_or_names_a_table() -> None:
    outside = [path for module, paths in sources().items() if module != "store" for path in paths]

    spelled = {
        f"{path.parent.name}/{path.name}: {keyword.arg}"
        for path in [*outside, *FUNCTIONS.glob("*/app.py")]
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg and _EXPRESSION.search(keyword.arg)
    }

    assert not spelled


@pytest.mark.parametrize("function", sorted(path.parent.name for path in FUNCTIONS.glob("*/app.py")))
def test_a_function_is_a_short_map_onto_the_layer(function: str) -> None:
    path = FUNCTIONS / function / "app.py"

    assert len(path.read_text("utf-8").splitlines()) <= 120
    spoken = {name.split(".")[0] for name in imports(path)} - set(sys.stdlib_module_names)
    assert spoken <= {"aws_lambda_powertools", "tocsin"}


def test_no_module_is_named_for_nothing() -> None:
    assert not {"utils", "helpers", "common", "base", "manager"} & {path.stem for path in LAYER.rglob("*.py")}
