"""Quiet hours on the deployed stack: what a person would be told waits, and the event's story says why."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.api import TocsinApi
from local.waiting import until

CONFIGURED: dict[str, dict[str, Any] | None] = {
    "/users/nina": {"email": "nina@example.com"},
    "/groups/night": {},
    "/groups/night/members/nina": None,
    "/policies/night": {"kind": "event_matcher", "app": "night"},
    "/rules/night": {"transports": ["inbox"], "destination_group": "night", "bindings": [{"policy": "night"}]},
}


@pytest.fixture
def night(api: TocsinApi) -> Iterator[None]:
    """A rule that tells nina by the inbox, who has quiet hours now."""
    now = datetime.now(UTC)
    quiet = {"starts": f"{now - timedelta(hours=1):%H:%M}", "ends": f"{now + timedelta(hours=8):%H:%M}"}
    for path, entry in {**CONFIGURED, "/users/nina/preferences": {"quiet_hours": [quiet]}}.items():
        answer = api.ask("PUT", path, json=entry)
        assert answer.ok, (path, answer.text)
    yield
    for path in reversed(CONFIGURED):
        api.ask("DELETE", path)


def test_quiet_hours_hold_a_delivery_and_its_story_says_so(api: TocsinApi, night: None) -> None:
    sent: list[str] = []

    def told() -> dict[str, Any] | None:
        # The matcher reads rules and preferences within seconds: the first may come before either.
        sent.append(api.post_event({"action": "rehearsal", "app": "night"})["id"])
        stories = [api.ask("GET", f"/events/{each}/deliveries").json()["deliveries"] for each in sent[-10:]]
        return next((story[0] for story in stories if story and story[0]["state"] == "waiting"), None)

    delivery = until(told, 180, of="a delivery of the new rule that waits", pause_s=1)

    assert (delivery["user"], delivery["attempts"]) == ("nina", [])
    assert delivery["why"].startswith("held until ")
    assert delivery["why"].endswith("in UTC: quiet hours of nina; alerts pass")
