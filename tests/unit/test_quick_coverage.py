"""tests/quick_coverage.py finds what coverage's tracer finds."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tests" / "data" / "branches.py"
QUICK = "import tests.quick_coverage, sys; from coverage.cmdline import main; sys.exit(main())"


@pytest.fixture
def measured(tmp_path: Path) -> Any:
    """What coverage reports of the program, measured by a core."""

    def measure(core: str) -> dict[str, Any]:
        rc = tmp_path / "rc"
        rc.write_text(f"[run]\nbranch = true\ncore = {core}\ndata_file = {tmp_path / core}\n", "utf-8")
        for words in (["run", str(PROGRAM)], ["json", "-q", "-o", str(tmp_path / "report.json")]):
            subprocess.run(
                [sys.executable, "-W", "error", "-c", QUICK, words[0], f"--rcfile={rc}", *words[1:]],
                cwd=ROOT,
                env={"PATH": os.defpath},
                check=True,
            )
        (report,) = json.loads((tmp_path / "report.json").read_text("utf-8"))["files"].values()
        found: dict[str, Any] = report
        return found

    return measure


def test_it_finds_the_lines_and_the_branches_that_the_tracer_finds(measured: Any) -> None:
    quick, traced = measured("sysmon"), measured("ctrace")

    for what in ("executed_lines", "missing_lines", "executed_branches", "missing_branches", "summary"):
        assert quick[what] == traced[what], what
    assert quick["missing_branches"]
    assert quick["missing_lines"]
