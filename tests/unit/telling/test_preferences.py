"""What a person may say, what of it is refused, and what holds where they leave something open."""

from typing import Any

import pytest
from pydantic import ValidationError

from tocsin.models import validated
from tocsin.telling.preferences import MAX_RULES, MAX_SPANS, NOTHING_SAID, Preferences, Wishes

NIGHT = {"starts": "22:00", "ends": "07:00"}


def said(**fields: Any) -> Preferences:
    return validated(Preferences, fields)


@pytest.mark.parametrize(
    ("fields", "path", "message"),
    [
        ({"quiet": []}, "quiet", "Unexpected keyword"),
        ({"time_zone": "+02:00"}, "time_zone", "must be the name of a time zone"),
        ({"time_zone": "../Berlin"}, "time_zone", "must be the name of a time zone"),
        ({"locale": "german language"}, "locale", "must be a language, as in de"),
        ({"locale": "x" * 40}, "locale", "must be a language"),
        ({"alerts_pass": "maybe"}, "alerts_pass", "valid boolean"),
        ({"transports": {"mail": {"min_severity": "loud"}}}, "transports.mail.min_severity", "'notice', 'warning'"),
        ({"transports": {" mail": {}}}, "transports. mail.[key]", "pattern"),
        ({"rules": {"refunds": {}}}, "rules.refunds", "give exactly one of muted, muted_until"),
        ({"rules": {"refunds": {"muted": False}}}, "rules.refunds.muted", "True"),
        ({"rules": {"refunds": {"muted_until": 5}}}, "rules.refunds.muted_until", "must be a time in ISO 8601"),
        ({"rules": {f"r{n}": {"muted": True} for n in range(MAX_RULES + 1)}}, "rules", f"at most {MAX_RULES}"),
        ({"quiet_hours": [NIGHT] * (MAX_SPANS + 1)}, "quiet_hours", f"at most {MAX_SPANS}"),
        ({"quiet_hours": [{"starts": "24:00", "ends": "07:00"}]}, "quiet_hours.0.starts", "from 00:00 to 23:59"),
        ({"quiet_hours": [{"starts": "7:00", "ends": "08:00"}]}, "quiet_hours.0.starts", "from 00:00 to 23:59"),
        ({"quiet_hours": [{"starts": "22:00", "ends": "24:01"}]}, "quiet_hours.0.ends", "from 00:00 to 23:59"),
        ({"quiet_hours": [{"starts": "07:00", "ends": "07:00"}]}, "quiet_hours.0", "a whole day is 00:00 to 24:00"),
        ({"quiet_hours": [NIGHT | {"days": []}]}, "quiet_hours.0.days", "at least 1"),
        ({"quiet_hours": [NIGHT | {"days": ["mon", "mon"]}]}, "quiet_hours.0", "names a day more than once"),
        ({"quiet_hours": [NIGHT | {"days": ["monday"]}]}, "quiet_hours.0.days.0", "'mon', 'tue'"),
        ({"digest": {"every": "day"}}, "digest", "needs `at`"),
        ({"digest": {"every": "hour", "at": "09:00"}}, "digest", "has none otherwise"),
        ({"digest": {"every": "week"}}, "digest.every", "'never', 'hour' or 'day'"),
    ],
)
def test_what_is_refused_is_named(fields: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        said(**fields)

    error = refused.value.errors()[0]
    assert ".".join(map(str, error["loc"])) == path
    assert message in error["msg"]


@pytest.mark.parametrize(
    ("spans", "free"),
    [
        ([{"starts": "00:00", "ends": "24:00"}], 0),
        ([{"starts": "00:00", "ends": "12:00"}, {"starts": "12:00", "ends": "00:00"}], 0),
        ([{"starts": "08:00", "ends": "07:59"}], 7),
        ([NIGHT, {"starts": "06:30", "ends": "22:30"}], 0),
        (
            [
                {"days": ["sun"], "starts": "00:30", "ends": "23:31"},
                {"days": ["mon", "tue", "wed", "thu", "fri", "sat"], "starts": "00:00", "ends": "24:00"},
            ],
            59,
        ),
    ],
)
def test_quiet_hours_leave_an_hour_of_the_week(spans: list[dict[str, Any]], free: int) -> None:
    with pytest.raises(ValidationError, match=f"quiet_hours leave {free} minutes of a week; at least 60 are needed"):
        said(quiet_hours=spans)


@pytest.mark.parametrize(
    "spans",
    [
        [{"starts": "08:00", "ends": "07:50"}],
        [{"days": ["sun"], "starts": "20:00", "ends": "19:00"}],
        [NIGHT, NIGHT, {"days": ["sat", "sun"], "starts": "00:00", "ends": "24:00"}],
    ],
)
def test_quiet_hours_that_leave_an_hour_are_taken(spans: list[dict[str, Any]]) -> None:
    assert len(said(quiet_hours=spans).quiet_hours or ()) == len(spans)


def test_what_was_said_comes_back_without_what_was_left_open() -> None:
    document = {
        "transports": {"mail": {"min_severity": "warning"}, "chat": {"enabled": False}},
        "rules": {"refunds": {"muted": True}, "logins": {"muted_until": "2026-06-10T12:00:00Z"}},
        "time_zone": "Europe/Berlin",
        "quiet_hours": [{"days": ["mon"], "starts": "22:00", "ends": "07:00"}],
        "alerts_pass": False,
        "digest": {"every": "day", "at": "09:00"},
        "locale": "de",
    }

    assert said(**document).to_json() == document
    assert NOTHING_SAID.to_json() == {}
    assert said(quiet_hours=[]).to_json() == {"quiet_hours": []}  # none, whatever the settings say


def test_what_is_left_open_is_what_the_settings_say() -> None:
    defaults = said(
        transports={"mail": {"enabled": False}, "chat": {"min_severity": "alert"}},
        time_zone="Asia/Kolkata",
        quiet_hours=[NIGHT],
        alerts_pass=False,
        digest={"every": "hour"},
        locale="de",
    )

    wishes = Wishes.of("ana", said(transports={"mail": {}}, digest={"every": "never"}), defaults)

    assert wishes.to_json() == {
        "transports": {
            "mail": {"enabled": True, "min_severity": "notice", "at_once": False},
            "chat": {"enabled": True, "min_severity": "alert", "at_once": False},
        },
        "rules": {},
        "time_zone": "Asia/Kolkata",
        "quiet_hours": [
            {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "starts": "22:00", "ends": "07:00"}
        ],
        "alerts_pass": False,
        "digest": {"every": "never"},
        "locale": "de",
    }
    assert [held.own for held in (wishes.transports["mail"], wishes.transports["chat"], wishes.quiet_hours)] == [
        True,
        False,
        False,
    ]


def test_nobody_says_anything() -> None:
    assert Wishes.of("ana", NOTHING_SAID, NOTHING_SAID).to_json() == {
        "transports": {},
        "rules": {},
        "time_zone": "UTC",
        "quiet_hours": [],
        "alerts_pass": True,
        "digest": {"every": "never"},
        "locale": None,
    }
