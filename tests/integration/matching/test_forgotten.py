"""An event's entries are erased: what stands there is read as it is, since a stale read would leave some for good."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import event
from tocsin.matching.held_store import HeldEvent, HeldStore
from tocsin.matching.story import StoryStore


def test_what_ttl_should_have_deleted_is_told_of_no_more(stack: Stack) -> None:
    """An entry that is over says, too, that its rule was not held back: of that nothing is told either."""
    about, now, day = event(), datetime.now(UTC), timedelta(days=1)
    stories = StoryStore(stack.dynamodb, "deliveries")
    for rule, keep in (("over", timedelta(seconds=-1)), ("kept", day)):
        stories.note_match(about.id, rule, {}, page="0", told={}, kept={}, now=now, keep=keep)
    HeldStore(stack.dynamodb, "deliveries").write([HeldEvent(about.id, "over", {})], now=now, keep=day)

    story = stories.story(about.id, after=None, limit=10, now=now)

    assert [entry["rule"] for entry in story.items] == ["kept"]


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
