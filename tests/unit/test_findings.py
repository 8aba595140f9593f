"""docs/findings.md: no finding is missing, and each test that it names is there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/findings.md"
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
LINK = re.compile(r"\]\(([\w/.-]+)(?:#[\w-]+)?\)")
FOUND = {
    "AWS": [f"{part}{n}" for part, last in (("A", 3), ("B", 12), ("C", 6), ("D", 12)) for n in range(1, last + 1)],
    "Held against authentik": [str(n) for n in range(1, 11)],
    "What people reported elsewhere": [f"F{n}" for n in range(1, 12)] + [f"A{n}" for n in range(1, 10)],
    "What attackers tried": [f"S{n}" for n in range(1, 27)],
}
"""The findings of each section, as they were numbered; a row may be of a part of one: `F11 HEAD`."""
COMPARED = 19
"""Rows of the table of what authentik does otherwise."""


def sections() -> dict[str, list[list[str]]]:
    """{section: its rows}, a row as its cells: finding, what was done, tests."""
    found: dict[str, list[list[str]]] = {}
    rows: list[list[str]] = []
    for line in PAGE.read_text("utf-8").splitlines():
        if line.startswith("## "):
            rows = found[line[3:]] = []
        elif line.startswith("| ") and not line.startswith("| finding "):
            rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


ROWS = [(section, *row) for section, rows in sections().items() for row in rows]


@cache
def defined_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("section", FOUND)
def test_no_finding_is_missing(section: str) -> None:
    rows = sections()[section]

    assert [each for each in FOUND[section] if not any(re.match(rf"{each}(?![0-9])", row[0]) for row in rows)] == []


def test_all_that_was_compared_with_authentik_is_there() -> None:
    rows = sections()["Held against authentik"]

    assert len([row for row in rows if row[0].startswith("table ")]) == COMPARED


def test_a_finding_has_one_row() -> None:
    named = [(section, finding) for section, finding, *_ in ROWS]

    assert len(named) == len(set(named))
    assert all(len(row) == 4 for row in ROWS)


def test_each_row_names_a_test_that_is_there() -> None:
    wrong = [
        f"{section} {finding}: {tests}"
        for section, finding, _, tests in ROWS
        if not (named := TEST.findall(tests))
        or len(named) != tests.count("`") // 2
        or not all((ROOT / path).is_file() and test in defined_in(path) for path, test in named)
    ]

    assert wrong == []


def test_nothing_is_open() -> None:
    assert [finding for _, finding, done, _ in ROWS if done.lower().startswith("open")] == []


def test_what_is_refused_links_its_reason() -> None:
    pages = {finding: LINK.findall(done) for _, finding, done, _ in ROWS}

    assert [finding for _, finding, done, _ in ROWS if done.startswith("refused:") and not pages[finding]] == []
    assert [page for linked in pages.values() for page in linked if not (PAGE.parent / page).is_file()] == []


def test_what_is_only_said_is_said() -> None:
    """Limits of AWS's that nothing here can mend: one partition for a value of an index, and SES's best effort."""
    said = " ".join((ROOT / "docs/operating.md").read_text("utf-8").split())

    assert "the indexes `by-user` and `by-client-ip` have one partition each for a value" in said
    assert "It hands them to EventBridge with best effort, so one may be lost" in said
