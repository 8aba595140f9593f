"""mutmut, but for how a mutant's tests are run: collected once, and in an order that notices most mutants soon.

By itself mutmut has pytest collect anew for each mutant and runs its tests in the order of a set, which takes longer
than most tests do. `local/mutants.py` runs this in the copy of a room; it takes what `mutmut` takes.

A mutant is tried by tests that took SECONDS together without mutants, by one in any case. One that hundreds of tests
meet, and none of the quick ones notices, is hardly noticed by a slow one, and would take minutes. Most mutants of a
function are noticed by the same few tests, so those are tried before, and then those in files named for its module.

A text is changed once, where mutmut changes it three times (marked, in small letters, in capitals); a sentence is not:
its wording is for people.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import mutmut.__main__
import mutmut.workers.isolation
import pytest
from _pytest.config import _prepareconfig
from _pytest.runner import runtestprotocol
from mutmut.configuration import config
from mutmut.mutation.mutators import mutation_operators, operator_string
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.runners.harness import PytestRunner
from mutmut.state import state
from mutmut.utils.file_utils import change_cwd
from mutmut.workers.isolation import ForkServerRunner, run_in_fork

SECONDS = 8.0
_HANGS_AFTER = 160
"""Seconds of a mutant. So much longer can tests take on a machine that is busy with others."""

_SPINS_AFTER = 10
"""Seconds of the processor for one test, and ten times what it takes otherwise: they are the same on a busy machine."""

_NOTICED, _SURVIVED, _TIMED_OUT = 1, 0, 36
"""mutmut's exit codes."""


def changed_text(text: Any) -> Iterable[Any]:  # noqa: ANN401 - libcst is where mutmut is
    """Return what a text, a node of libcst, is changed to: at most one other, and none for a text of several words."""
    has_several_words = " " in getattr(text, "raw_value", "").strip()
    return () if has_several_words else islice(operator_string(text), 1)


def chosen(
    tests: Iterable[str], seconds: dict[str, float], before: Sequence[str] = (), module: str | None = None
) -> list[str]:
    """Return the tests to try, of at most SECONDS together.

    Those that come `before` are first, then those in files named for the module; of these and of others the quickest.
    """

    def rank(test: str) -> tuple[bool, float, str]:
        file, _, _ = test.partition("::")
        return module is None or module not in Path(file).stem, seconds.get(test, 0.0), test

    ordered = [*before, *sorted(set(tests) - set(before), key=rank)]
    left = SECONDS
    for number, test in enumerate(ordered):
        left -= seconds.get(test, 0.0)
        if left < 0:
            return ordered[: max(1, number)]
    return ordered


class Noticing:
    """The tests that noticed a mutant, a file for each function: each process that tries a mutant adds one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)

    def tests(self, mutant: str) -> list[str]:
        """Return the tests that noticed mutants of the same function, those that noticed most of them first."""
        try:
            lines = self._file(mutant).read_text("utf-8").splitlines()
        except FileNotFoundError:
            return []
        return [test for test, _ in Counter(lines).most_common()]

    def add(self, mutant: str, test: str) -> None:
        """Keep that a test noticed a mutant."""
        with self._file(mutant).open("a", encoding="utf-8") as file:
            file.write(f"{test}\n")

    def _file(self, mutant: str) -> Path:
        function, _, _ = mutant.rpartition("__mutmut_")
        return self._folder / f"{function}.txt"


class WholeSeconds:
    """A plugin of pytest: a test's seconds are those of its fixtures, too. mutmut counts the test alone."""

    def pytest_runtest_makereport(self, item: Any, call: Any) -> None:  # noqa: ANN401 - as pytest names it
        """Add what a fixture took."""
        if call.when != "call":
            state().duration_by_test[item.nodeid] += call.duration


class Failures:
    """A plugin of pytest that remembers whether part of a test failed, of which the test's own reports say nothing."""

    def __init__(self) -> None:
        self.any = False

    def pytest_runtest_logreport(self, report: Any) -> None:  # noqa: ANN401 - as pytest names it
        """Look at what came of a part."""
        self.any = self.any or report.failed


class CollectedOnce(PytestRunner):  # type: ignore[misc]
    """Runs the tests of mutants in processes that are forked from one which has collected them."""

    def __init__(self) -> None:
        super().__init__()
        self._items: dict[str, Any] = {}
        # What mutmut has opened in place of it, and pytest puts aside: a file that nobody closed would fail a test.
        self._outputs: list[Any] = []
        self._plugins: list[WholeSeconds] = []
        self._noticing = Noticing(Path("noticing").absolute())

    def run_stats(self, *, tests: Iterable[str]) -> int:
        """Run the tests once, and keep how long each takes and which functions it calls."""
        self._plugins = [WholeSeconds()]
        return int(super().run_stats(tests=tests))

    def execute_pytest(self, params: list[str], plugins: Sequence[Any] = (), **kwargs: Any) -> int:  # noqa: ANN401
        """Run pytest."""
        return int(super().execute_pytest(params, plugins=[*plugins, *self._plugins], **kwargs))

    def warm_up(self) -> None:
        """Collect the room's tests. What pytest has started stays so, for the processes that are forked.

        Raises RuntimeError where tests fail in such a process without a mutant.
        """
        self._outputs.append(sys.stdout)
        selected = [*self._pytest_add_cli_args_test_selection, *self._pytest_add_cli_args]
        with change_cwd("mutants"):
            settings = _prepareconfig(["--rootdir=.", "--tb=native", "-q", *selected])
            settings._do_configure()
            session = pytest.Session.from_config(settings)
            settings.hook.pytest_sessionstart(session=session)
            settings.hook.pytest_collection(session=session)
            self._items = {item.nodeid: item for item in session.items}
            # One test of each module: what is loaded with the first call of AWS then is so in all processes.
            some = list({item.path: item for item in session.items}.values())
            set_mutant_under_test("")
            passed = some and _all_pass(some)
            gc.collect()
            gc.freeze()
            if not passed or run_in_fork(lambda: _SURVIVED if _all_pass(some) else _NOTICED) != _SURVIVED:
                raise RuntimeError("tests fail without a mutant")

    def run_tests(self, *, mutant_name: str | None, tests: Iterable[str]) -> int:
        """Run tests until one fails. Without a mutant they are run as mutmut does."""
        if mutant_name is None or not self._items:
            return int(super().run_tests(mutant_name=mutant_name, tests=tests))
        self._outputs.append(sys.stdout)
        # mutmut's own limit is a multiple of what all tests of the mutant take.
        for limit in (signal.SIGALRM, signal.SIGPROF):
            signal.signal(limit, lambda *_: os._exit(_TIMED_OUT))
        signal.alarm(_HANGS_AFTER)
        seconds = state().duration_by_test
        module, _, _ = mutant_name.partition(".x")
        tried = chosen(tests, seconds, self._noticing.tests(mutant_name), module.rpartition(".")[2])
        with change_cwd("mutants"):
            failed = _first_failing([self._items[test] for test in tried], seconds)
        if failed is None:
            return _SURVIVED
        self._noticing.add(mutant_name, failed.nodeid)
        return _NOTICED


def _first_failing(items: list[Any], seconds: dict[str, float]) -> Any:  # noqa: ANN401 - a test as pytest has it
    """Run tests until one fails; return it, or None where all pass. `seconds` are what they take without a mutant."""
    failures = Failures()
    for item, following in pairwise([*items, None]):
        signal.setitimer(signal.ITIMER_PROF, _SPINS_AFTER + 10 * seconds.get(item.nodeid, 0.0))
        name = item.config.pluginmanager.register(failures)
        reports = runtestprotocol(item, nextitem=following, log=False)
        item.config.pluginmanager.unregister(name=name)
        if failures.any or any(report.failed for report in reports):
            return item
    return None


def _all_pass(items: list[Any]) -> bool:
    try:
        return _first_failing(items, state().duration_by_test) is None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


class Runner(ForkServerRunner):  # type: ignore[misc]
    """Runs mutants in processes forked from one that has collected the tests."""

    def run_clean_tests(self, tests: Iterable[str]) -> int:
        """Run nothing: the tests have just passed without a mutant, when it was seen what they call."""
        return 0


def runner(max_workers: int = 1) -> Runner:
    """Return what runs the mutants, in place of mutmut's own."""
    return Runner(max_workers, CollectedOnce, {}, debug=config().debug)


# In the processes that write mutants, too.
mutation_operators[:] = [
    (kind, changed_text if change is operator_string else change) for kind, change in mutation_operators
]

if __name__ == "__main__":
    # mutmut would end a process by its number minutes after it ended by itself: by then another one may have it.
    mutmut.workers.isolation.register_timeout = lambda pid, timeout_s: None
    mutmut.__main__.get_mutant_runner = runner
    mutmut.__main__.cli()
