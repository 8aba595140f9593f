"""What is on its way is not deleted by DynamoDB's TTL, however short stories are kept."""

from datetime import timedelta
from typing import Any

import pytest

from local.sinks import Misbehaviour, Sinks
from tests.integration.conftest import Stack
from tests.integration.delivery_world import World
from tests.integration.telling.telling_world import TellingWorld
from tocsin.config.settings import Settings
from tocsin.deliveries.items import Place


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> TellingWorld:
    world = TellingWorld(stack, monkeypatch, sinks)
    world.rules(settings={"notification_retention": "hours=1"})
    return world


def expired(world: World) -> list[str]:
    """The states of deliveries that TTL deletes now."""
    now = world.now.timestamp()
    return [item["state"]["S"] for item in world.all() if int(item["expires_at"]["N"]) < now]


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "after quiet hours"])
def test_a_delivery_to_an_endpoint_that_is_away_for_days_is_there_until_it_is_given_up(
    telling: TellingWorld, sinks: Sinks, waits: bool
) -> None:
    """The fault: what was retried or held for longer than a day was deleted, and nobody heard of it."""
    sinks.misbehave(Misbehaviour("/webhook/x", status=503))
    if waits:
        telling.say("ana", **telling.quiet(hours=2))
    for _ in range(12):
        telling.match(*telling.happened(1))
    worker, gone = telling.worker(), []
    telling.pump(worker)

    for _ in range(56):
        telling.go_on(worker, hours=3)
        gone += expired(telling)

    assert gone == []
    assert telling.states().keys() <= {"failed", "joined"}
    assert telling.reported()


def test_what_is_sent_again_by_hand_lives_as_long_as_a_new_delivery(telling: TellingWorld, sinks: Sinks) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=404))
    telling.match(*telling.happened(1))
    telling.pump(telling.worker())
    telling.later(days=8, minutes=-1)
    (item, *_) = telling.all()
    place = Place(item["pk"]["S"].removeprefix("event#"), item["sk"]["S"].removeprefix("delivery#"))

    telling.service().retry(place.delivery_id)

    telling.later(days=7)
    assert "queued" not in expired(telling)


def test_stories_that_are_kept_for_longer_keep_their_deliveries(telling: TellingWorld) -> None:
    telling.rules()
    telling.match(*telling.happened(1))
    telling.pump(telling.worker())

    telling.later(**_days(Settings().stories_kept - timedelta(minutes=1)))

    assert expired(telling) == []


def _days(span: timedelta) -> dict[str, Any]:
    return {"seconds": span.total_seconds()}
