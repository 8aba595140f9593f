"""The content of a preset's message, independent of the service: one event, several as one message, or an end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from tocsin.notifications.actions import title_of
from tocsin.notifications.context import COLOURS, RenderingContext, web_link
from tocsin.notifications.digest import Digest
from tocsin.notifications.model import Severity, notification_id
from tocsin.notifications.text import MARK, one_line, plain
from tocsin.notifications.translations import ENGLISH
from tocsin.notifications.wording import NEXT, Words, in_one_line, words_of
from tocsin.records import dataclass
from tocsin.times import iso
from tocsin.types import Json, JsonObject

_LONGEST_TEXT = 20_000
"""Most characters of a text: more than any preset shows."""

_CLOCK = "%Y-%m-%d %H:%M:%S UTC"


class Kind(StrEnum):
    """What kind of message it is."""

    EVENT = "event"
    GROUP = "group"
    """Several events as one message: a group or a digest."""
    RESOLVE = "resolve"
    """What an earlier message reported is over."""


@dataclass(frozen=True, slots=True)
class Told:
    """A message before it is put into a service's format.

    `title`, `text`, `lines` and `facts` contain text from outside, which each format has to escape. `key` is the same
    for all messages about one thing, including its end: services with incidents identify them by it. `lines` are the
    first few of several events, `left_out` is how many more there were, `count` the number of all. `event` is the event
    as the API shows it; the latest of several.
    """

    kind: Kind
    key: str
    message_id: str
    title: str
    text: str
    severity: Severity
    rule: str
    created: datetime
    event: JsonObject
    app: str = ""
    action: str = ""
    recipient: str | None = None
    link: str | None = None
    link_label: str | None = None
    acknowledge: str | None = None
    """The link by which it is acknowledged."""
    facts: tuple[tuple[str, str], ...] = ()
    lines: tuple[str, ...] = ()
    count: int = 1
    left_out: int = 0

    @classmethod
    def of(cls, context: RenderingContext, message_id: str) -> Self:
        """Make the message about one event, or about a digest's events. `message_id` is its delivery's id."""
        event = context.event
        if context.digest is not None:
            return cls._of_digest(context, context.digest, message_id)
        words = words_of(context, ENGLISH, channel=True)
        return cls(
            kind=Kind.RESOLVE if context.over else Kind.EVENT,
            key=context.about or notification_id(event.id, context.rule, None),
            message_id=message_id,
            title=words.title or "",
            text=words.text,
            severity=context.severity,
            rule=context.rule,
            created=event.created,
            event=event.to_json(),
            app=event.app,
            action=event.action,
            recipient=context.user.username if context.user else None,
            link=words.links[0].url if words.links else None,
            link_label=words.links[0].label if words.links else None,
            acknowledge=words.acknowledge.url if words.acknowledge else None,
            facts=tuple(_facts(context, words)),
        )

    @classmethod
    def of_several(
        cls,
        contexts: Sequence[RenderingContext],
        *,
        key: str,
        message_id: str,
        count: int,
        breakdown: Sequence[tuple[str, int]] = (),
        link: str | None = None,
    ) -> Self:
        """Make the message about several events. `contexts` are the first few of `count`, at least one.

        `key` is the group's. `breakdown` is (value, number of events with it). `link` leads to all events.
        """
        latest = max(contexts, key=lambda context: context.event.created)
        titles = {_title(context) for context in contexts}
        one = next(iter(titles)) if len(titles) == 1 else "Events"
        rules = sorted({context.rule for context in contexts})
        return replace(
            cls.of(latest, message_id),
            kind=Kind.GROUP,
            key=key,
            title=f"{count:,} × {one}",
            text=f"{count:,} events told by {', '.join(rules)}",
            severity=max((context.severity for context in contexts), key=[*Severity].index),
            link=web_link(link),
            facts=tuple((label, f"{times:,}") for label, times in breakdown),
            link_label=None,
            lines=tuple(
                f"{each.event.created:{_CLOCK}} {in_one_line(each, ENGLISH, titled=len(titles) > 1)}"
                for each in contexts
            ),
            count=count,
            left_out=max(count - len(contexts), 0),
        )

    @classmethod
    def of_end(cls, context: RenderingContext, *, key: str, message_id: str) -> Self:
        """Make the message that what `key` identifies is over. `context` is that of the event that ended it."""
        return cls.of(replace(context, about=key, over=True), message_id)

    @classmethod
    def _of_digest(cls, context: RenderingContext, digest: Digest, message_id: str) -> Self:
        first = [
            replace(context, event=each.event, notification=each, rule=each.rule, severity=each.severity, digest=None)
            for each in digest.first
        ]
        told = cls.of_several(first, key=context.about or digest.id, message_id=message_id, count=digest.count)
        return replace(
            told,
            kind=Kind.RESOLVE if digest.over else Kind.GROUP,
            title=words_of(context, ENGLISH, channel=True).title or "",
            text=digest.sentence(),
            severity=context.severity,
            facts=tuple(digest.facts()),
            created=digest.since,
        )

    @property
    def known(self) -> dict[str, Json]:
        """Return Tocsin's own values by their names in templates. They are used as they are."""
        return {
            "kind": self.kind.value,
            "key": self.key,
            "message_id": self.message_id,
            "message_hex": hashlib.sha256(self.message_id.encode()).hexdigest()[:32],
            "event_id": self.event.get("id"),
            "severity": self.severity.value,
            "colour": COLOURS[self.severity],
            "colour_number": int(COLOURS[self.severity].removeprefix("#"), 16),
            "created": iso(self.created),
            "epoch": int(self.created.timestamp()),
            "seconds": self.created.timestamp(),
            "count": self.count,
            "left_out": self.left_out,
            "link": self.link,
            "acknowledge": self.acknowledge,
        }

    @property
    def free(self) -> dict[str, str | None]:
        """Return texts from outside by their names in templates. They are escaped and cut."""
        title, text = one_line(_head(self.title, 2_000)), plain(_head(self.text, _LONGEST_TEXT)).strip()
        return {
            "title": title or one_line(text) or "Event",
            "text": text or None,
            "rule": self.rule,
            "app": one_line(self.app) or None,
            "action": one_line(self.action) or None,
            "recipient": self.recipient,
            "link_label": one_line(self.link_label or "") or "Open",
        }


def _head(text: str, longest: int) -> str:
    """Return `text`, cut to the most that any service can show."""
    return text if len(text) <= longest else text[:longest] + MARK


def _title(context: RenderingContext) -> str:
    """Return the rule's title, else the event's action in words: "Login failed" for `login_failed`."""
    return context.title or title_of(context.action or "", ENGLISH.gettext) or ""


def _facts(context: RenderingContext, words: Words) -> Iterator[tuple[str, str]]:
    """Yield what the text does not say, what to do next and who it is for, with technical values last."""
    yield "Severity", words.severity
    if words.app:
        yield "App", words.app
    yield "When", words.time
    yield from ((fact.label, fact.value) for fact in words.facts)
    if words.advice:
        yield NEXT, words.advice
    yield "Why", words.why
    yield from ((fact.label, fact.value) for fact in words.technical)
