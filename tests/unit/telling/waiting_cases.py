"""Cases of the one decision: quiet hours, clocks that change, digests."""

from tests.unit.telling.decision_cases import (
    ALERT,
    AT_ONCE,
    AT_SEVEN,
    AT_SEVEN_IN_BERLIN,
    BERLIN,
    DAILY,
    HOURLY,
    NIGHT,
    NIGHTLY,
    NOON,
    NOTICE,
    WAIT_TOO,
    WARNING,
    WEEKEND,
    Case,
)

CASES = {
    # quiet hours
    "before quiet hours": Case("2026-06-10T21:59:59", NOTICE, NIGHT, "send", "told at once"),
    "quiet hours begin": Case("2026-06-10T22:00", NOTICE, NIGHT, "hold", AT_SEVEN, "2026-06-11T07:00"),
    "quiet hours end": Case("2026-06-11T07:00", NOTICE, NIGHT, "send", "told at once"),
    "a warning at night": Case(NIGHTLY, WARNING, NIGHT, "hold", AT_SEVEN, "2026-06-11T07:00"),
    "an alert at night": Case(NIGHTLY, ALERT, NIGHT, "send", "told at once: alerts pass quiet hours of ana"),
    "an alert that waits": Case(
        NIGHTLY,
        ALERT,
        NIGHT | WAIT_TOO,
        "hold",
        "held until 07:00 in UTC: quiet hours of ana; alerts wait too",
        "2026-06-11T07:00",
    ),
    "an alert that waits by default": Case(
        NIGHTLY,
        ALERT,
        NIGHT,
        "hold",
        "held until 07:00 in UTC: quiet hours of ana; alerts wait too",
        "2026-06-11T07:00",
        defaults=WAIT_TOO,
    ),
    "an alert that passes in spite of the default": Case(
        NIGHTLY,
        ALERT,
        NIGHT | {"alerts_pass": True},
        "send",
        "told at once: alerts pass quiet hours of ana",
        defaults=WAIT_TOO,
    ),
    "a transport that passes": Case(
        NIGHTLY, NOTICE, NIGHT | AT_ONCE, "send", "told at once: chat passes quiet hours of ana"
    ),
    "default quiet hours": Case(
        NIGHTLY,
        NOTICE,
        {"locale": "de"},
        "hold",
        "held until 07:00 in UTC: default quiet hours; alerts pass",
        "2026-06-11T07:00",
        defaults=NIGHT,
    ),
    "no quiet hours in spite of the default": Case(
        NIGHTLY, NOTICE, {"quiet_hours": []}, "send", "told at once", defaults=NIGHT
    ),
    "default quiet hours in one's own zone": Case(
        "2026-06-10T20:30",
        NOTICE,
        {"time_zone": "Europe/Berlin"},
        "hold",
        "held until 07:00 in Europe/Berlin: default quiet hours; alerts pass",
        "2026-06-11T05:00",
        defaults=NIGHT,
    ),
    "a whole weekend": Case(
        "2026-06-13T09:00",
        NOTICE,
        WEEKEND,
        "hold",
        "held until 00:00 on Monday in UTC: quiet hours of ana; alerts pass",
        "2026-06-15T00:00",
    ),
    "not on a working day": Case("2026-06-12T09:00", NOTICE, WEEKEND, "send", "told at once"),
    "in a zone that is gone": Case(
        NIGHTLY,
        NOTICE,
        NIGHT | {"time_zone": "Europe/Atlantis"},
        "send",
        "told at once: there is no time zone 'Europe/Atlantis': IANA calls them as in Europe/Berlin",
    ),
    # zones, and the changes of their clocks
    "summer in Berlin": Case("2026-06-10T20:30", NOTICE, BERLIN, "hold", AT_SEVEN_IN_BERLIN, "2026-06-11T05:00"),
    "winter in Berlin": Case("2026-12-10T21:30", NOTICE, BERLIN, "hold", AT_SEVEN_IN_BERLIN, "2026-12-11T06:00"),
    "not yet in winter": Case("2026-12-10T20:30", NOTICE, BERLIN, "send", "told at once"),
    "the night that clocks go forward": Case(
        "2026-03-28T21:30", NOTICE, BERLIN, "hold", AT_SEVEN_IN_BERLIN, "2026-03-29T05:00"
    ),
    "the night that clocks go back": Case(
        "2026-10-24T20:30", NOTICE, BERLIN, "hold", AT_SEVEN_IN_BERLIN, "2026-10-25T06:00"
    ),
    "an end that clocks skip": Case(
        "2026-03-29T00:30",
        NOTICE,
        {"time_zone": "Europe/Berlin", "quiet_hours": [{"starts": "22:00", "ends": "02:30"}]},
        "hold",
        "held until 03:00 in Europe/Berlin: quiet hours of ana; alerts pass",
        "2026-03-29T01:00",
    ),
    "an end that clocks show twice": Case(
        "2026-10-25T00:45",
        NOTICE,
        {"time_zone": "Europe/Berlin", "quiet_hours": [{"starts": "22:00", "ends": "02:30"}]},
        "hold",
        "held until 02:30 in Europe/Berlin: quiet hours of ana; alerts pass",
        "2026-10-25T01:30",
    ),
    "half an hour beside the others": Case(
        "2026-06-10T16:30",
        NOTICE,
        NIGHT | {"time_zone": "Asia/Kolkata"},
        "hold",
        "held until 07:00 in Asia/Kolkata: quiet hours of ana; alerts pass",
        "2026-06-11T01:30",
    ),
    "half an hour, not yet": Case(
        "2026-06-10T16:29", NOTICE, NIGHT | {"time_zone": "Asia/Kolkata"}, "send", "told at once"
    ),
    "three quarters beside the others": Case(
        "2026-06-10T16:15",
        NOTICE,
        NIGHT | {"time_zone": "Asia/Kathmandu"},
        "hold",
        "held until 07:00 in Asia/Kathmandu: quiet hours of ana; alerts pass",
        "2026-06-11T01:15",
    ),
    "clocks that change by half an hour": Case(
        "2026-10-03T15:00",  # 01:30 at +10:30; 02:00 becomes 02:30
        NOTICE,
        NIGHT | {"time_zone": "Australia/Lord_Howe"},
        "hold",
        "held until 07:00 in Australia/Lord_Howe: quiet hours of ana; alerts pass",
        "2026-10-03T20:00",
    ),
    # digests
    "a daily digest": Case(
        NOON, NOTICE, DAILY, "join", "joins the daily digest of ana at 09:00 in UTC; alerts pass", "2026-06-11T09:00"
    ),
    "a daily digest, the same day": Case(
        "2026-06-10T08:59:59",
        NOTICE,
        DAILY,
        "join",
        "joins the daily digest of ana at 09:00 in UTC; alerts pass",
        "2026-06-10T09:00",
    ),
    "a daily digest in Berlin": Case(
        NOON,
        WARNING,
        DAILY | {"time_zone": "Europe/Berlin"},
        "join",
        "joins the daily digest of ana at 09:00 in Europe/Berlin; alerts pass",
        "2026-06-11T07:00",
    ),
    "an hourly digest": Case(
        "2026-06-10T12:34",
        NOTICE,
        HOURLY,
        "join",
        "joins the hourly digest of ana at 13:00 in UTC; alerts pass",
        "2026-06-10T13:00",
    ),
    "an hourly digest, half an hour beside the others": Case(
        "2026-06-10T12:34",
        NOTICE,
        HOURLY | {"time_zone": "Asia/Kolkata"},
        "join",
        "joins the hourly digest of ana at 19:00 in Asia/Kolkata; alerts pass",
        "2026-06-10T13:30",
    ),
    "an alert and a digest": Case(NOON, ALERT, DAILY, "send", "told at once: alerts pass the daily digest of ana"),
    "an alert in a digest": Case(
        NOON,
        ALERT,
        DAILY | WAIT_TOO,
        "join",
        "joins the daily digest of ana at 09:00 in UTC; alerts wait too",
        "2026-06-11T09:00",
    ),
    "a transport that passes the digest": Case(
        NOON, NOTICE, DAILY | AT_ONCE, "send", "told at once: chat passes the daily digest of ana"
    ),
    "a default digest": Case(
        NOON,
        NOTICE,
        {},
        "join",
        "joins the default hourly digest at 13:00 in UTC; alerts pass",
        "2026-06-10T13:00",
        defaults=HOURLY,
    ),
    "no digest in spite of the default": Case(
        NOON, NOTICE, {"digest": {"every": "never"}}, "send", "told at once", defaults=HOURLY
    ),
    "a digest after quiet hours": Case(
        NIGHTLY,
        NOTICE,
        DAILY | NIGHT,
        "join",
        "joins the daily digest of ana at 09:00 in UTC; alerts pass",
        "2026-06-11T09:00",
    ),
    "a digest within quiet hours": Case(
        NIGHTLY,
        NOTICE,
        {"digest": {"every": "day", "at": "05:00"}} | NIGHT,
        "join",
        "joins the daily digest of ana at 07:00 in UTC, when quiet hours of ana end; alerts pass",
        "2026-06-11T07:00",
    ),
    "an hourly digest at night": Case(
        NIGHTLY,
        NOTICE,
        HOURLY | NIGHT,
        "join",
        "joins the hourly digest of ana at 07:00 in UTC, when quiet hours of ana end; alerts pass",
        "2026-06-11T07:00",
    ),
    "an hourly digest just before the night": Case(
        "2026-06-10T21:30",
        NOTICE,
        HOURLY | NIGHT,
        "join",
        "joins the hourly digest of ana at 07:00 in UTC, when quiet hours of ana end; alerts pass",
        "2026-06-11T07:00",
    ),
    "a digest at a time that clocks skip": Case(
        "2026-03-29T00:00",
        NOTICE,
        {"digest": {"every": "day", "at": "02:30"}, "time_zone": "Europe/Berlin"},
        "join",
        "joins the daily digest of ana at 03:00 in Europe/Berlin; alerts pass",
        "2026-03-29T01:00",
    ),
    "a digest at a time that clocks show twice": Case(
        "2026-10-25T00:31",
        NOTICE,
        {"digest": {"every": "day", "at": "02:30"}, "time_zone": "Europe/Berlin"},
        "join",
        "joins the daily digest of ana at 02:30 on Monday in Europe/Berlin; alerts pass",
        "2026-10-26T01:30",
    ),
}
