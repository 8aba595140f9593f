"""Corrections can be offered to the emulators' projects: they know nothing of ours, and say where they come from."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
CORRECTIONS = sorted((ROOT / "local" / "corrections").glob("*.py"))
# What these take from each other, and nothing else of ours.
OF_EACH_OTHER = "local.corrections."


@pytest.mark.parametrize("path", [*CORRECTIONS, ROOT / "tests" / "moto_as_aws.py"], ids=lambda path: path.stem)
def test_a_correction_imports_nothing_of_ours_but_corrections(path):
    tree = ast.parse(path.read_text("utf-8"))
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}

    ours = {name for name in imported if name.split(".")[0] in {"local", "tests", "functions", "tocsin"}}
    assert {name for name in ours if not name.startswith(OF_EACH_OTHER)} == set()
    assert "ministack" not in {name.split(".")[0] for name in imported}


@pytest.mark.parametrize("path", CORRECTIONS, ids=lambda path: path.stem)
def test_a_correction_is_listed_with_what_it_is_for(path):
    listed = (ROOT / "local" / "corrections" / "__init__.py").read_text("utf-8")

    assert path.stem == "__init__" or path.stem in listed


# late_tables and capacity_tables only put another module's rules around the emulator's tables.
@pytest.mark.parametrize(
    "path",
    [path for path in CORRECTIONS if path.stem not in {"__init__", "late_tables", "capacity_tables"}],
    ids=lambda path: path.stem,
)
def test_a_correction_names_its_source(path):
    text = path.read_text("utf-8")

    assert "https://docs.aws.amazon.com/" in text or "github.com/" in text
