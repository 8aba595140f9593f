"""How calls and units grow with rules, members of a group, events and open deliveries: `make cost WORKLOAD=--sizes`.

Counts, so that a busy machine changes nothing. `--larger` takes half an hour: moto goes through a table's items for
each call. Logs of a million events and more are simulated: each of 1,200 stands for many when hours are counted. What
is larger still is reckoned in docs/cost.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from local.cost.bill import Prices
from local.cost.meter import Meter, Usage, add, used
from local.cost.stage import Stage, staged
from local.cost.workload import record
from tocsin.config.model import Configuration
from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.items import due_shard
from tocsin.events.model import Event
from tocsin.events.search.query import parse_search
from tocsin.events.search.reader import LogReader
from tocsin.events.search.rollup_tally import HourTally
from tocsin.events.search.rollups import Rollups
from tocsin.events.store import EventStore, Submission, event_item
from tocsin.identity.directory import Group, User
from tocsin.identity.store import PeopleStore
from tocsin.ids import new_id
from tocsin.models import validated

RULES, LARGER_RULES = (10, 100, 1_000, 10_000), (100_000,)
MEMBERS, LARGER_MEMBERS = (10, 100, 300), (1_000, 3_000)
EVENTS, LARGER_EVENTS = (500, 2_000), (10_000,)
SIMULATED = (1_000_000, 10_000_000)
"""Events of ten days, by their roll-ups. Their hours are too large for a search to read them whole."""
OPEN, LARGER_OPEN = (10, 500), (10_000, 100_000)

_RARE = "export_ready"
RARE = 6
"""Events of the rare action, whatever the log has besides."""
_HOURS = 2
_TEN_DAYS = timedelta(days=10)
_OF_AN_HOUR = 5
"""Events of a simulated hour that are there."""


def tables(prices: Prices, *, larger: bool = False) -> str:
    """All four; with `larger` the sizes that take minutes each as well."""
    rows = [_rules(count, prices) for count in RULES + LARGER_RULES * larger]
    parts = [_table("rules", "first batch: calls", "read units", "batch of 100, 10 fire: calls", "write units", rows)]
    rows = [_members(count, prices) for count in MEMBERS + LARGER_MEMBERS * larger]
    parts += [_table("members", "calls", "read units a member", "SQS requests a member", "invocations", rows)]
    rows = [_events(count, prices) for count in EVENTS + LARGER_EVENTS * larger]
    rows += [_simulated(count, prices) for count in SIMULATED * larger]
    parts += [_table("events", "found", "calls", "items read", "read units", rows)]
    rows = [_open(count, prices) for count in OPEN + LARGER_OPEN * larger]
    parts += [_table("open deliveries", "calls", "read units", "", "", rows)]
    return "\n\n".join(parts)


def _table(*heading_and_rows: Any) -> str:  # noqa: ANN401 - headings, and then the rows
    *heading, rows = heading_and_rows
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _publish(stage: Stage, rules: int, *, fires_for: str | None = None) -> None:
    """A configuration of so many rules, of which the first fires on login_failed."""
    policies = [{"name": f"p{at}", "kind": "event_matcher", "action": f"custom_{at}"} for at in range(rules)]
    policies[0]["action"] = "login_failed"
    told: dict[str, Any] = {"destination_group": fires_for} if fires_for else {"destination_event_user": True}
    document = {
        "groups": [{"name": "oncall", "roster": "1"}],
        "transports": [{"name": "inbox", "mode": "local"}],
        "policies": policies,
        "rules": [
            {"name": f"r{at}", "transports": ["inbox"], "bindings": [{"policy": f"p{at}"}], **told}
            for at in range(rules)
        ],
    }
    store = ConfigurationStore(stage.dynamodb, "config")
    store.publish(validated(Configuration, document), replacing=store.version(fresh=True), by="sizes")


def _event(action: str, at: datetime | None = None) -> Event:
    return Event(new_id(at), action, "shop", {"username": "person-0"}, {}, None, "default", None)


def _rules(count: int, prices: Prices) -> list[str]:
    with staged(prices.assumed) as stage:
        PeopleStore(stage.dynamodb, "config").write(users=[User("person-0")])
        _publish(stage, count)
        records = [record(event_item(_event("login"), None), 0)]
        first = stage.invoke("matcher", {"Records": records})
        events = [_event("login_failed" if at < 10 else "login") for at in range(100)]
        batch = stage.invoke(
            "matcher", {"Records": [record(event_item(each, None), at) for at, each in enumerate(events)]}
        )
        return [f"{count:,}", str(first.calls), _of(first.usage, "read"), str(batch.calls), _of(batch.usage, "write")]


def _members(count: int, prices: Prices) -> list[str]:
    with staged(prices.assumed) as stage:
        names = [f"person-{at}" for at in range(count)]
        people = PeopleStore(stage.dynamodb, "config")
        people.write(users=[User(name) for name in names])
        people.write(members=[(Group(name="oncall", roster="1"), name) for name in names])
        _publish(stage, 1, fires_for="oncall")
        stage.invoke("matcher", {"Records": [record(event_item(_event("login"), None), 0)]})  # reads the configuration
        event = _event("login_failed")
        EventStore(stage.dynamodb, "events").add([Submission(event, None)])
        usage, calls, invocations, told = used(), 0, 0, 0
        waiting = [record(event_item(event, None), 1)]
        while waiting:
            done = stage.invoke("matcher", {"Records": waiting})
            add(usage, done.usage)
            calls, invocations = calls + done.calls, invocations + 1
            waiting = stage.take("Match", 5)
            told += len(stage.take("Inbox", 10 * count))  # moto's queues grow slow as they fill
        if told != count:
            raise RuntimeError(f"{told} of {count} were told")
        read = sum(units for name, units in usage.items() if name.startswith("dynamodb.read"))
        return [
            f"{count:,}",
            str(calls),
            f"{read / count:.2f}",
            f"{usage['sqs.requests'] / count:.2f}",
            str(invocations),
        ]


class _Simulated(Rollups):
    """Roll-ups for which each event but the rare ones stands for so many."""

    stands_for = 1

    def _tally_of(self, start: datetime, end: datetime, shard: int, now: datetime) -> HourTally:
        tally = super()._tally_of(start, end, shard, now)
        for by_app in (counts for action, counts in tally.counts.items() if action != _RARE):
            for app in by_app:
                by_app[app] *= self.stands_for
        return tally


def _events(count: int, prices: Prices) -> list[str]:
    """A search for a rare action in a log of so many events, of the last hours."""
    return _search(count, count, timedelta(hours=_HOURS), 1, prices)


def _simulated(count: int, prices: Prices) -> list[str]:
    """The same in one of ten days."""
    there = _OF_AN_HOUR * int(_TEN_DAYS / timedelta(hours=1))
    return _search(count, there, _TEN_DAYS, count // there, prices)


def _search(count: int, there: int, span: timedelta, stands_for: int, prices: Prices) -> list[str]:
    with staged(prices.assumed) as stage:
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        start = now - span
        events = [_event("login", start + span * at / there) for at in range(there)]
        events += [_event(_RARE, start + span * (at + 0.5) / RARE) for at in range(RARE)]
        EventStore(stage.dynamodb, "events").add([Submission(each, None) for each in events])
        rollups = _Simulated(stage.dynamodb, "events")
        rollups.stands_for = stands_for
        rollups.mark(each.id for each in events)
        rollups.catch_up(now + timedelta(minutes=5), has_time=lambda: True, history=span)
        meter = Meter(stage.dynamodb, prices.assumed)
        search = parse_search({"action": _RARE, "until": now.isoformat()})
        with meter.running():
            page = LogReader(stage.dynamodb, "events").page(search, now=now + timedelta(minutes=5), limit=100)
        read = _of(meter.usage, "read")
        return [f"{count:,}", str(len(page.events)), str(len(meter.spans)), str(page.budget.spent_items), read]


def _open(count: int, prices: Prices) -> list[str]:
    with staged(prices.assumed) as stage:
        later = int(time.time()) + 3600
        for some in _in_25(range(count)):
            items = [
                {
                    "pk": {"S": f"event#{at}"},
                    "sk": {"S": f"delivery#{at}"},
                    "due_shard": {"S": due_shard(str(at))},
                    "due_at": {"N": str(later)},
                }
                for at in some
            ]
            stage.dynamodb.batch_write_item(
                RequestItems={"deliveries": [{"PutRequest": {"Item": item}} for item in items]}
            )
        stage.invoke("redrive", {})  # reads the configuration
        done = stage.invoke("redrive", {})
        # Without reads of the configuration: how many there are is the time's doing, and moto is slow.
        deliveries = sum(units for name, units in done.usage.items() if name.startswith("dynamodb.read:deliveries"))
        calls = done.calls - round(done.usage["dynamodb.read:config"] / 0.5)
        return [f"{count:,}", str(calls), f"{deliveries:,.1f}", "", ""]


def _in_25(numbers: range) -> Iterator[Iterable[int]]:
    for at in range(0, len(numbers), 25):
        yield numbers[at : at + 25]


def _of(usage: Usage, kind: str) -> str:
    return f"{sum(units for name, units in usage.items() if name.startswith(f'dynamodb.{kind}')):,.1f}"
