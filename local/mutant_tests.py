"""mutmut, but for how a mutant's tests are run: collected once, and the quickest first.

By itself mutmut has pytest collect anew for each mutant and runs its tests in the order of a set, which takes longer
than most tests do. `local/mutants.py` runs this in the copy of a room; it takes what `mutmut` takes.

A mutant is tried by tests that took SECONDS together without mutants, by one in any case. One that hundreds of tests
meet, and none of the quick ones notices, is hardly noticed by a slow one, and would take minutes.

A text is changed once, where mutmut changes it three times (marked, in small letters, in capitals); a sentence is not:
its wording is for people.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterable
from itertools import islice, pairwise
from typing import Any

import mutmut.__main__
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
"""Seconds. So much longer can tests take on a machine that is busy with others."""

_NOTICED, _SURVIVED, _TIMED_OUT = 1, 0, 36
"""mutmut's exit codes."""


def changed_text(text: Any) -> Iterable[Any]:  # noqa: ANN401 - libcst is where mutmut is
    """Return what a text, a node of libcst, is changed to: at most one other, and none for a text of several words."""
    has_several_words = " " in getattr(text, "raw_value", "").strip()
    return () if has_several_words else islice(operator_string(text), 1)


def chosen(tests: Iterable[str], seconds: dict[str, float]) -> list[str]:
    """Return the tests to try, the quickest first, of at most SECONDS together."""
    ordered = sorted(tests, key=lambda test: (seconds.get(test, 0.0), test))
    left = SECONDS
    for number, test in enumerate(ordered):
        left -= seconds.get(test, 0.0)
        if left < 0:
            return ordered[: max(1, number)]
    return ordered


class CollectedOnce(PytestRunner):  # type: ignore[misc]
    """Runs the tests of mutants in processes that are forked from one which has collected them."""

    def __init__(self) -> None:
        super().__init__()
        self._items: dict[str, Any] = {}
        # What mutmut has opened in place of it, and pytest puts aside: a file that nobody closed would fail a test.
        self._outputs: list[Any] = []

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
        signal.signal(signal.SIGALRM, lambda *_: os._exit(_TIMED_OUT))
        signal.alarm(_HANGS_AFTER)
        with change_cwd("mutants"):
            passed = _all_pass([self._items[test] for test in chosen(tests, state().duration_by_test)])
        return _SURVIVED if passed else _NOTICED


def _all_pass(items: list[Any]) -> bool:
    """Run tests until one fails."""
    return not any(
        report.failed
        for item, following in pairwise([*items, None])
        for report in runtestprotocol(item, nextitem=following, log=False)
    )


def runner(max_workers: int = 1) -> ForkServerRunner:
    """Return what runs the mutants, in place of mutmut's own."""
    return ForkServerRunner(max_workers, CollectedOnce, {}, debug=config().debug)


# In the processes that write mutants, too.
mutation_operators[:] = [
    (kind, changed_text if change is operator_string else change) for kind, change in mutation_operators
]

if __name__ == "__main__":
    mutmut.__main__.get_mutant_runner = runner
    mutmut.__main__.cli()
