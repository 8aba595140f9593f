"""Mutation tests: mutmut changes the code of a room, one small change at a time, and its tests are to notice each.

mutmut works in `.local/mutants/<room>`, a copy of what is committed, with a virtual environment of its own: it needs a
newer click than aws-sam-cli takes. The copy has the package in `src/`, since mutmut tells functions apart by their
module's name and knows of no other folder. A mutant that mypy refuses, as `make lint` would, was noticed. Each other
one is tried in a process that is forked from one which has imported the tests.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from local.workspace import ROOT

FOLDER = ROOT / ".local/mutants"
_SURVIVED, _TYPES = 0, 37
_FAILED, _ENDED, _HUNG, _NO_TESTS = (1, 3), (-9, -11), (-24, 24, 36, 152, 255), (5, 33)
"""mutmut's codes for mutants: a test failed, Python ended, what hung was ended, no test runs it. Others say nothing."""
_PYTEST = (*("-p", "no:benchmark", "-p", "no:cacheprovider", "-p", "no:schemathesis"), "--hypothesis-profile=mutants")
_FORGET_IDS = '''"""Tests are collected twice: pytest keeps the ids of the first time, and escapes them once more."""


def pytest_collection_finish(session):
    for item in session.items:
        for mark in item.iter_markers("parametrize"):
            if mark._param_ids_from is not None:
                object.__setattr__(mark._param_ids_from, "_param_ids_generated", None)
'''
_COPIED = ("cli", "docs", "events", "functions", "layers", "local", "template.yaml", "samconfig.toml", "Makefile")


@dataclass(frozen=True)
class Room:
    """What is mutated, as patterns within `tocsin/`, and the tests that are to notice."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


ROOMS = {
    "redact": Room(
        tuple(
            f"events/{name}.py"
            for name in ("redact", "secret_names", "credentials", "assignments", "commands", "indented", "markup")
        ),
        ("tests/unit/events",),
    ),
    "ingest": Room(("ingest/*.py",), ("tests/unit/ingest", "tests/integration/ingest")),
    "identity": Room(
        ("identity/*.py", "identity/*/*.py"),
        ("tests/unit/identity", "tests/integration/identity", "tests/integration/config"),
    ),
    "matching": Room(
        ("matching/*.py",),
        (
            *("tests/unit/rules", "tests/unit/matching", "tests/integration/matching", "tests/integration/telling"),
            "tests/integration/jobs",  # what is known of an event is found to be erased
        ),
    ),
    "deliveries": Room(
        ("deliveries/*.py",), ("tests/unit/deliveries", "tests/integration/deliveries", "tests/integration/telling")
    ),
}


def main(names: list[str], workers: str, only: str = "*") -> int:
    """Mutate the rooms of these names, all where none is named; print the survivors and each room's score.

    `only` is a pattern of mutants' names, which end with their number within a function: "*3" is a tenth of them.
    """
    unknown = sorted(set(names) - set(ROOMS))
    if unknown:
        print(f"no such room: {', '.join(unknown)}; there are {', '.join(ROOMS)}", file=sys.stderr)
        return 2
    python = _environment()
    for name in names or ROOMS:
        place = _workspace(name, ROOMS[name], python)
        mutmut = [str(python), "-m", "mutmut"]
        run = [str(python), "-P", str(ROOT / "local/mutant_tests.py"), "run", "--max-children", workers, only]
        subprocess.run(run, cwd=place, check=True)
        subprocess.run([*mutmut, "results"], cwd=place, check=True)
        print(score(name, _results(place)), flush=True)
    return 0


def score(room: str, results: Counter[int | None]) -> str:
    """Return one line: how many mutants were noticed, of those that were tried, how, and how many were not.

    `results` count the codes that mutmut gives mutants. One that makes a test hang, or ends Python, was noticed.
    """
    types, survived = results[_TYPES], results[_SURVIVED]
    hung, no_tests = (sum(results[code] for code in codes) for codes in (_HUNG, _NO_TESTS))
    noticed = types + hung + sum(results[code] for code in (*_FAILED, *_ENDED))
    tried = noticed + survived
    share = 100 * noticed / tried if tried else 0.0
    return (
        f"{room}: {noticed} of {tried} noticed ({share:.1f} %), {types} of them by types and {hung} by hanging;"
        f" {survived} survived; {no_tests} run by no test of the room; {results.total() - tried - no_tests} not tried"
    )


def _results(place: Path) -> Counter[int | None]:
    """Return how many mutants of a copy have which code. None is the code of those that were not tried."""
    return Counter(
        code
        for module in (place / "mutants/src").rglob("*.meta")
        for code in json.loads(module.read_bytes())["exit_code_by_key"].values()
    )


def _environment() -> Path:
    """Return the interpreter of an environment that has mutmut, and else what .venv has."""
    home = FOLDER / "venv"
    python = home / "bin/python"
    wanted = (ROOT / "requirements-mutants.txt").read_text("utf-8")
    installed = home / "installed.txt"
    if not installed.exists() or installed.read_text("utf-8") != wanted:
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        (site,) = home.glob("lib/python3.*/site-packages")
        (own,) = (ROOT / ".venv").glob("lib/python3.*/site-packages")
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--requirement", str(ROOT / "requirements-mutants.txt")], check=True)
        (site / "development.pth").write_text(f"{own.resolve()}\n", "utf-8")
        installed.write_text(wanted, "utf-8")
    return python


def _workspace(name: str, room: Room, python: Path) -> Path:
    """Make the copy that mutmut changes, of what is committed. Earlier results go."""
    place = FOLDER / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as committed:
        committed.extractall(place, filter="data")
    (place / "src").mkdir()
    (place / "layers/core/tocsin").rename(place / "src/tocsin")
    (place / "layers/core/tocsin").symlink_to("../../src/tocsin")
    project = (place / "pyproject.toml").read_text("utf-8")
    project = project.replace('pythonpath = [".", "layers/core"', 'pythonpath = ["src", "."')
    (place / "pyproject.toml").write_text(f"{project}\n{_settings(room, python)}", "utf-8")
    (place / "conftest.py").write_text(_FORGET_IDS, "utf-8")
    return place


def _settings(room: Room, python: Path) -> str:
    """The section of pyproject.toml that mutmut reads. A mutant has 30 s and 15 times what its tests took."""
    core = ROOT / "layers/core/tocsin"
    modules = sorted(f"src/tocsin/{path.relative_to(core)}" for name in room.modules for path in core.glob(name))
    types = [str(python), "-P", str(ROOT / "local/mutant_types.py"), "mypy", f"--cache-dir={FOLDER / 'types'}"]
    lists = {
        "source_paths": ["src/tocsin"],
        "only_mutate": [f"src/tocsin/{module}" for module in room.modules],
        "also_copy": [*_COPIED, "conftest.py"],
        "type_check_command": [*types, *modules],
        "pytest_add_cli_args": [*_PYTEST],
        "pytest_add_cli_args_test_selection": list(room.tests),
    }
    lines = [f"{name} = {json.dumps(values)}" for name, values in lists.items()]
    return "\n".join(["[tool.mutmut]", *lines, 'process_isolation = "forkserver"', "timeout_constant = 30.0", ""])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ.get("WORKERS", "2"), os.environ.get("ONLY") or "*"))
