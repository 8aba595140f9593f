"""The files of ours that a call enters, in order, and how often that leads back up to a room that it was in before."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType

from tests.expanded_template import ROOT
from tests.unit.test_architecture import FLOOR

FUNCTIONS = "functions"
LAYER = "layers/core/tocsin"


@dataclass
class Walk:
    """Files by their paths in the repository, each once, with the function by which it was entered first."""

    entered: dict[str, str] = field(default_factory=dict)

    def note(self, code: CodeType) -> None:
        """Add a function that begins, once the walk came to a handler. What else runs in between is not ours."""
        path = code.co_filename.removeprefix(f"{ROOT}/")
        if code.co_name != "<module>" and path.startswith((FUNCTIONS, LAYER) if self.entered else FUNCTIONS):
            self.entered.setdefault(path, code.co_qualname.replace(".<locals>", ""))

    @property
    def rooms(self) -> list[str]:
        """The rooms of the layer that it enters, each once."""
        return list(dict.fromkeys(room for path in self.entered if (room := room_of(path)) != FUNCTIONS))

    @property
    def climbs(self) -> int:
        """How often its next new file is in a room that it has been in before, from one on a lower floor."""
        been: set[str] = set()
        climbs = 0
        last = None
        for room in map(room_of, self.entered):
            if last is not None and room in been and floor_of(room) > floor_of(last):
                climbs += 1
            been.add(room)
            last = room
        return climbs

    def shown(self) -> str:
        """As a numbered list in Markdown."""
        lines = [f"{number}. `{path}`: `{name}`" for number, (path, name) in enumerate(self.entered.items(), 1)]
        return "\n".join([*lines, "", f"{len(self.rooms)} rooms, and {self.climbs} times back up."])


def room_of(path: str) -> str:
    """The room of the layer that a file is in; `functions` for a handler's."""
    if path.startswith(FUNCTIONS):
        return FUNCTIONS
    return path.removeprefix(f"{LAYER}/").partition("/")[0].removesuffix(".py")


def floor_of(room: str) -> int:
    """The room's floor; handlers stand on the highest."""
    return len(FLOOR) if room == FUNCTIONS else FLOOR[room]


@contextmanager
def walking() -> Iterator[Walk]:
    """The walk of what is called meanwhile, in whichever thread."""
    walk = Walk()
    tool, starts = sys.monitoring.PROFILER_ID, sys.monitoring.events.PY_START
    sys.monitoring.use_tool_id(tool, "walk")
    sys.monitoring.register_callback(tool, starts, _noting(walk))
    sys.monitoring.set_events(tool, starts)
    try:
        yield walk
    finally:
        sys.monitoring.set_events(tool, 0)
        sys.monitoring.register_callback(tool, starts, None)
        sys.monitoring.free_tool_id(tool)


def _noting(walk: Walk) -> Callable[[CodeType, int], None]:
    def begins(code: CodeType, _offset: int) -> None:
        walk.note(code)

    return begins
