"""When quiet hours end and digests are due: local times of day, correct across changes of the clocks.

A span of quiet hours is one interval of absolute time. Where clocks go back over its end, it lasts until they show the
end for the second time; where they go forward over its start or end, that is the moment of the change.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from tocsin.records import dataclass
from tocsin.telling.preferences import DAY, DigestPreference, QuietSpan, minute_of

_SECOND = timedelta(seconds=1)
_HOUR = timedelta(hours=1)
_ONE_DAY = timedelta(days=1)
_MOST_STEPS = 1_000  # enough for three weeks of twenty adjacent spans


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The quiet hours of a person, in their time zone."""

    spans: tuple[QuietSpan, ...]
    zone: tzinfo

    def end(self, moment: datetime) -> datetime | None:
        """Return when the quiet hours around `moment` end, in UTC; None where it is in none.

        Spans that touch or overlap count as one.
        """
        end: datetime | None = None
        for _ in range(_MOST_STEPS):
            until = self._until(moment if end is None else end)
            if until is None:
                break
            end = until
        return end

    def next(self, after: datetime, before: datetime) -> tuple[datetime, datetime] | None:
        """Return start and end, in UTC, of the first span that starts after `after`, up to `before`; None without.

        Spans that touch or overlap count as one. A span that clocks skip whole is none.
        """
        day, last = (moment.astimezone(self.zone).date() for moment in (after, before))
        while day <= last:
            spans = [self._on(day, span) for span in self.spans if day.weekday() in {each.number for each in span.days}]
            following = [(start, end) for start, end in spans if after < start <= before and start < end]
            if following:
                start, end = min(following)
                return start, self.end(end) or end
            day += _ONE_DAY
        return None

    def _until(self, moment: datetime) -> datetime | None:
        """Return the latest end of the spans around `moment`; None where it is in none."""
        today = moment.astimezone(self.zone).date()
        ends = [
            end
            for day in (today - _ONE_DAY, today)
            for span in self.spans
            if day.weekday() in {each.number for each in span.days}
            for start, end in [self._on(day, span)]
            if start <= moment < end
        ]
        return max(ends, default=None)

    def _on(self, day: date, span: QuietSpan) -> tuple[datetime, datetime]:
        start, end = span.minutes
        return moment_of(day, start, self.zone), moment_of(day, end, self.zone, last=True)


def next_digest(digest: DigestPreference, zone: tzinfo, moment: datetime) -> datetime:
    """Return when the first digest after `moment` is due, in UTC: at the full hour or the time of day in `zone`."""
    if digest.at is None:
        return _next_hour(zone, moment)
    minute = minute_of(digest.at)
    today = moment.astimezone(zone).date()
    days = (today + timedelta(days=offset) for offset in range(-1, 4))  # a zone may skip a whole day
    return min(due for day in days if (due := moment_of(day, minute, zone)) > moment)


def _next_hour(zone: tzinfo, moment: datetime) -> datetime:
    following = _at_full_hour(moment, zone) + (_HOUR if _at_full_hour(moment, zone) <= moment else timedelta(0))
    if _offset(following, zone) == _offset(moment, zone):
        return following
    change = _change_between(moment, following, zone)
    full = _at_full_hour(change, zone)
    return full if full >= change else full + _HOUR


def _at_full_hour(moment: datetime, zone: tzinfo) -> datetime:
    """Return the local full hour at or before `moment`, by the zone's offset at `moment`."""
    local = moment.astimezone(zone)
    past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return moment.astimezone(UTC) - past


def moment_of(day: date, minute: int, zone: tzinfo, *, last: bool = False) -> datetime:
    """Return the moment, in UTC, at which clocks in `zone` show `minute` of `day` (more than DAY: of the next day).

    Of two such moments it is the first, or with `last` the second. Where clocks skip that time, it is the moment of
    the change.
    """
    day += timedelta(days=minute // DAY)
    wall = datetime.combine(day, time(minute % DAY // 60, minute % 60), zone)
    first, second = wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)
    if first <= second:  # else clocks skip the time; the two are equal unless clocks show it twice
        return second if last else first
    return _change_between(second, first, zone)


def _change_between(early: datetime, late: datetime, zone: tzinfo) -> datetime:
    """Return the first second after `early`, up to `late`, from which `zone` has the offset that it has at `late`."""
    after = _offset(late, zone)
    early = early.astimezone(UTC).replace(microsecond=0)
    steps, low = (late - early) // _SECOND, 0
    while low < steps:
        middle = (low + steps) // 2
        if _offset(early + middle * _SECOND, zone) == after:
            steps = middle
        else:
            low = middle + 1
    return early + low * _SECOND


def _offset(moment: datetime, zone: tzinfo) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()
