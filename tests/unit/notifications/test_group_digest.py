"""What a message of a group says beside its notifications: the values that they have in common, under labels."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

from tests.unit.notifications.test_context import rendering_context
from tocsin.events.model import Event
from tocsin.identity.directory import User
from tocsin.ids import new_id
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.digest import Digest
from tocsin.notifications.model import Notification, Severity
from tocsin.notifications.remarks import acknowledged
from tocsin.notifications.translations import ENGLISH, Catalogues
from tocsin.notifications.transport import NotificationTransport, TransportMode
from tocsin.notifications.wording import words_of

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


def test_only_a_group_has_values() -> None:
    assert DIGEST.to_json()["group"] == DIGEST.group
    assert "group" not in replace(DIGEST, cause="quiet_hours").to_json()


def several(user: User | None, cause: str = "digest") -> RenderingContext:
    """A digest of a failed login and an application's own event, to `user`."""
    refund = replace(
        EVENT, id=new_id(NOW + timedelta(hours=1)), action="custom_order_refunded", user={"username": "al"}
    )
    first = (
        Notification.of(EVENT, "logins", Severity.WARNING, user),
        Notification.of(refund, "refunds", Severity.NOTICE, user).with_remark("and 2 more held back"),
    )
    digest = replace(DIGEST, cause=cause, first=first, count=5, severities={Severity.WARNING: 3, Severity.NOTICE: 2})
    transport = NotificationTransport(name="mail", mode=TransportMode.EMAIL)
    told = RenderingContext.of(replace(first[0], body="x", digest=digest.to_json()), transport)
    return replace(told, digest=digest, console="https://api.example.com/console")


def test_a_digest_tells_each_in_words_with_the_time_of_its_readers_zone() -> None:
    ana = User("ana", "ana@example.com", locale="de", time_zone="Asia/Kolkata")

    words = words_of(several(ana), Catalogues.packaged().best("de"))

    assert words.title == "5 Benachrichtigungen"
    assert words.text.splitlines() == [
        "Seit Ihrer letzten Zusammenfassung kam: 3 Warnungen, 2 Hinweise.",
        "• 2026-06-10 17:30 Warnung: Jemand konnte sich nicht anmelden (logins)",
        "• 2026-06-10 18:30 Hinweis: Order refunded · Durch al in shop (und 2 weitere zurückgehalten) (refunds)",
        "und 3 weitere",
    ]
    assert [link.label for link in (*words.links, *words.settings)] == ["Ereignisse öffnen", "Einstellungen ändern"]


def test_a_group_says_by_which_rule_it_is_told() -> None:
    words = words_of(several(None, cause="group"), ENGLISH, channel=True)

    assert "“logins”" in words.why
    assert words.text.splitlines()[1] == "• 2026-06-10 12:00 Warning: Someone failed to log in (logins)"


def test_a_long_text_of_a_digest_is_cut_before_who_acknowledged_it() -> None:
    ana = User("ana", "ana@example.com", locale="de")
    long = replace(EVENT, context={"message": "disk full " * 100})
    remark = acknowledged("bob", NOW)
    told = several(ana)
    first = (Notification.of(long, "disks", Severity.ALERT, ana).with_remark(remark),)
    digest = replace(DIGEST, first=first)

    (shown,) = cast(list[dict[str, str]], digest.to_json()["first"])
    (line,) = digest.lines
    (_, in_words, _) = words_of(replace(told, digest=digest), Catalogues.packaged().best("de")).text.splitlines()

    assert shown["body"].endswith("… (acknowledged by bob at 2026-06-10 12:00 UTC)")
    assert len(shown["body"]) <= 200
    assert line.endswith("… (acknowledged by bob at 2026-06-10 12:00 UTC) (disks)")
    assert in_words.endswith("… (bestätigt von bob um 2026-06-10 12:00 UTC) (disks)")


def test_what_mappings_see_of_a_digest_is_of_all_that_it_tells() -> None:
    context = replace(rendering_context(action="login", event_user={"username": "mallory"}), digest=DIGEST)

    assert context.action == DIGEST.title()
    assert context.string_values == DIGEST.facts()
    assert context.event_user is None
