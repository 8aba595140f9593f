"""500 events of 50 groups within a minute, while matchers are killed: a message or two a group, and none lost.

STORM_EVENTS has there be more: what moto takes for an event grows with their number.
"""

import os
from collections import Counter
from itertools import batched

import pytest

from local.sinks import Sinks
from tests.integration.conftest import Stack
from tests.integration.telling.telling_world import TellingWorld, dying
from tests.integration.telling.test_deaths import match_until_done
from tocsin.deliveries.digests import LEASE
from tocsin.events.model import Event
from tocsin.events.store import Submission
from tocsin.ids import new_id

EVENTS = int(os.environ.get("STORM_EVENTS", "500"))
GROUPS = 50
BATCH = 100
SHARE = 0.0015
"""Of calls to AWS that a matcher dies at: one batch in three or so is not finished."""


def stored(telling: TellingWorld, hosts: range) -> list[Event]:
    """Events of the shop, of a host each, in the table."""
    events = []
    for number in hosts:
        context = {"host": f"web-{number % GROUPS}", "message": f"refund {number}"}
        id_ = new_id(telling.now)
        events.append(Event(id_, "custom_refund", "shop", {}, context, None, "default", telling.now.replace(year=2099)))
    telling.events.add([Submission(event, None) for event in events])
    return events


@pytest.mark.exhaustive
def test_a_storm_of_events_is_a_few_messages_a_group(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks
) -> None:
    telling = TellingWorld(stack, monkeypatch, sinks)
    telling.rules(group={"by": ["context.host"], "wait": "seconds=30", "interval": "minutes=5"}, once=True)
    worker, host_of = telling.worker(), {}

    deaths: list[str] = []
    for numbers in batched(range(EVENTS), BATCH, strict=False):
        events = stored(telling, range(numbers[0], numbers[-1] + 1))
        host_of |= {event.id: event.context["host"] for event in events}
        with dying(telling, numbers[0], SHARE) as died:
            match_until_done(telling, events)
        deaths += died
        telling.later(seconds=60 * BATCH / EVENTS)
    for _ in range(10):
        telling.go_on(worker, seconds=LEASE.total_seconds())

    told = {item["pk"]["S"].removeprefix("event#"): item for item in telling.all() if "digest" not in item}
    joined = Counter(item["joined"]["S"] for item in told.values())
    posted = {body["id"]: body["digest"] for name in ("ana", "bob") for body in telling.posted(name)}
    print(f"{EVENTS:,} events, {len(deaths)} deaths of matchers: {len(posted)} messages; without groups {len(told):,}")
    assert deaths
    assert told.keys() == host_of.keys()
    assert {id_: digest["count"] for id_, digest in posted.items()} == joined
    assert sum(joined.values()) == EVENTS
    assert all(posted[item["joined"]["S"]]["group"]["context.host"] == host_of[id_] for id_, item in told.items())
    assert GROUPS <= len(posted) <= 2 * GROUPS
