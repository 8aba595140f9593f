"""Several notifications told to one person as one: how many, what kinds, the first few of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from tocsin.notifications.labels import label_of
from tocsin.notifications.model import Notification, Severity, event_links
from tocsin.notifications.text import cut, cut_line, one_line
from tocsin.records import dataclass, field
from tocsin.times import iso
from tocsin.types import Json, JsonObject

SHOWN = 5
"""Notifications that a digest shows; the others are counted."""

MAX_LINE = 200
"""Code units of a notification's own words in a digest."""

type Gettext = Callable[[str], str]

_PLURALS = {
    Severity.ALERT: ("%(count)s alert", "%(count)s alerts"),
    Severity.WARNING: ("%(count)s warning", "%(count)s warnings"),
    Severity.NOTICE: ("%(count)s notice", "%(count)s notices"),
}
_ONE, _MANY = "%(count)s notification", "%(count)s notifications"
_WHY = {
    "quiet_hours": "What came in your quiet hours: %(what)s.",
    "digest": "What came since your last digest: %(what)s.",
    "group": "What came together: %(what)s.",
}
_MORE = "and %(count)s more"
LABELS = {"rules": "Rules", "actions": "Actions", "apps": "Applications"}
"""What a digest counts its notifications by, and what that is called."""
MESSAGES = (
    _ONE,
    _MANY,
    _MORE,
    *_WHY.values(),
    *LABELS.values(),
    *(each for pair in _PLURALS.values() for each in pair),
)
"""All that is said of a digest, as catalogues have it."""


def _untranslated(message: str) -> str:
    return message


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest on its way. `id` is its delivery's.

    `cause` is what had its notifications wait: `quiet_hours`, `digest`, or `group`, where a rule tells them together;
    `group` then holds the values that they have at its paths. `severities` and `counts` say how many there are of each
    severity, and of each rule, action and application, the most first; `first` are some of them, the most severe first.
    One whose event is gone is counted, and not shown.
    """

    id: str
    count: int
    cause: str
    since: datetime
    severities: Mapping[Severity, int]
    counts: Mapping[str, Mapping[str, int]]
    """By the names of LABELS: {name: how many}, some of them where there are many."""
    first: tuple[Notification, ...]
    group: Mapping[str, Json] = field(default_factory=dict)
    latest: str = ""
    """The id of the latest event, which `first` may not show; blank where it is not known."""
    over: bool = False
    """Whether the latest of a group ends it."""
    taken: bool = False
    """Whether all that it tells was acknowledged, or ended, while it waited."""

    def title(self, gettext: Gettext = _untranslated) -> str:
        """How many notifications there are."""
        return gettext(_ONE if self.count == 1 else _MANY) % {"count": f"{self.count:,}"}

    def breakdown(self, gettext: Gettext = _untranslated) -> str:
        """How many of each severity, the most severe first."""
        said = [
            gettext(_PLURALS[severity][self.severities[severity] != 1]) % {"count": f"{self.severities[severity]:,}"}
            for severity in reversed(Severity)
            if self.severities.get(severity)
        ]
        return ", ".join(said)

    def sentence(self, gettext: Gettext = _untranslated) -> str:
        """Why they come together, and how many there are of each severity."""
        return gettext(_WHY.get(self.cause, _WHY["digest"])) % {"what": self.breakdown(gettext)}

    @property
    def lines(self) -> tuple[str, ...]:
        """The first of them, a line each."""
        return tuple(f"{each.severity.value}: {_in_brief(each)} ({each.rule})" for each in self.first)

    @property
    def left_out(self) -> int:
        """How many are not among the first."""
        return self.count - len(self.first)

    def text(self, gettext: Gettext = _untranslated, lines: Iterable[str] | None = None) -> str:
        """The sentence, the first of them and how many more there are: a line each; `lines` in place of its own."""
        lines = [self.sentence(gettext), *(f"• {line}" for line in (self.lines if lines is None else lines))]
        if self.first and self.left_out:
            lines.append(gettext(_MORE) % {"count": f"{self.left_out:,}"})
        return "\n".join(lines)

    def facts(self, gettext: Gettext = _untranslated) -> list[tuple[str, str]]:
        """What the group's values are; how many there are of each rule, action and application."""
        values = [
            (label_of(path.rpartition(".")[2], gettext), shown)
            for path, value in self.group.items()
            if (shown := _shown(value))
        ]
        return values + [
            (gettext(label), ", ".join(f"{name} ({count:,})" for name, count in self.counts[kind].items()))
            for kind, label in LABELS.items()
            if self.counts.get(kind)
        ]

    def to_json(self) -> JsonObject:
        """As webhooks, mappings and the inbox see it."""
        first: list[Json] = [
            {
                "event_id": each.event.id,
                "severity": each.severity.value,
                "rule": each.rule,
                "action": each.event.action,
                "app": each.event.app,
                "body": _in_brief(each),
                "created": iso(each.created),
                "links": event_links(each.event.id),
            }
            for each in self.first
        ]
        counted: JsonObject = {kind: {**self.counts.get(kind, {})} for kind in LABELS}
        shown: JsonObject = {
            "id": self.id,
            "count": self.count,
            "cause": self.cause,
            "since": iso(self.since),
            "severities": {severity.value: self.severities.get(severity, 0) for severity in Severity},
            **counted,
            "first": first,
            "links": {"href": f"/deliveries/{self.id}", "events": f"/events?since={iso(self.since)}"},
        }
        if self.cause == "group":
            shown |= {"group": {**self.group}, "latest": self.latest or None}
        return shown | {"over": True} if self.over else shown


def _in_brief(told: Notification) -> str:
    """What one of them says, in at most MAX_LINE code units with its remark: whether somebody took it."""
    return cut_line(told.body, MAX_LINE, f"({told.remark})" if told.remark else "")


def _shown(value: Json) -> str:
    """A value of a group for people; blank where its events have none."""
    several = value if isinstance(value, list) else [value]
    return cut(", ".join(one_line(str(each)) for each in several if each not in (None, "", [])), MAX_LINE)
