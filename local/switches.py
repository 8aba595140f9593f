"""Which of the emulator's corrections are on: those that can be switched, and what they are unless somebody says.

What nothing of ours violates is always on. What something of ours still violates is off by default, until that is
mended: tests can be run with it by `LOCAL_AWS='{"late_reads_s": 0.5}'`.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from typing import Self

VARIABLE = "LOCAL_AWS"


@dataclass(frozen=True, slots=True)
class Switches:
    """How an emulator is started."""

    frozen_processes: bool = True
    """Functions' processes are stopped between invocations: their threads stand still (corrections/freezing.py)."""
    frozen_clock: bool = True
    """Their monotonic clock stands still meanwhile (corrections/frozen_clock.py)."""
    late_reads_s: float = 0.0
    """How many seconds eventually consistent reads are behind at most (corrections/late_reads.py)."""
    late_reads_seed: int = 0
    retry_speed: float = 1.0
    """How much faster than on AWS failed asynchronous invocations are retried (corrections/asynchronous.py)."""
    schedule_speed: float = 1.0
    """How much faster than on AWS schedules of a rate go (local/schedules.py)."""

    @classmethod
    def from_environment(cls) -> Self:
        """The defaults, but for what the variable says. TypeError where it names no switch."""
        return replace(cls(), **json.loads(os.environ.get(VARIABLE) or "{}"))

    def to_environment(self) -> dict[str, str]:
        """The variable that has `from_environment` of another process give the same."""
        return {VARIABLE: json.dumps(asdict(self))}
