"""Branch coverage that costs little: coverage's monitor, taught the branch events of Python 3.13.

coverage 7 follows branches with sys.monitoring from Python 3.14 on, where each way of a branch has an event that can be
switched off by itself. Before 3.14 it falls back to a tracer, which is called for each line of each library for as long
as tests run. Python 3.13 has one event for both ways of a branch: here a line is watched until it ran, and a branch
until it went both ways.

pyproject.toml has pytest load this (`-p tests.quick_coverage`), and coverage use it (`core = "sysmon"`).
tests/unit/test_quick_coverage.py holds it to what the tracer finds. With Python 3.14 it can go.
"""

import dis
import sys
from types import CodeType
from typing import Any

import coverage.core
from coverage import bytecode, env
from coverage.sysmon import SysMonitor

_EVENTS = sys.monitoring.events


class BranchMonitor(SysMonitor):
    """coverage's monitor, with one event for both ways of a branch."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        super().__init__()
        self._ways: dict[tuple[int, int], int] = {}
        """Where a branch (the id of its code, which coverage keeps alive, and its offset) went first."""

    def start(self) -> None:
        """Start, or go on after a pause."""
        env.PYBEHAVIOR.branch_right_left = False  # there are no events of that name to register
        super().start()
        env.PYBEHAVIOR.branch_right_left = True
        sys.monitoring.register_callback(self.myid, _EVENTS.BRANCH, self._branched)

    def local_events(self) -> int:
        """The events of code that is measured."""
        return _EVENTS.LINE | _EVENTS.PY_RETURN | _EVENTS.BRANCH

    def sysmon_line_arcs(self, code: CodeType, line_number: int) -> Any:
        """A line ran. One of code that is not noted yet, as by another thread that starts it, counts the next time."""
        return super().sysmon_line_arcs(code, line_number) if id(code) in self.code_infos else None

    def sysmon_py_return(self, code: CodeType, instruction_offset: int, retval: object) -> Any:
        """A function returned; likewise."""
        if id(code) not in self.code_infos:
            return None
        return super().sysmon_py_return(code, instruction_offset, retval)

    def _branched(self, code: CodeType, offset: int, destination: int) -> Any:
        if id(code) not in self.code_infos:
            return None
        branch = (id(code), offset)
        known = self._ways.get(branch)
        if known == destination:
            return None
        self._ways.setdefault(branch, destination)
        self.sysmon_branch_either(code, offset, destination)
        return None if known is None else sys.monitoring.DISABLE


bytecode.RETURNS.add(dis.opmap["RETURN_CONST"])  # which Python 3.14 has no more
coverage.core.SysMonitor = BranchMonitor  # type: ignore[misc]
env.PYBEHAVIOR.branch_right_left = True
