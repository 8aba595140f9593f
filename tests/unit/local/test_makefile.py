"""What the Makefile runs finds what it imports: no test's import path stands in for the Makefile's own."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local.waiting import until
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["interrupted", "ended"])
def test_busy_loops_end_with_the_tests_beside_them(number: signal.Signals, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    begun.touch()
    wait = f"until [ $(wc -l < {begun}) = 2 ]; do sleep 0.05; done"
    programs = {
        "python": f"echo $$ >> {begun}; exec sleep 120",
        "tests": f"{wait}; kill -{number.value} $PPID; exit 1",
    }
    for name, script in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        (tmp_path / name).chmod(0o755)

    done = subprocess.run(
        ["make", "--old-file=setup", "loaded", f"BIN={tmp_path}", f"MAKE={tmp_path / 'tests'}"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,  # a pipe would be read until the loops end
        stderr=subprocess.DEVNULL,
        check=False,
    )

    assert done.returncode
    loops = [int(line) for line in begun.read_text("utf-8").split()]
    try:
        until(lambda: not any(map(_runs, loops)), 120, of="the end of both loops")
    finally:
        for loop in filter(_runs, loops):
            os.kill(loop, signal.SIGKILL)


@pytest.mark.parametrize("written", ["", 'AllowedPorts="443, 8443"', "AllowedPorts='443, 8443'"])
def test_a_deployments_parameters_arrive_as_they_were_written(written: str, tmp_path: Path) -> None:
    (tmp_path / "python").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', "utf-8")
    (tmp_path / "python").chmod(0o755)
    command = ["make", "--silent", "--old-file=setup", "deploy", f"BIN={tmp_path}", f"PARAMETERS={written}"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["-m", "local.cloud", "deploy", "default", "--parameters", written]


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes() != b""
    except OSError:
        return False
