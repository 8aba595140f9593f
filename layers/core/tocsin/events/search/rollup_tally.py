"""What is counted of an hour's events while they are read, and which events there are of actions that it has few of."""

from __future__ import annotations

from collections import Counter, defaultdict

import orjson

from tocsin.aws.dynamodb import Item, number_of, text_of
from tocsin.events.search.query import Counts
from tocsin.events.search.rollup_hours import Few, HourCount
from tocsin.events.store import event_text
from tocsin.records import dataclass, field

FEW = 3
"""Events of an action in an hour that are kept by their ids: who looks for them reads these, and nothing else."""

MAX_FEW = 20
"""Actions of an hour whose events are kept by their ids, those with the fewest: 2.4 KB of an item at most."""


@dataclass(slots=True)
class HourTally:
    """Counts of events by action and app, and when the first of them expires."""

    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    events: int = 0
    """How many were read, without those that were known."""
    first_expiry: int | None = None
    """When the first of the events that were read expires, in seconds since 1970; None where none does."""
    _ids: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def go_on(self, before: HourCount) -> None:
        """Take what is known of the beginning of the hour."""
        self._add(before.counts, before.few)

    def add_event(self, item: Item) -> None:
        """Count the event in an item of the events table."""
        event = orjson.loads(event_text(item))
        self._add({event["action"]: {event["app"]: 1}}, {event["action"]: [text_of(item, "sk")]})
        self.events += 1
        if "expires_at" in item:
            self._expire(number_of(item, "expires_at"))

    def merge(self, other: HourTally) -> None:
        """Take what another shard has."""
        self._add(other.counts, other._ids)
        self.events += other.events
        if other.first_expiry is not None:
            self._expire(other.first_expiry)

    @property
    def size(self) -> int:
        """Bytes of the counts, as JSON."""
        return len(orjson.dumps(self.counts))

    def few(self) -> Few:
        """The ids of all events of actions with FEW events or less, by action; of MAX_FEW actions at most."""
        totals = {action: by_app.total() for action, by_app in self.counts.items()}
        whole = [action for action, ids in self._ids.items() if len(ids) == totals[action] <= FEW]
        return {
            action: sorted(self._ids[action])
            for action in sorted(whole, key=lambda each: (totals[each], each))[:MAX_FEW]
        }

    def _add(self, counts: Counts, ids: Few) -> None:
        for action, by_app in counts.items():
            self.counts[action].update(by_app)
        for action, more in ids.items():
            known = self._ids[action]
            known += more[: FEW + 1 - len(known)]  # one too many says that they are not all

    def _expire(self, moment: int) -> None:
        self.first_expiry = moment if self.first_expiry is None else min(self.first_expiry, moment)
