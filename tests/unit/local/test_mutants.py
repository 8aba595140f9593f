"""`make mutants`: what is mutated, and how its score is told."""

import importlib
import re
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest.mock import MagicMock

import pytest

from local.mutant_types import by_changes
from local.mutant_types import main as mutant_types
from local.mutants import ROOMS, main, score
from local.workspace import ROOT


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_names_modules_and_tests_that_exist(name: str) -> None:
    room = ROOMS[name]

    assert all(list((ROOT / "layers/core/tocsin").glob(pattern)) for pattern in room.modules)
    assert all((ROOT / tests).exists() for tests in room.tests)


def test_the_score_tells_how_mutants_were_noticed_and_how_many_were_not_tried() -> None:
    hung, types, killed, survived, no_tests, crashed = 36, 37, 1, 0, 33, -11
    interrupted = 2
    results = Counter({killed: 4, hung: 1, types: 2, crashed: 1, survived: 2, no_tests: 5, interrupted: 1, None: 6})

    assert score("ingest", results) == (
        "ingest: 8 of 10 noticed (80.0 %), 2 of them by types and 1 by hanging; 2 survived;"
        " 5 run by no test of the room; 7 not tried"
    )


def test_a_score_of_nothing_tried_is_none() -> None:
    assert score("ingest", Counter({None: 3})).startswith("ingest: 0 of 0 noticed (0.0 %)")


def test_an_unknown_room_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attic"], "1") == 2

    assert "attic" in capsys.readouterr().err


def test_what_mutmut_needs_is_pinned() -> None:
    lines = (ROOT / "requirements-mutants.txt").read_text("utf-8").splitlines()

    assert all(re.fullmatch(r"#.*|[A-Za-z0-9-]+==[0-9.]+", line) for line in lines)


@pytest.fixture
def mutant_tests(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`local/mutant_tests.py` without mutmut, which is in an environment of its own."""
    for name in (
        "",
        ".__main__",
        ".configuration",
        ".mutation",
        ".mutation.mutators",
        ".mutation.trampoline",
        ".runners",
        ".runners.harness",
    ):
        monkeypatch.setitem(sys.modules, f"mutmut{name}", MagicMock(PytestRunner=object))
    for name in (".state", ".utils", ".utils.file_utils", ".workers", ".workers.isolation"):
        monkeypatch.setitem(sys.modules, f"mutmut{name}", MagicMock(ForkServerRunner=object))
    monkeypatch.delitem(sys.modules, "local.mutant_tests", raising=False)
    module = importlib.import_module("local.mutant_tests")
    monkeypatch.delitem(sys.modules, "local.mutant_tests")
    return module


def test_a_mutant_is_tried_by_its_quickest_tests(mutant_tests: ModuleType) -> None:
    seconds = {"slow": 15.0, "quick": 0.1, "middling": 6.0, "alike": 0.1}

    assert mutant_tests.chosen({"slow", "quick", "middling", "alike", "unknown"}, seconds) == [
        *("unknown", "alike", "quick", "middling")
    ]


def test_a_mutant_is_tried_by_one_test_however_long_it_takes(mutant_tests: ModuleType) -> None:
    assert mutant_tests.chosen({"slow", "slower"}, {"slow": 30.0, "slower": 31.0}) == ["slow"]


@pytest.mark.parametrize(
    ("text", "changed"), [("state", ["XXstateXX"]), (" ", ["XX XX"]), ("the delivery failed", []), (None, ["XXNoneXX"])]
)
def test_a_text_is_changed_once_and_a_sentence_is_not(
    mutant_tests: ModuleType, monkeypatch: pytest.MonkeyPatch, text: str | None, changed: list[str]
) -> None:
    monkeypatch.setattr(mutant_tests, "operator_string", lambda _: [f"XX{text}XX", "other"])
    node = SimpleNamespace() if text is None else SimpleNamespace(raw_value=text)

    assert list(mutant_tests.changed_text(node)) == changed


def test_what_noticed_mutants_of_a_function_is_tried_first(mutant_tests: ModuleType, tmp_path: Path) -> None:
    noticing = mutant_tests.Noticing(tmp_path / "noticing")
    for number, test in enumerate(["middling", "slow", "slow"]):
        noticing.add(f"tocsin.ingest.body.x_read_body__mutmut_{number}", test)
    noticing.add("tocsin.ingest.body.x_other__mutmut_1", "alike")

    before = noticing.tests("tocsin.ingest.body.x_read_body__mutmut_9")

    assert before == ["slow", "middling"]
    seconds = {"slow": 4.0, "quick": 0.1, "middling": 3.0, "alike": 0.2}
    assert mutant_tests.chosen(seconds, seconds, before) == ["slow", "middling", "quick", "alike"]


def test_what_is_in_a_file_named_for_the_module_is_tried_before_what_is_quicker(mutant_tests: ModuleType) -> None:
    own, other = "tests/integration/ingest/test_bodies.py::test_b", "tests/unit/body/test_other.py::test_body"

    assert mutant_tests.chosen([other, own], {own: 2.0, other: 0.1}, module="bod") == [own, other]


def test_no_test_is_known_to_notice_the_first_mutant_of_a_function(mutant_tests: ModuleType, tmp_path: Path) -> None:
    assert mutant_tests.Noticing(tmp_path / "noticing").tests("tocsin.ids.x_new_id__mutmut_1") == []


def test_the_seconds_of_fixtures_count(mutant_tests: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    durations = {"test": 0.0}
    monkeypatch.setattr(mutant_tests, "state", lambda: SimpleNamespace(duration_by_test=durations))
    seconds = mutant_tests.WholeSeconds()

    for when, took in (("setup", 0.5), ("call", 2.0), ("teardown", 0.25)):
        seconds.pytest_runtest_makereport(SimpleNamespace(nodeid="test"), SimpleNamespace(when=when, duration=took))

    assert durations == {"test": 0.75}


WRITTEN = """
class A:
    def xǁAǁf__mutmut_orig(self, n: int) -> int:
        return n

    def xǁAǁf__mutmut_1(self, n: int) -> int:
        return None

def x_f__mutmut_2(n: int) -> int:
    return None
"""


@pytest.mark.parametrize(
    ("line", "message", "counts"),
    [
        (7, "returns None", True),
        (7, "is so unchanged, too", False),  # as in line 4
        (10, "is so unchanged, too", True),  # of another function
        (4, "is so unchanged, too", False),
        (1, "returns None", False),
    ],
)
def test_an_error_of_types_counts_where_a_change_brought_it_about(line: int, message: str, counts: bool) -> None:
    unchanged = {"line": 4, "code": "return-value", "message": "is so unchanged, too"}
    error = {"line": line, "code": "return-value", "message": message}

    assert list(by_changes([unchanged, error], WRITTEN)) == [error] * counts


@pytest.mark.parametrize("failed", [True, False])
def test_a_mutant_that_only_a_part_of_a_test_notices_is_noticed(
    mutant_tests: ModuleType, monkeypatch: pytest.MonkeyPatch, failed: bool
) -> None:
    """The fault: what a part of a test noticed had survived."""
    plugins = pytest.PytestPluginManager()
    item = SimpleNamespace(nodeid="test", config=SimpleNamespace(pluginmanager=plugins))

    def with_a_part(*_: object, **__: object) -> list[SimpleNamespace]:
        plugins.hook.pytest_runtest_logreport(report=SimpleNamespace(failed=failed))
        return [SimpleNamespace(failed=False)]

    monkeypatch.setattr(mutant_tests, "runtestprotocol", with_a_part)
    monkeypatch.setattr(mutant_tests.signal, "setitimer", lambda *_: None)

    assert (mutant_tests._first_failing([item], {}) is item) == failed


def test_types_that_could_not_be_looked_at_end_the_run_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """The fault: no mutant was refused by types, and nothing said why."""
    assert mutant_types(["mypy", "no_such_file.py"]) == 2

    told = capsys.readouterr().out
    assert told.startswith("mypy failed: ")
    assert "no_such_file.py" in told
