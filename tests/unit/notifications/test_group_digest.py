"""What a message of a group says beside its notifications: the values that they have in common, under labels."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tocsin.events.model import Event
from tocsin.ids import new_id
from tocsin.notifications.digest import Digest
from tocsin.notifications.model import Notification, Severity

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
EVENT = Event(new_id(NOW), "login_failed", "shop", {}, {}, None, "default", NOW + timedelta(days=1))
DIGEST = Digest(
    id=f"{EVENT.id}-0123456789abcdef",
    count=3,
    cause="group",
    since=NOW,
    severities={Severity.WARNING: 3},
    counts={"rules": {"logins": 3}, "actions": {"login_failed": 3}, "apps": {"shop": 3}},
    first=(Notification.of(EVENT, "logins", Severity.WARNING, None),),
    group={"context.client_name": "web-1", "user.groups": ["a", "b"], "context.absent": None, "context.none": []},
)


def test_values_stand_before_counts_and_what_there_is_none_of_is_left_out() -> None:
    assert DIGEST.facts()[:2] == [("Client name", "web-1"), ("Groups", "a, b")]
    assert [label for label, _ in DIGEST.facts()[2:]] == ["Rules", "Actions", "Applications"]


def test_a_key_is_the_same_for_all_messages_of_a_group_and_for_no_other() -> None:
    later = replace(DIGEST, id=f"{new_id(NOW)}-fedcba9876543210", count=9)
    others = (
        replace(DIGEST, group={"context.client_name": "web-2"}),
        replace(DIGEST, first=(replace(DIGEST.first[0], rule="refunds"),)),
        replace(DIGEST, cause="digest"),
    )

    assert later.key == DIGEST.key
    assert DIGEST.key not in {other.key for other in others}


def test_only_a_group_has_values() -> None:
    assert DIGEST.to_json()["group"] == DIGEST.group
    assert "group" not in replace(DIGEST, cause="quiet_hours").to_json()
