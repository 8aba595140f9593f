"""Notification preferences: as a person sets them (`Preferences`), and completed by the settings' defaults (`Wishes`).

Nothing here looks up a time zone: functions that read settings must not load the tz database (`telling.quiet_hours`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal, Self

from tocsin.identity.directory import User
from tocsin.models import Model, as_json, each, each_value, stored_as
from tocsin.notifications.model import Severity
from tocsin.records import dataclass, field
from tocsin.times import parse_moment
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:  # tocsin.models says what for
    from pydantic import AfterValidator, Field

    from tocsin.fields import Moment, Name

MAX_TRANSPORTS = 100
MAX_RULES = 200
MAX_SPANS = 20
LEAST_FREE = 60
"""Minutes of a week that quiet hours must leave free, so that what waits can be sent."""

DAY = 24 * 60
"""Minutes."""
WEEK = 7 * DAY

_TIME = re.compile("([01][0-9]|2[0-3]):([0-5][0-9])")
_ZONE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+-]*(/[A-Za-z0-9][A-Za-z0-9_+-]*){0,3}")
_LOCALE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,4}")


class Weekday(StrEnum):
    """Days of the week, Monday first."""

    MONDAY = "mon"
    TUESDAY = "tue"
    WEDNESDAY = "wed"
    THURSDAY = "thu"
    FRIDAY = "fri"
    SATURDAY = "sat"
    SUNDAY = "sun"

    @property
    def number(self) -> int:
        """0 for Monday, as `date.weekday()` counts."""
        return _NUMBERS[self]


_NUMBERS = {day: number for number, day in enumerate(Weekday)}


def minute_of(time: str) -> int:
    """Return the minutes from midnight to a time of day such as `07:30`; `24:00` is the end of the day."""
    return int(time[:2]) * 60 + int(time[3:])


def _time_of_day(value: str) -> str:
    if not _TIME.fullmatch(value):
        raise ValueError(f"must be a time of day from 00:00 to 23:59, as in 07:30: {value[:20]!r}")
    return value


def _end_of_span(value: str) -> str:
    return value if value == "24:00" else _time_of_day(value)


def _zone_name(value: str) -> str:
    if len(value) > 60 or not _ZONE.fullmatch(value):
        raise ValueError(f"must be the name of a time zone, as in Europe/Berlin: {value[:60]!r}")
    return value


def _locale(value: str) -> str:
    if len(value) > 35 or not _LOCALE.fullmatch(value):
        raise ValueError(f"must be a language, as in de or pt-BR: {value[:40]!r}")
    return value


_TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})


def _flag(stored: Json) -> bool:
    """Earlier versions stored the settings' defaults as they were given, and pydantic takes `yes` and 1 for true."""
    return stored if isinstance(stored, bool) else stored == 1 or str(stored).lower() in _TRUE


@dataclass(frozen=True, kw_only=True)
class TransportPreference(Model):
    """A person's preferences for one transport."""

    enabled: bool = field(default=True, metadata=stored_as(_flag))
    min_severity: Severity = field(default=Severity.NOTICE, metadata=stored_as(Severity))
    """The minimum severity. Less severe notifications are dropped."""
    at_once: bool = field(default=False, metadata=stored_as(_flag))
    """Whether quiet hours and digest are bypassed: useful for an inbox, which disturbs nobody."""


@dataclass(frozen=True, kw_only=True)
class RulePreference(Model):
    """A rule that a person muted, for good or until a time."""

    muted: Literal[True] | None = None
    muted_until: Moment | None = field(default=None, metadata=stored_as(parse_moment))

    def __post_init__(self) -> None:
        if (self.muted is None) is (self.muted_until is None):
            raise ValueError("give exactly one of muted, muted_until")

    def holds_at(self, moment: datetime) -> bool:
        """Whether the rule is muted at `moment`."""
        return self.muted_until is None or moment < self.muted_until


@dataclass(frozen=True, kw_only=True)
class QuietSpan(Model):
    """A span of quiet hours, in the person's time zone. One that ends before it starts continues past midnight."""

    days: Annotated[tuple[Weekday, ...], Field(min_length=1, max_length=7)] = field(
        default=tuple(Weekday), metadata=stored_as(each(Weekday))
    )
    """The days on which it starts."""
    starts: Annotated[str, AfterValidator(_time_of_day)]
    ends: Annotated[str, AfterValidator(_end_of_span)]

    def __post_init__(self) -> None:
        if self.starts == self.ends:
            raise ValueError(f"starts and ends are both {self.starts}; a whole day is 00:00 to 24:00")
        if len(set(self.days)) < len(self.days):
            raise ValueError("names a day more than once")

    @property
    def minutes(self) -> tuple[int, int]:
        """Return its start and end in minutes from the midnight before its start. The end may be on the next day."""
        start, end = minute_of(self.starts), minute_of(self.ends)
        return start, end if end > start else end + DAY


def _covered(spans: tuple[QuietSpan, ...]) -> int:
    """Return how many minutes of a week are in at least one of `spans`."""
    times = sorted(
        piece for span in spans for day in span.days for piece in _within_a_week(day.number * DAY, *span.minutes)
    )
    covered = reached = 0
    for start, end in times:
        covered += max(0, end - max(start, reached))
        reached = max(reached, end)
    return covered


def _within_a_week(midnight: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield a span as (start, end) minutes of the week. A span past the end of Sunday wraps to Monday."""
    yield midnight + start, min(midnight + end, WEEK)
    if midnight + end > WEEK:
        yield 0, midnight + end - WEEK


@dataclass(frozen=True, kw_only=True)
class DigestPreference(Model):
    """How often waiting notifications are sent as one message."""

    every: Literal["never", "hour", "day"]
    at: Annotated[str, AfterValidator(_time_of_day)] | None = None
    """For a daily digest: the time of day."""

    def __post_init__(self) -> None:
        if (self.every == "day") is (self.at is None):
            raise ValueError("needs `at`, a time of day, where it is daily, and has none otherwise")


@dataclass(frozen=True, kw_only=True)
class Preferences(Model):
    """A person's preferences, or the settings' defaults. Fields that are None are open: the defaults apply."""

    transports: Annotated[dict[Name, TransportPreference], Field(max_length=MAX_TRANSPORTS)] = field(
        default_factory=dict, metadata=stored_as(each_value(TransportPreference.stored))
    )
    rules: Annotated[dict[Name, RulePreference], Field(max_length=MAX_RULES)] = field(
        default_factory=dict, metadata=stored_as(each_value(RulePreference.stored))
    )
    time_zone: Annotated[str, AfterValidator(_zone_name)] | None = None
    """The IANA name, such as Europe/Berlin. UTC where neither the person nor the settings say."""
    quiet_hours: Annotated[tuple[QuietSpan, ...], Field(max_length=MAX_SPANS)] | None = field(
        default=None, metadata=stored_as(each(QuietSpan.stored))
    )
    alerts_pass: bool | None = field(default=None, metadata=stored_as(_flag))
    """Whether alerts bypass quiet hours and digest. They do where neither the person nor the settings say."""
    digest: DigestPreference | None = field(default=None, metadata=stored_as(DigestPreference.stored))
    locale: Annotated[str, AfterValidator(_locale)] | None = None
    """The language of the person's notifications, in place of the user's `locale`."""

    def __post_init__(self) -> None:
        free = WEEK - _covered(self.quiet_hours or ())
        if free < LEAST_FREE:
            raise ValueError(f"quiet_hours leave {free} minutes of a week; at least {LEAST_FREE} are needed")

    def to_json(self) -> JsonObject:
        """Return the fields that are set, as the API accepts them."""
        return as_json(self, exclude_none=True, exclude_defaults=True)


NOTHING_SAID = Preferences()


@dataclass(frozen=True, slots=True)
class Held[Value]:
    """A preference in force, and whether the person set it; else it is from the settings."""

    value: Value
    own: bool


@dataclass(frozen=True, slots=True)
class Wishes:
    """The preferences in force for a person: their own, completed by the settings' defaults."""

    user: str
    transports: Mapping[str, Held[TransportPreference]]
    rules: Mapping[str, Held[RulePreference]]
    time_zone: str
    quiet_hours: Held[tuple[QuietSpan, ...]]
    alerts_pass: bool
    digest: Held[DigestPreference | None]
    locale: str | None

    @classmethod
    def of(cls, user: str, said: Preferences, defaults: Preferences) -> Self:
        """Complete the preferences that `user` set (`said`). Transports and rules are completed entry by entry."""
        quiet = said.quiet_hours
        digest = said.digest
        either = digest or defaults.digest
        passing = defaults.alerts_pass if said.alerts_pass is None else said.alerts_pass
        return cls(
            user=user,
            transports=_completed(said.transports, defaults.transports),
            rules=_completed(said.rules, defaults.rules),
            time_zone=said.time_zone or defaults.time_zone or "UTC",
            quiet_hours=Held(defaults.quiet_hours or (), False) if quiet is None else Held(quiet, True),
            alerts_pass=passing is not False,
            digest=Held(None if either is None or either.every == "never" else either, digest is not None),
            locale=said.locale or defaults.locale,
        )

    def of_reader(self, user: User) -> User:
        """Return the person with the language and the time zone that they are told in."""
        zone = "" if self.time_zone == "UTC" else self.time_zone
        return replace(user, locale=self.locale or user.locale, time_zone=zone)

    def to_json(self) -> JsonObject:
        """Return the preferences in force as the API shows them: all fields."""
        digest = self.digest.value
        return {
            "transports": {name: as_json(held.value) for name, held in self.transports.items()},
            "rules": {name: as_json(held.value, exclude_none=True) for name, held in self.rules.items()},
            "time_zone": self.time_zone,
            "quiet_hours": [as_json(span) for span in self.quiet_hours.value],
            "alerts_pass": self.alerts_pass,
            "digest": {"every": "never"} if digest is None else as_json(digest, exclude_none=True),
            "locale": self.locale,
        }


def _completed[Value](said: Mapping[str, Value], defaults: Mapping[str, Value]) -> dict[str, Held[Value]]:
    held = {name: Held(value, False) for name, value in defaults.items()}
    return held | {name: Held(value, True) for name, value in said.items()}
