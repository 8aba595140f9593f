"""Mutes and silences "for ever", which people write as the last second of the year 9999."""

import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import configure, event, match, story_of, told

LAST_SECONDS = [("9999-12-31T23:59:59Z", "Europe/Berlin"), ("9999-12-31T23:59:59-14:00", "UTC")]


@pytest.mark.parametrize(("until", "zone"), LAST_SECONDS)
def test_who_mutes_a_rule_for_ever_keeps_nobody_else_from_being_told(stack: Stack, until: str, zone: str) -> None:
    """The fault: that second is in the year 10000 in Berlin, and the matcher failed on each event of the rule."""
    configure(stack, members={"oncall": ["alice", "bob"]})
    wanted = {"time_zone": zone, "rules": {"failed-logins": {"muted_until": until}}}
    said = Api.of(stack, user="alice", scopes="notifications")("PUT", "/users/me/preferences", wanted)
    happened = event()

    match(stack, happened)

    assert said.status == 200
    assert told(stack.messages("Inbox")) == ["bob"]
    tried = Api.of(stack)("POST", "/rules/failed-logins/test", {"event": {"action": "login_failed"}})
    assert tried.status == 200
    assert "9999-12-31" in tried.text


@pytest.mark.parametrize("ends", ["9999-12-31T23:59:59-05:00", "9999-12-31T23:59:59Z"])
def test_a_silence_for_ever_holds_and_the_story_says_so(stack: Stack, ends: str) -> None:
    configure(stack)
    silenced = Api.of(stack)("PUT", "/silences/for-good", {"matcher": {"action": "login_failed"}, "ends": ends})
    happened = event()

    match(stack, happened)

    assert silenced.status == 201
    assert story_of(stack, happened)["held_by"]["silence"]["ends"] == "9999-12-31T23:59:59.000Z"
