"""Count how often a rule would have fired on stored events of a time range, as far as one request may read."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

from tocsin.errors import Invalid, Violation
from tocsin.events.model import Event
from tocsin.events.search.query import Search, first_of_events
from tocsin.events.search.rollup_hours import hour_of
from tocsin.events.search.scan import Scan
from tocsin.events.search.timeline import Budget, time_of
from tocsin.identity.store import PeopleStore
from tocsin.matching.explain import Explainer
from tocsin.matching.recipients import EventAudience
from tocsin.models import Model, accepted
from tocsin.notifications.text import cut
from tocsin.records import dataclass, field
from tocsin.times import iso
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from tocsin.fields import Moment  # tocsin.models says what for

MAX_EVENTS = 10_000
"""Most events that one request reads; a cursor continues from there."""

MAX_SECONDS = 8.0

MAX_EXAMPLES = 10
MAX_SUMMARY = 1_000
"""Most characters of an example's summary, which can be as long as its event's message."""


@dataclass(frozen=True, kw_only=True)
class _Asked(Model):
    since: Moment
    until: Moment | None = None
    cursor: str | None = None


@dataclass(slots=True)
class _Tally:
    looked_at: int = 0
    by_hour: Counter[str] = field(default_factory=Counter)
    examples: list[Json] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    def fired(self, event: Event) -> None:
        self.by_hour[iso(hour_of(event.created))] += 1
        if len(self.examples) < MAX_EXAMPLES:
            summary = cut(event.summary, MAX_SUMMARY)
            self.examples.append({"id": event.id, "created": iso(event.created), "summary": summary})


class Backtester:
    """Runs rules over stored events. Raises NotFound, Invalid and Unavailable. Sends nothing."""

    def __init__(self, client: DynamoDBClient, events_table: str, explainer: Explainer, people: PeopleStore) -> None:
        self._client = client
        self._table = events_table
        self._explainer = explainer
        self._people = people

    def run(self, name: str, asked: Json, *, now: datetime) -> tuple[JsonObject, str | None]:
        """Run rule `name` for {since, until?}. Returns the counts, and the next cursor; None at the end of the range.

        `asked["cursor"]` is the cursor of the previous answer. Throttles and silences are ignored: the counts are how
        often the rule's bindings held.
        """
        range_ = _parse(asked, now)
        tested = self._explainer.rule(name)
        walk = Scan(
            self._client,
            self._table,
            Search(since=first_of_events(range_.since), until=first_of_events(range_.until or now)),
            now=now,
            budget=Budget(items=MAX_EVENTS, seconds=MAX_SECONDS),
            newest_first=False,
            position=range_.cursor,
        )
        tally = _Tally()
        for event in walk:
            tally.looked_at += 1
            audience = EventAudience(event, tested.configuration, self._people)
            verdict = tested.rules.judge(event, audience, event.created)
            if verdict.firings:
                tally.fired(event)
            for failure in verdict.failures:
                tally.failures.setdefault(failure.policy, failure.error)
            if walk.budget.is_used_up:  # bindings to groups cost reads as well
                break
        position = None if walk.ended else walk.position
        return {
            "rule": name,
            "since": iso(range_.since),
            "until": iso(range_.until or now),
            "events": tally.looked_at,
            "fired": tally.by_hour.total(),
            "by_hour": {**tally.by_hour},
            "examples": tally.examples,
            "failures": {**tally.failures},
            "scanned_until": None if position is None else iso(time_of(position)),
        }, position


def _parse(asked: Json, now: datetime) -> _Asked:
    range_ = accepted(_Asked, asked)
    if range_.since >= (range_.until or now):
        raise Invalid([Violation("since", "must lie before until, and before now where that is not given")])
    return range_
