"""Cases of the one decision: what a rule tells together, and what a person says about when."""

from dataclasses import replace

from tests.unit.telling.decision_cases import (
    ALERT,
    AT_ONCE,
    AT_SEVEN,
    BERLIN,
    DAILY,
    FORCED,
    FULL,
    MUTED,
    NIGHT,
    NIGHTLY,
    NOON,
    NOTICE,
    OFF,
    SILENCE,
    SILENT,
    THROTTLED,
    WAIT_TOO,
    WARNING,
    WEEKEND,
    Case,
)
from tocsin.telling.decision import Together

BY_HOST = Together({"context.host": "web-1"}, "minutes=1", "minutes=30")
GROUP = {"group": BY_HOST}
JOINS = (
    "joins what rule refunds tells together of context.host web-1: minutes=1 after the first,"
    " and minutes=30 after the message before"
)
A_MINUTE_LATER = "2026-06-10T12:01"
BEGIN = "quiet hours of ana begin before rule refunds tells its group; alerts pass"

CASES = {
    "a group": Case(NOON, NOTICE, {}, "join", JOINS, A_MINUTE_LATER, more=GROUP),
    "a group, an alert": Case(NOON, ALERT, {}, "join", JOINS, A_MINUTE_LATER, more=GROUP),
    "a group, to a channel": Case(NOON, NOTICE, None, "join", JOINS, A_MINUTE_LATER, more=GROUP),
    "all that a rule tells": Case(
        NOON,
        NOTICE,
        None,
        "join",
        JOINS.replace(" of context.host web-1", ""),
        A_MINUTE_LATER,
        more={"group": replace(BY_HOST, values={})},
    ),
    "a group and a silence": Case(NOON, NOTICE, {}, "drop", SILENT, more=GROUP | {"silence": SILENCE}),
    "a group and a full throttle": Case(NOON, NOTICE, {}, "drop", THROTTLED, more=GROUP | {"throttle": FULL}),
    "a group that is muted": Case(NOON, NOTICE, MUTED, "drop", "dropped: ana muted rule refunds", more=GROUP),
    "a group by a transport that is off": Case(
        NOON, WARNING, OFF, "drop", "dropped: ana turned transport chat off", more=GROUP
    ),
    "a group that can't be muted": Case(
        NOON,
        NOTICE,
        MUTED,
        "join",
        f"{JOINS}; rule refunds can't be muted, although ana muted rule refunds",
        A_MINUTE_LATER,
        more=GROUP | FORCED,
    ),
    "a group at night": Case(NIGHTLY, NOTICE, NIGHT, "hold", AT_SEVEN, "2026-06-11T07:00", more=GROUP),
    "a group at night, an alert": Case(
        NIGHTLY, ALERT, NIGHT, "join", f"{JOINS}; alerts pass quiet hours of ana", "2026-06-10T23:31", more=GROUP
    ),
    "a group at night, an alert that waits": Case(
        NIGHTLY,
        ALERT,
        NIGHT | WAIT_TOO,
        "hold",
        AT_SEVEN.replace("alerts pass", "alerts wait too"),
        "2026-06-11T07:00",
        more=GROUP,
    ),
    "a group at night, by a transport that passes": Case(
        NIGHTLY,
        NOTICE,
        NIGHT | AT_ONCE,
        "join",
        f"{JOINS}; chat passes quiet hours of ana",
        "2026-06-10T23:31",
        more=GROUP,
    ),
    "a group and a digest": Case(
        NOON,
        NOTICE,
        DAILY,
        "join",
        "joins the daily digest of ana at 09:00 in UTC; alerts pass",
        "2026-06-11T09:00",
        more=GROUP,
    ),
    "a group long before the night": Case(
        "2026-06-10T21:00", NOTICE, NIGHT, "join", JOINS, "2026-06-10T21:01", more=GROUP
    ),
    "a group some time before the night": Case(
        "2026-06-10T21:50", NOTICE, NIGHT, "join", JOINS, "2026-06-10T21:51", more=GROUP
    ),
    "a group just before the night": Case(
        "2026-06-10T21:58", NOTICE, NIGHT, "hold", f"held until 07:00 in UTC: {BEGIN}", "2026-06-11T07:00", more=GROUP
    ),
    "a group just before the night in Berlin": Case(
        "2026-06-10T19:59",
        NOTICE,
        BERLIN,
        "hold",
        f"held until 07:00 in Europe/Berlin: {BEGIN}",
        "2026-06-11T05:00",
        more=GROUP,
    ),
    "a group just before quiet hours that clocks skip": Case(
        "2026-03-29T00:59",
        NOTICE,
        {"time_zone": "Europe/Berlin", "quiet_hours": [{"starts": "02:10", "ends": "02:50"}]},
        "join",
        JOINS,
        "2026-03-29T01:00",
        more=GROUP,
    ),
    "an alert of a group just before the night": Case(
        "2026-06-10T21:58", ALERT, NIGHT, "join", JOINS, "2026-06-10T21:59", more=GROUP
    ),
    "a group just before a weekend": Case(
        "2026-06-12T23:59",
        NOTICE,
        WEEKEND,
        "hold",
        f"held until 00:00 on Monday in UTC: {BEGIN}",
        "2026-06-15T00:00",
        more=GROUP,
    ),
}
