"""Moments and lengths of time as people type them, and as tables show them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from tocsin_cli.errors import UsageError

_UNITS = {
    "ms": "milliseconds",
    "s": "seconds",
    "m": "minutes",
    "h": "hours",
    "d": "days",
    "w": "weeks",
}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_SHORT = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+")
_LONG = re.compile(r"(weeks|days|hours|minutes|seconds|milliseconds)=(\d+(?:\.\d+)?)")
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def parse_length(given: str, option: str) -> timedelta:
    """A length of time: `90s`, `2h`, `1d12h`, or the API's `hours=2;minutes=30`. Above zero.

    Raises UsageError, which names `option`.
    """
    written = given.strip().lower()
    pairs = re.split("[;,]", written)
    try:
        if _SHORT.fullmatch(written):
            parts = [(_UNITS[unit], float(number)) for number, unit in _PART.findall(written)]
        else:
            matches = [_LONG.fullmatch(pair.strip()) for pair in pairs]
            parts = [(match[1], float(match[2])) for match in matches if match is not None]
            if len(parts) < len(pairs):
                parts = []
        length = sum((timedelta(**{unit: number}) for unit, number in parts), timedelta())
    except OverflowError:
        raise UsageError(f"{option}: {given!r} is longer than can be counted") from None
    if length <= timedelta():
        raise UsageError(f"{option}: {given!r} is no length of time; write 30m, 2h, 1d12h or hours=2")
    return length


def parse_duration(given: str, option: str) -> str:
    """A length of time as the API takes it. Raises UsageError, which names `option`."""
    return f"seconds={parse_length(given, option).total_seconds():.3f}"


def parse_later(given: str, option: str, *, start: datetime) -> datetime:
    """The moment that is a length of time after `start`. Raises UsageError, which names `option`."""
    length = parse_length(given, option)
    try:
        return start + length
    except OverflowError:
        raise UsageError(f"{option}: {given!r} reaches beyond the year 9999") from None


def parse_moment(given: str, option: str, *, now: datetime | None = None, ahead: bool = False) -> datetime:
    """A moment: ISO 8601 (local time where it has no zone), `now`, `today`, `yesterday`, or a length before now.

    With `ahead` a length counts from now on. Raises UsageError, which names `option`.
    """
    now = (now or datetime.now(UTC)).astimezone()
    written = given.strip()
    named = {"now": now, "today": _midnight(now.date()), "yesterday": _midnight(now.date() - timedelta(days=1))}
    if written.lower() in named:
        return named[written.lower()].astimezone(UTC)
    try:
        if _SHORT.fullmatch(written.lower()) or "=" in written:
            length = parse_length(written, option)
            return (now + length if ahead else now - length).astimezone(UTC)
        return datetime.fromisoformat(written).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{option}: {given!r} is no moment; write 2h, today, or 2026-03-01T12:00:00Z") from None


def parse_fixed(given: str, option: str) -> datetime:
    """A moment that is the same whenever it is said: ISO 8601 (local time where it has no zone). Raises UsageError."""
    try:
        return datetime.fromisoformat(given.strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{option}: {given!r} is no moment that stays the same; write 2026-03-01T12:00:00Z") from None


def _midnight(day: date) -> datetime:
    """When a day began here: on one whose clocks change, midnight is another time away from UTC than noon."""
    return datetime.combine(day, time()).astimezone()


def iso(moment: datetime) -> str:
    """As the API writes it: UTC, milliseconds, Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def parse_iso(written: str) -> datetime | None:
    """What the API wrote; None for anything else."""
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def local(written: str) -> str:
    """A moment of the API in local time, to the second; as it is where it can't be read."""
    moment = _here(written)
    return written if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"


def clock(written: str) -> str:
    """A moment of the API as local time of day, to the millisecond."""
    moment = _here(written)
    return written if moment is None else moment.strftime("%H:%M:%S.%f")[:-3]


def _here(written: str) -> datetime | None:
    """A moment of the API in local time; None for what is none, or has none, as the last hours of the year 9999."""
    moment = parse_iso(written)
    try:
        return None if moment is None else moment.astimezone()
    except (OverflowError, ValueError):
        return None


def roughly(length: timedelta) -> str:
    """A length in its largest unit: `45s`, `12m`, `3h`, `6d`."""
    seconds = abs(length.total_seconds())
    if seconds < _MINUTE:
        return f"{seconds:.0f}s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f}m"
    if seconds < 2 * _DAY:
        return f"{seconds / _HOUR:.0f}h"
    return f"{seconds / _DAY:.0f}d"


def ago(written: str, *, now: datetime | None = None) -> str:
    """How far a moment of the API is from now: `12m ago`, `in 3h`; empty where there is none."""
    moment = parse_iso(written)
    if moment is None:
        return written
    now = now or datetime.now(UTC)
    return f"{roughly(now - moment)} ago" if moment <= now else f"in {roughly(moment - now)}"
