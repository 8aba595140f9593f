"""Steps of escalations that are due: claimed by the schedule, and handed to the match queue.

    1. the matter is claimed, for longer than the schedule's function runs
    2. its next step is handed on, as a message of the match queue
    3. the matter goes on to the step after that

A function that dies before the third has the step handed on again after the lease. That is harmless: what a step sends
has the same ids each time. The matcher tells people, and looks once more whether somebody acknowledged the matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.escalation_store import EscalationStore
from tocsin.deliveries.matters import DueMatter, Matter

LEASE = timedelta(seconds=90)
"""Longer than the schedule's function may run."""

MATTERS_AT_ONCE = 100


class DueSteps:
    """Hands due steps on. Methods raise Unavailable."""

    def __init__(
        self,
        matters: EscalationStore,
        configuration: ConfigurationStore,
        hand_on: Callable[[Matter], None],
        clock: Callable[[], datetime],
    ) -> None:
        """`hand_on` puts the next step of a matter into the match queue."""
        self._matters = matters
        self._configuration = configuration
        self._hand_on = hand_on
        self._clock = clock

    def due(self, shard: int) -> list[DueMatter]:
        """Return some matters of a shard of which a step is due. Reads nothing where no rule escalates."""
        _, configuration = self._configuration.current()
        if not any(rule.escalate for rule in configuration.rules):
            return []
        return self._matters.due(shard, now=self._clock(), limit=MATTERS_AT_ONCE)

    def matters(self, names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Matter]:
        """Return those matters of `names`, (rule, about) each, that are there, of rules that escalate."""
        _, configuration = self._configuration.current()
        escalating = {rule.name for rule in configuration.rules if rule.escalate}
        return self._matters.get_many([each for each in names if each[0] in escalating], now=self._clock())

    def step(self, due: DueMatter) -> bool:
        """Hand the next step of a matter on. Return whether one was due.

        The rule's steps are those that it has now. One that was deleted or disabled has none.
        """
        now = self._clock()
        claimed = self._matters.claim(due, now=now, lease=LEASE)
        if claimed is None:
            return False
        moments = self._moments(claimed.matter)
        position = claimed.matter.step
        is_due = position < len(moments) and moments[position] <= now
        if is_due:
            self._hand_on(claimed.matter)
            position += 1
        self._matters.advance(claimed, position, moments[position] if position < len(moments) else None)
        return is_due

    def _moments(self, matter: Matter) -> list[datetime]:
        """Return when each step of the matter's rule is due."""
        _, configuration = self._configuration.current()
        rule = configuration.rules_by_name.get(matter.rule)
        return [] if rule is None or not rule.enabled else [matter.counted_from + step.delay for step in rule.escalate]
