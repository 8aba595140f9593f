"""Decide what happens to a notification after a rule fired for a person and a transport: send, hold, join or drop.

`decide` checks these causes in this order. The first that applies decides:

    age             drop    the event is older than the rule's maximum age
    silence         drop    a silence is in force for the event
    throttle        drop    the throttle's window is full
    muted           drop    the person muted the rule
    transport_off   drop    the person turned this transport off
    severity        drop    the person set a higher minimum severity for this transport
    alert           send    alerts bypass quiet hours and digest, unless the person says otherwise
    at_once         send    the person has this transport bypass quiet hours and digest
    digest          join    the person gets an hourly or daily digest
    quiet_hours     hold    until the person's quiet hours end
    group           join    the rule combines events into one message

For a rule that can't be muted, muted, transport_off and severity are skipped. Quiet hours and digest apply to it as to
every other rule.

Reasons are sentences for people, with times in the person's time zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

import orjson

from tocsin.notifications.model import Severity
from tocsin.records import dataclass
from tocsin.telling.preferences import Wishes
from tocsin.telling.quiet_hours import QuietHours, next_digest
from tocsin.times import UnknownZone, in_zone, iso, parse_duration, zone_of
from tocsin.types import Json, JsonObject

MAX_VALUE = 500
"""Characters of a group's value that is shown, as JSON."""

_RANKS = {severity: rank for rank, severity in enumerate(Severity)}
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Kind(StrEnum):
    """What happens to a notification."""

    SEND = "send"
    HOLD = "hold"
    JOIN = "join"
    DROP = "drop"


class Cause(StrEnum):
    """What decided; see the module's docstring."""

    NOTHING = "nothing"
    """Nothing else applies: it is sent."""
    AGE = "age"
    SILENCE = "silence"
    THROTTLE = "throttle"
    MUTED = "muted"
    TRANSPORT_OFF = "transport_off"
    SEVERITY = "severity"
    ALERT = "alert"
    AT_ONCE = "at_once"
    DIGEST = "digest"
    QUIET_HOURS = "quiet_hours"
    GROUP = "group"
    ZONE = "zone"
    """The person's time zone is unknown, so what would wait is sent."""


@dataclass(frozen=True, slots=True)
class Together:
    """The group that an event belongs to, by its `values`. `wait` and `interval` are duration strings."""

    values: Mapping[str, Json]
    wait: str
    interval: str


def shown_values(values: Mapping[str, Json]) -> JsonObject:
    """A group's values as items and log lines have them: one may be nearly as large as an event, and is cut."""
    whole = {path: orjson.dumps(value).decode() for path, value in values.items()}
    return {path: values[path] if len(said) <= MAX_VALUE else f"{said[:MAX_VALUE]}…" for path, said in whole.items()}


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to a notification, and why. `until` is when it is sent, in UTC: set for HOLD and JOIN.

    A notification that joins a `group` is sent at `until` where it is the group's first, else when the group's interval
    is over, and by `latest` in any case.
    """

    kind: Kind
    cause: Cause
    reason: str
    until: datetime | None = None
    group: Together | None = None
    latest: datetime | None = None

    @property
    def waits(self) -> bool:
        """Whether it is sent later, with whatever else waits for the same person and transport."""
        return self.until is not None

    def to_json(self) -> JsonObject:
        """Return {decision, cause, reason, until}; `until` only where it waits."""
        shown: JsonObject = {"decision": self.kind.value, "cause": self.cause.value, "reason": self.reason}
        return shown if self.until is None else shown | {"until": iso(self.until)}


@dataclass(frozen=True, slots=True)
class Asked:
    """The notification to decide on: a rule's event by a transport. Without `transport`, by any to anybody."""

    rule: str
    severity: Severity
    transport: str = ""
    can_be_muted: bool = True


@dataclass(frozen=True, slots=True)
class Aged:
    """An event above the rule's maximum age, `most`, which is a duration string."""

    age: timedelta
    most: str


@dataclass(frozen=True, slots=True)
class Silencing:
    """A silence that is in force for the event."""

    name: str
    ends: datetime
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Throttling:
    """A throttle's full window. `window` is a duration string, `group` the values that its events are counted by."""

    most: int
    window: str
    until: datetime
    group: Mapping[str, Json]


_SENT = Decision(Kind.SEND, Cause.NOTHING, "told at once")


def decide(
    asked: Asked,
    now: datetime,
    *,
    wishes: Wishes | None = None,
    aged: Aged | None = None,
    silence: Silencing | None = None,
    throttle: Throttling | None = None,
    group: Together | None = None,
) -> Decision:
    """Decide at `now` whether and when `asked` is sent. `wishes` are the person's; None for a channel."""
    if aged is not None:
        return _too_old(asked, aged)
    if silence is not None:
        return _silenced(silence)
    if throttle is not None:
        return _throttled(asked, throttle)
    if wishes is None:
        return _SENT if group is None else _joins(_SENT, asked, group, now)
    dropped = unwanted(asked, wishes, now)
    if dropped is not None and asked.can_be_muted:
        return dropped
    decision = _timed(asked, wishes, now)
    if group is not None and decision.kind is Kind.SEND:
        decision = _grouped(decision, asked, group, wishes, now)
    if dropped is None:
        return decision
    said = dropped.reason.removeprefix("dropped: ")
    return replace(decision, reason=f"{decision.reason}; rule {asked.rule} can't be muted, although {said}")


# ── dropped ──────────────────────────────────────────────────────────────────


def _too_old(asked: Asked, aged: Aged) -> Decision:
    hours = aged.age // timedelta(hours=1)
    age = f"{hours:,} hours" if hours > 1 else f"{aged.age // timedelta(minutes=1)} minutes"
    return Decision(
        Kind.DROP,
        Cause.AGE,
        f"dropped: the event is {age} old, and rule {asked.rule} tells of none older than {aged.most}",
    )


def _silenced(silence: Silencing) -> Decision:
    return Decision(Kind.DROP, Cause.SILENCE, f"dropped: {silenced_by(silence)}")


def silenced_by(silence: Silencing) -> str:
    """Say which silence holds, and until when: a part of a sentence."""
    comment = f" ({silence.comment})" if silence.comment else ""
    return f"silence {silence.name} holds until {_utc(silence.ends)}{comment}"


def _throttled(asked: Asked, throttle: Throttling) -> Decision:
    group = _values(throttle.group)
    of_group = f" for {group}" if group else ""
    return Decision(
        Kind.DROP,
        Cause.THROTTLE,
        f"dropped: the throttle of rule {asked.rule} lets {throttle.most:,} in {throttle.window} through{of_group};"
        f" the next may pass at {_utc(throttle.until)}",
    )


def _values(group: Mapping[str, Json]) -> str:
    """Describe a group by its values, for people."""
    return ", ".join(f"{path} {value}" for path, value in group.items())[:200]


def unwanted(asked: Asked, wishes: Wishes, now: datetime) -> Decision | None:
    """Return the decision to drop where `wishes` exclude the notification; None where they don't.

    Whether the rule can be muted is not looked at.
    """
    muted = wishes.rules.get(asked.rule)
    if muted is not None and muted.value.holds_at(now):
        until = muted.value.muted_until
        end = "" if until is None else f" until {_clock(until, now, wishes)}"
        who = f"{wishes.user} muted rule {asked.rule}" if muted.own else f"rule {asked.rule} is muted by default"
        return Decision(Kind.DROP, Cause.MUTED, f"dropped: {who}{end}")
    by = wishes.transports.get(asked.transport)
    if by is None:
        return None
    if not by.value.enabled:
        name = f"transport {asked.transport}"
        who = f"{wishes.user} turned {name} off" if by.own else f"{name} is off by default"
        return Decision(Kind.DROP, Cause.TRANSPORT_OFF, f"dropped: {who}")
    if _RANKS[asked.severity] < _RANKS[by.value.min_severity]:
        least = _or_more(by.value.min_severity)
        who = f"{wishes.user} wants" if by.own else "by default there is"
        return Decision(
            Kind.DROP,
            Cause.SEVERITY,
            f"dropped: {who} only {least} by {asked.transport}, and this is {_article(asked.severity)}",
        )
    return None


def _or_more(severity: Severity) -> str:
    return "alerts" if severity is Severity.ALERT else f"{severity.value}s and what is more severe"


def _article(severity: Severity) -> str:
    return f"an {severity.value}" if severity is Severity.ALERT else f"a {severity.value}"


# ── now or later ─────────────────────────────────────────────────────────────


def _timed(asked: Asked, wishes: Wishes, now: datetime) -> Decision:
    """Decide whether a notification that is not dropped is sent at once or waits."""
    if not wishes.quiet_hours.value and wishes.digest.value is None:
        return _SENT
    try:
        zone = zone_of(wishes.time_zone)
    except UnknownZone as unknown:
        return Decision(Kind.SEND, Cause.ZONE, f"told at once: {unknown}")
    waiting = _waiting(wishes, zone, now)
    if waiting is None:
        return _SENT
    if asked.severity is Severity.ALERT and wishes.alerts_pass:
        return Decision(Kind.SEND, Cause.ALERT, f"told at once: alerts pass {_what(waiting.cause, wishes)}")
    by = wishes.transports.get(asked.transport)
    if by is not None and by.value.at_once:
        return Decision(
            Kind.SEND, Cause.AT_ONCE, f"told at once: {asked.transport} passes {_what(waiting.cause, wishes)}"
        )
    return waiting


def _waiting(wishes: Wishes, zone: tzinfo, now: datetime) -> Decision | None:
    """Decide on a notification that may wait; None where neither digest nor quiet hours apply."""
    quiet = QuietHours(wishes.quiet_hours.value, zone)
    alerts = "alerts pass" if wishes.alerts_pass else "alerts wait too"
    digest = wishes.digest.value
    if digest is not None:
        due = next_digest(digest, zone, now)
        ended = quiet.end(due)
        moment = due if ended is None else ended
        but = "" if ended is None else f", when {_what(Cause.QUIET_HOURS, wishes)} end"
        return Decision(
            Kind.JOIN,
            Cause.DIGEST,
            f"joins {_what(Cause.DIGEST, wishes)} at {_clock(moment, now, wishes, zone)}{but}; {alerts}",
            moment,
        )
    ended = quiet.end(now)
    if ended is None:
        return None
    return Decision(
        Kind.HOLD,
        Cause.QUIET_HOURS,
        f"held until {_clock(ended, now, wishes, zone)}: {_what(Cause.QUIET_HOURS, wishes)}; {alerts}",
        ended,
    )


def _what(cause: Cause, wishes: Wishes) -> str:
    """Name what makes notifications wait, and whether it is the person's own or a default."""
    if cause is Cause.QUIET_HOURS:
        return f"quiet hours of {wishes.user}" if wishes.quiet_hours.own else "default quiet hours"
    digest = wishes.digest.value
    often = "hourly" if digest is None or digest.at is None else "daily"
    return f"the {often} digest of {wishes.user}" if wishes.digest.own else f"the default {often} digest"


# ── together ─────────────────────────────────────────────────────────────────

_SPARE = timedelta(minutes=2)
"""How long before quiet hours a group is sent at the latest, since the schedule that sends it is not exact."""


def _joins(sent: Decision, asked: Asked, group: Together, now: datetime, latest: datetime | None = None) -> Decision:
    values = _values(group.values)
    of = f" of {values}" if values else ""
    passed = sent.reason.removeprefix(_SENT.reason).removeprefix(": ")
    return Decision(
        Kind.JOIN,
        Cause.GROUP,
        f"joins what rule {asked.rule} tells together{of}: {group.wait} after the first, and {group.interval} after the"
        f" message before{f'; {passed}' if passed else ''}",
        now + parse_duration(group.wait),
        group,
        latest,
    )


def _grouped(sent: Decision, asked: Asked, group: Together, wishes: Wishes, now: datetime) -> Decision:
    """Let a notification that would be sent at once join its group, which is sent before the quiet hours or after."""
    by = wishes.transports.get(asked.transport)
    passes = (asked.severity is Severity.ALERT and wishes.alerts_pass) or (by is not None and by.value.at_once)
    if passes or sent.cause is Cause.ZONE or not wishes.quiet_hours.value:
        return _joins(sent, asked, group, now)
    zone = zone_of(wishes.time_zone)
    quiet = QuietHours(wishes.quiet_hours.value, zone)
    due = now + parse_duration(group.wait)
    hours = quiet.next(now, max(due, now + parse_duration(group.interval)) + _SPARE)
    if hours is None:
        return _joins(sent, asked, group, now)
    begin, ended = hours
    if begin > due + _SPARE:
        return _joins(sent, asked, group, now, begin - _SPARE)
    alerts = "alerts pass" if wishes.alerts_pass else "alerts wait too"
    return Decision(
        Kind.HOLD,
        Cause.QUIET_HOURS,
        f"held until {_clock(ended, now, wishes, zone)}: {_what(Cause.QUIET_HOURS, wishes)} begin before rule"
        f" {asked.rule} tells its group; {alerts}",
        ended,
    )


# ── times ────────────────────────────────────────────────────────────────────


def _clock(moment: datetime, now: datetime, wishes: Wishes, zone: tzinfo | None = None) -> str:
    """Format `moment` in the person's zone: `07:00 in Europe/Berlin`, with the day where it is not the next 07:00."""
    if zone is None:
        try:
            zone = zone_of(wishes.time_zone)
        except UnknownZone:
            return _utc(moment)
    local = in_zone(moment, zone)
    day = ""
    if moment - now >= timedelta(days=7):
        day = f" on {local.date().isoformat()}"
    elif moment - now >= timedelta(days=1):
        day = f" on {_WEEKDAYS[local.weekday()]}"
    return f"{local:%H:%M}{day} in {wishes.time_zone}"


def _utc(moment: datetime) -> str:
    return iso(moment)[:16] + "Z"
