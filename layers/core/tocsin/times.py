"""Times: the clock, ISO 8601 text, milliseconds of the epoch, and duration strings.

A duration string, as settings and producers write it, is one or more pairs ``unit=number`` between ``;`` or ``,``:
``days=365``, ``hours=1;minutes=30``. Units are microseconds, milliseconds, seconds, minutes, hours, days and weeks in
any case, each at most once; numbers are decimal and above zero (``1.5``, ``.5``, ``1e3``). Blanks around pairs, units
and numbers are ignored.

A zero is refused wherever it stands, not only as the sum: ``days=30;hours=0`` is more often a slip than a wish, and a
retention of nothing would delete events as they arrive.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""The start of Unix time."""
MILLISECOND = timedelta(milliseconds=1)
CENTURY = timedelta(days=36_500)
"""Can be added to any moment of ours, and taken from it: a duration may be longer than dates reach."""
_LONGEST = 200
_BLANKS = " \t\r\n"
_UNITS = ("weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds")
_NUMBER = re.compile(r"\+?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NEGATIVE = re.compile(r"-[0-9.]")
_LOST_PLUS = re.compile(r" (?=[0-9]{2}:?[0-9]{2}\Z)")
_MICROSECOND = timedelta(microseconds=1)


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """Return `moment` as clocks in `zone` show it; beyond the years 1 to 9999, their first or last second.

    "For ever" is often written as the last second of 9999, which is in the year 10000 east of where it was written.
    """
    try:
        return moment.astimezone(zone)
    except OverflowError:
        nearest = datetime.min if moment.year == 1 else datetime.max
        return nearest.replace(microsecond=0, tzinfo=zone)


def iso(moment: datetime) -> str:
    """Format `moment` as ISO 8601 in UTC with milliseconds and a Z: 2026-03-01T12:00:00.000Z."""
    return in_zone(moment, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def to_milliseconds(moment: datetime) -> int:
    """Return the whole milliseconds from the epoch to `moment`, rounded down."""
    return (moment - EPOCH) // MILLISECOND


def from_milliseconds(milliseconds: int) -> datetime:
    """Return the moment, in UTC, that is `milliseconds` after the epoch."""
    return EPOCH + milliseconds * MILLISECOND


def parse_moment(text: str) -> datetime:
    """Return the moment that `text` tells in ISO 8601, without a zone where it names none. ValueError for another text.

    A blank before a zone's digits is its plus sign, which means a blank in a query string: callers forget to write
    it as %2B. T and Z may be in lower case (RFC 3339, 5.6).
    """
    return datetime.fromisoformat(_LOST_PLUS.sub("+", text.strip().upper()))


class DurationError(ValueError):
    """The text is no duration; the message names the part that is wrong."""


@lru_cache(maxsize=256)
def parse_duration(text: str) -> timedelta:
    """The duration that the text describes, rounded to the microsecond; always above zero.

    Raises DurationError, naming the bad part, for an empty or over-long text (200 characters), an unknown
    or repeated unit, a value that is not a plain decimal number, is not above zero, or is more than a
    timedelta holds (999,999,999 days).
    """
    if len(text) > _LONGEST:
        raise DurationError(f"a duration has at most {_LONGEST} characters, this has {len(text)}")
    if not text.isascii():
        stranger = next(character for character in text if not character.isascii())
        raise DurationError(f"{stranger!r} does not belong into a duration: {text!r}")
    if not text.strip(_BLANKS):
        raise DurationError("the duration is empty: expected something like 'days=30'")
    values: dict[str, int | float] = {}
    for pair in re.split("[;,]", text):
        unit, value = _parse_pair(pair.strip(_BLANKS), text)
        if unit in values:
            raise DurationError(f"{unit!r} is given twice in {text!r}")
        values[unit] = value
    try:
        duration = timedelta(**values)
    except OverflowError:
        raise DurationError(f"{text!r} is longer than 999,999,999 days") from None
    if not duration:
        raise DurationError(f"{text!r} is less than a microsecond")
    return duration


def format_duration(duration: timedelta) -> str:
    """The canonical text of a duration, from days to microseconds: ``days=365``, ``hours=1;minutes=30``.

    `parse_duration` gives the same duration back. Raises DurationError for what is not above zero.
    """
    if duration < _MICROSECOND:
        raise DurationError(f"{duration} is not above zero")
    minutes, seconds = divmod(duration.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    milliseconds, microseconds = divmod(duration.microseconds, 1000)
    values = (0, duration.days, hours, minutes, seconds, milliseconds, microseconds)
    return ";".join(f"{unit}={value}" for unit, value in zip(_UNITS, values, strict=True) if value)


def _parse_pair(pair: str, text: str) -> tuple[str, int | float]:
    """One pair, checked, as unit and value; integers stay exact. ``text`` is the whole, for messages."""
    name, equals, number = (part.strip(_BLANKS) for part in pair.partition("="))
    if not equals:
        raise DurationError(f"{pair!r} in {text!r} is not of the form unit=number")
    unit = name.lower()
    if unit not in _UNITS:
        raise DurationError(f"{name!r} is not a unit of time: expected one of {', '.join(_UNITS)}")
    if _NEGATIVE.match(number):
        raise DurationError(f"{pair!r} is negative: a duration is above zero")
    if not _NUMBER.fullmatch(number):
        raise DurationError(f"{number!r} in {pair!r} is not a number")
    value = int(number) if number.isdigit() else float(number)
    if value == float("inf"):
        raise DurationError(f"{pair!r} is more than a duration can hold")
    if not value:
        raise DurationError(f"{pair!r} is zero: a duration is above zero")
    return unit, value


class UnknownZone(ValueError):
    """There is no time zone of this name. The message says so."""


def zone_of(name: str) -> tzinfo:
    """The time zone that IANA calls `name`. Raises UnknownZone.

    The tz database is looked for where zoneinfo looks, and then in the package tzdata, which the core layer has: the
    Lambda runtime promises none. It is loaded with the first zone that is asked for.
    https://docs.python.org/3.13/library/zoneinfo.html#data-sources
    """
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - most invocations need no zone

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError; a folder's name is an OSError
        raise UnknownZone(f"there is no time zone {name[:60]!r}: IANA calls them as in Europe/Berlin") from None
