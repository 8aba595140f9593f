"""Tables of what the benchmarks found, printed when all have run."""

from __future__ import annotations

import pytest

TABLES = pytest.StashKey[dict[str, list[tuple[str, ...]]]]()


@pytest.fixture(scope="session")
def tables(pytestconfig):
    """Rows by the title of their table; the first row of each is its heading."""
    return pytestconfig.stash.setdefault(TABLES, {})


def pytest_terminal_summary(terminalreporter, config):
    for title, rows in config.stash.get(TABLES, {}).items():
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        terminalreporter.section(title)
        for row in rows:
            terminalreporter.line("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
