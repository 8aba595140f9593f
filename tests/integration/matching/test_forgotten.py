"""An event's entries are erased: what stands there is read as it is, since a stale read would leave some for good."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import event
from tocsin.matching.held_store import HeldEvent, HeldStore
from tocsin.matching.story import StoryStore


def test_what_is_to_be_forgotten_is_read_consistently(stack: Stack) -> None:
    about, now = event(), datetime.now(UTC)
    HeldStore(stack.dynamodb, "deliveries").write([HeldEvent(about.id, "r", {})], now=now, keep=timedelta(days=1))
    stories, consistent = StoryStore(stack.dynamodb, "deliveries"), []

    def look(params: dict[str, Any], **_: Any) -> None:
        consistent.append(params.get("ConsistentRead"))

    stack.dynamodb.meta.events.register("provide-client-params.dynamodb.Query", look)
    try:
        stories.forget(about.id, stories.traces(about.id, 10))
    finally:
        stack.dynamodb.meta.events.unregister("provide-client-params.dynamodb.Query", look)

    assert len(consistent) >= 2  # of the story, and of what was held
    assert all(consistent)
