"""Functions that die anywhere between two calls: each event of a group is told in exactly one message all the same."""

from collections import Counter
from datetime import timedelta

import pytest

from local.sinks import Sinks
from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import record
from tests.integration.telling.telling_world import TellingWorld, dying
from tests.integration.telling.test_deaths import SHARE, a_minute, match_until_done, nobody_dies_any_more
from tocsin.deliveries.digest_store import DigestStore
from tocsin.deliveries.digests import LOOK_AGAIN
from tocsin.deliveries.waiting_store import SETTLE

SEEDS = range(2)
HOSTS = 3


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> TellingWorld:
    world = TellingWorld(stack, monkeypatch, sinks)
    world.rules(group={"by": ["context.host"], "wait": "minutes=1", "interval": "minutes=5"}, once=True)
    return world


@pytest.mark.parametrize("seed", SEEDS)
def test_each_event_is_in_exactly_one_message(telling: TellingWorld, seed: int) -> None:
    events = [telling.event(context={"host": f"web-{number % HOSTS}"}) for number in range(18)]

    with dying(telling, seed, SHARE) as died:
        for start in range(0, len(events), 6):
            match_until_done(telling, events[start : start + 6])
            for _ in range(3):
                telling.later(minutes=1)
                a_minute(telling)
    nobody_dies_any_more(telling, runs=20)

    assert died
    items = telling.all()
    digests = {item["listed_at"]["S"]: item for item in items if "digest" in item}
    told = {item["pk"]["S"].removeprefix("event#"): item for item in items if "digest" not in item}
    assert told.keys() == {event.id for event in events}
    assert {item["state"]["S"] for item in told.values()} == {"joined"}
    assert {item["state"]["S"] for item in digests.values()} == {"delivered"}
    joined = Counter(item["joined"]["S"] for item in told.values())
    posted = {body["id"]: body["digest"] for name in ("ana", "bob") for body in telling.posted(name)}
    assert {id_: digest["count"] for id_, digest in posted.items()} == joined
    assert joined.keys() == digests.keys()
    assert sum(joined.values()) == len(events)
    assert len(posted) < len(events) / 1.5
    groups = {event.id: event.context["host"] for event in events}
    for event_id, item in told.items():
        assert posted[item["joined"]["S"]]["group"] == {"context.host": groups[event_id]}


def test_what_an_index_shows_late_is_told_soon(telling: TellingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """A global index is eventually consistent: a group that is due may show nothing of what waits yet."""
    worker = telling.worker()
    telling.match(*[telling.event(context={"host": "web-1"}) for _ in range(3)])

    with monkeypatch.context() as late:
        late.setattr(DigestStore, "waiting", lambda *_, **__: [])
        late.setattr(DigestStore, "next_due", lambda *_: None)
        telling.go_on(worker, minutes=1)
    telling.go_on(worker, seconds=SETTLE.total_seconds())

    assert [body["digest"]["count"] for body in telling.posted("ana")] == [3]


def test_a_group_is_not_forgotten_while_somebody_relies_on_it(telling: TellingWorld) -> None:
    """A process that asked for a group's head does so again only some minutes later."""
    matcher, worker, interval = telling.matcher(), telling.worker(), timedelta(minutes=5)
    deliveries = []

    for number in range(4):
        event = telling.event(context={"host": "web-1"})
        deliveries.append(event)
        matcher.stream([record(event, number)])
        telling.go_on(worker, minutes=2)
        telling.go_on(worker, minutes=2)
    telling.go_on(worker, seconds=interval.total_seconds())
    telling.go_on(worker, seconds=LOOK_AGAIN.total_seconds())

    assert sum(body["digest"]["count"] for body in telling.posted("ana")) == len(deliveries)
