"""What the Makefile runs finds what it imports: no test's import path stands in for the Makefile's own."""

import os
import re
import subprocess
import sys

import pytest

from local.workspace import ROOT

RUN = sorted(
    set(re.findall(r"(?:PYTHONPATH=(\S+) )?\$\(BIN\)/python -m (local[.\w]*)", (ROOT / "Makefile").read_text("utf-8")))
)


@pytest.mark.parametrize(("path", "module"), RUN)
def test_a_module_that_make_runs_can_be_imported(path: str, module: str) -> None:
    name = "local.run" if module == "local" else module
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    done = subprocess.run(
        [sys.executable, "-c", f"import {name}"],
        cwd=ROOT,
        env=environment | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
