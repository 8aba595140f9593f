"""Cases of the one decision: silences, throttles, and what a person turned off."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from tocsin.models import validated
from tocsin.notifications.model import Severity
from tocsin.telling.decision import Aged, Asked, Decision, Silencing, Throttling, decide
from tocsin.telling.preferences import Preferences, Wishes

NIGHT = {"quiet_hours": [{"starts": "22:00", "ends": "07:00"}]}
BERLIN = NIGHT | {"time_zone": "Europe/Berlin"}
WEEKEND = {"quiet_hours": [{"days": ["sat", "sun"], "starts": "00:00", "ends": "24:00"}]}
DAILY = {"digest": {"every": "day", "at": "09:00"}}
HOURLY = {"digest": {"every": "hour"}}
OFF: dict[str, Any] = {"transports": {"chat": {"enabled": False}}}
WARNINGS: dict[str, Any] = {"transports": {"chat": {"min_severity": "warning"}}}
ALERTS: dict[str, Any] = {"transports": {"chat": {"min_severity": "alert"}}}
AT_ONCE: dict[str, Any] = {"transports": {"chat": {"at_once": True}}}
MUTED: dict[str, Any] = {"rules": {"refunds": {"muted": True}}}
WAIT_TOO = {"alerts_pass": False}

SILENCE = Silencing("deploy", datetime(2026, 6, 10, 14, tzinfo=UTC), "the new shop")
FULL = Throttling(3, "minutes=10", datetime(2026, 6, 10, 12, 10, tzinfo=UTC), {"user.username": "bob"})


def muted_until(moment: str) -> dict[str, Any]:
    return {"rules": {"refunds": {"muted_until": moment}}}


class Case(NamedTuple):
    """What is asked, by whom, when, and what is to be answered. Times are UTC; None is a channel's, not a person's."""

    now: str
    severity: str
    said: dict[str, Any] | None
    kind: str
    reason: str
    until: str | None = None
    defaults: Mapping[str, Any] = MappingProxyType({})
    more: Mapping[str, Any] = MappingProxyType({})


NOTICE, WARNING, ALERT = "notice", "warning", "alert"
NOON, NIGHTLY = "2026-06-10T12:00", "2026-06-10T23:30"  # a Wednesday
AT_SEVEN = "held until 07:00 in UTC: quiet hours of ana; alerts pass"
AT_SEVEN_IN_BERLIN = "held until 07:00 in Europe/Berlin: quiet hours of ana; alerts pass"
SILENT = "dropped: silence deploy holds until 2026-06-10T14:00Z (the new shop)"
THROTTLED = (
    "dropped: the throttle of rule refunds lets 3 in minutes=10 through for user.username bob;"
    " the next may pass at 2026-06-10T12:10Z"
)
OLD = Aged(timedelta(hours=26, minutes=50), "hours=24")
AGED = "dropped: the event is 26 hours old, and rule refunds tells of none older than hours=24"
FORCED = {"can_be_muted": False}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def decided(case: Case) -> Decision:
    more = dict(case.more)
    asked = Asked("refunds", Severity(case.severity), "chat", more.pop("can_be_muted", True))
    defaults = validated(Preferences, dict(case.defaults))
    wishes = None if case.said is None else Wishes.of("ana", validated(Preferences, case.said), defaults)
    return decide(asked, utc(case.now), wishes=wishes, **more)


CASES = {
    # nothing stands against it
    "nobody in particular": Case(NOON, NOTICE, None, "send", "told at once"),
    "nothing said": Case(NOON, NOTICE, {}, "send", "told at once"),
    "nothing said, at night": Case(NIGHTLY, NOTICE, {}, "send", "told at once"),
    "only a locale": Case(NIGHTLY, NOTICE, {"locale": "de"}, "send", "told at once"),
    "only a zone": Case(NIGHTLY, NOTICE, {"time_zone": "Europe/Berlin"}, "send", "told at once"),
    "other transports are off": Case(
        NOON, NOTICE, {"transports": {"mail": {"enabled": False}}}, "send", "told at once"
    ),
    "other rules are muted": Case(NOON, NOTICE, {"rules": {"logins": {"muted": True}}}, "send", "told at once"),
    # silences and throttles, before anything that a person says
    "a silence": Case(NOON, NOTICE, {}, "drop", SILENT, more={"silence": SILENCE}),
    "a silence, an alert": Case(NOON, ALERT, {}, "drop", SILENT, more={"silence": SILENCE}),
    "a silence, to a channel": Case(NOON, NOTICE, None, "drop", SILENT, more={"silence": SILENCE}),
    "a silence without a comment": Case(
        NOON, NOTICE, {}, "drop", SILENT.removesuffix(" (the new shop)"), more={"silence": replace(SILENCE, comment="")}
    ),
    "a silence, a rule that can't be muted": Case(NOON, NOTICE, {}, "drop", SILENT, more=FORCED | {"silence": SILENCE}),
    "a silence at night": Case(NIGHTLY, NOTICE, NIGHT, "drop", SILENT, more={"silence": SILENCE}),
    "a silence and a throttle": Case(NOON, NOTICE, {}, "drop", SILENT, more={"silence": SILENCE, "throttle": FULL}),
    "a throttle": Case(NOON, NOTICE, {}, "drop", THROTTLED, more={"throttle": FULL}),
    "a throttle, an alert": Case(NOON, ALERT, {}, "drop", THROTTLED, more={"throttle": FULL}),
    "a throttle at night": Case(NIGHTLY, NOTICE, NIGHT, "drop", THROTTLED, more={"throttle": FULL}),
    "a throttle of all events": Case(
        NOON,
        NOTICE,
        {},
        "drop",
        THROTTLED.replace(" for user.username bob", ""),
        more={"throttle": replace(FULL, group={})},
    ),
    # age, before silences
    "too old": Case(NOON, ALERT, {}, "drop", AGED, more={"aged": OLD}),
    "too old, by minutes": Case(
        NOON,
        ALERT,
        {},
        "drop",
        AGED.replace("26 hours", "90 minutes").replace("hours=24", "hours=1"),
        more={"aged": Aged(timedelta(minutes=90), "hours=1")},
    ),
    "too old, and a silence": Case(NOON, NOTICE, {}, "drop", AGED, more={"aged": OLD, "silence": SILENCE}),
    # muted
    "muted": Case(NOON, NOTICE, MUTED, "drop", "dropped: ana muted rule refunds"),
    "muted, an alert": Case(NOON, ALERT, MUTED, "drop", "dropped: ana muted rule refunds"),
    "muted, at night": Case(NIGHTLY, NOTICE, MUTED | NIGHT, "drop", "dropped: ana muted rule refunds"),
    "muted by default": Case(NOON, NOTICE, {}, "drop", "dropped: rule refunds is muted by default", defaults=MUTED),
    "muted for an hour": Case(
        NOON, NOTICE, muted_until("2026-06-10T13:00:00Z"), "drop", "dropped: ana muted rule refunds until 13:00 in UTC"
    ),
    "muted for days": Case(
        NOON,
        NOTICE,
        muted_until("2026-06-14T06:30:00Z") | {"time_zone": "Asia/Kolkata"},
        "drop",
        "dropped: ana muted rule refunds until 12:00 on Sunday in Asia/Kolkata",
    ),
    "muted for weeks": Case(
        NOON,
        NOTICE,
        muted_until("2026-08-01T00:00:00+02:00") | {"time_zone": "Europe/Berlin"},
        "drop",
        "dropped: ana muted rule refunds until 00:00 on 2026-08-01 in Europe/Berlin",
    ),
    "muted in a zone that is gone": Case(
        NOON,
        NOTICE,
        muted_until("2026-06-14T06:30:00Z") | {"time_zone": "Europe/Atlantis"},
        "drop",
        "dropped: ana muted rule refunds until 2026-06-14T06:30Z",
    ),
    "muted until now": Case(NOON, NOTICE, muted_until("2026-06-10T12:00:00Z"), "send", "told at once"),
    "no longer muted, at night": Case(
        NIGHTLY, NOTICE, muted_until("2026-06-10T12:00:00Z") | NIGHT, "hold", AT_SEVEN, "2026-06-11T07:00"
    ),
    # a transport that is off, a minimum severity
    "transport off": Case(NOON, NOTICE, OFF, "drop", "dropped: ana turned transport chat off"),
    "transport off, an alert": Case(NOON, ALERT, OFF, "drop", "dropped: ana turned transport chat off"),
    "transport off by default": Case(
        NOON, NOTICE, {}, "drop", "dropped: transport chat is off by default", defaults=OFF
    ),
    "transport off by default, on for ana": Case(
        NOON, NOTICE, {"transports": {"chat": {}}}, "send", "told at once", defaults=OFF
    ),
    "too little, by one": Case(
        NOON,
        NOTICE,
        WARNINGS,
        "drop",
        "dropped: ana wants only warnings and what is more severe by chat, and this is a notice",
    ),
    "too little, by default": Case(
        NOON,
        WARNING,
        {},
        "drop",
        "dropped: by default there is only alerts by chat, and this is a warning",
        defaults=ALERTS,
    ),
    "just enough": Case(NOON, WARNING, WARNINGS, "send", "told at once"),
    "more than enough": Case(NOON, ALERT, WARNINGS, "send", "told at once"),
    "enough, at night": Case(NIGHTLY, WARNING, WARNINGS | NIGHT, "hold", AT_SEVEN, "2026-06-11T07:00"),
    "too little, at night": Case(
        NIGHTLY,
        WARNING,
        ALERTS | NIGHT,
        "drop",
        "dropped: ana wants only alerts by chat, and this is a warning",
    ),
    # a rule that can't be muted
    "forced through a mute": Case(
        NOON,
        NOTICE,
        MUTED,
        "send",
        "told at once; rule refunds can't be muted, although ana muted rule refunds",
        more=FORCED,
    ),
    "forced through a transport that is off": Case(
        NOON,
        NOTICE,
        OFF,
        "send",
        "told at once; rule refunds can't be muted, although ana turned transport chat off",
        more=FORCED,
    ),
    "forced through a minimum": Case(
        NOON,
        NOTICE,
        ALERTS,
        "send",
        "told at once; rule refunds can't be muted, although ana wants only alerts by chat, and this is a notice",
        more=FORCED,
    ),
    "not forced through quiet hours": Case(NIGHTLY, NOTICE, NIGHT, "hold", AT_SEVEN, "2026-06-11T07:00", more=FORCED),
    "forced through a mute into quiet hours": Case(
        NIGHTLY,
        NOTICE,
        MUTED | NIGHT,
        "hold",
        f"{AT_SEVEN}; rule refunds can't be muted, although ana muted rule refunds",
        "2026-06-11T07:00",
        more=FORCED,
    ),
}
