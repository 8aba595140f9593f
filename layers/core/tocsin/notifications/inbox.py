"""The inbox: a notification stored for its person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from tocsin.ids import id_time
from tocsin.notifications.context import RenderingContext, web_link
from tocsin.notifications.inbox_store import BelongsToAnother, InboxStore
from tocsin.notifications.mapping import MappingFailed, rewritten
from tocsin.notifications.model import event_links
from tocsin.notifications.outcome import Deliver, Outcome, State
from tocsin.notifications.text import cut, one_line, plain
from tocsin.notifications.translations import Catalogues
from tocsin.notifications.wording import Words, words_of
from tocsin.times import utc_now
from tocsin.types import Json, JsonObject

MAX_TEXT = 1_000
MAX_FACTS = 12
MAX_LINE = 200
"""Code units: a page of an inbox is to be a few reads."""


def inbox_delivery(
    inboxes: InboxStore, keep: Callable[[], timedelta], tell: Callable[[str, JsonObject], None]
) -> Deliver:
    """Delivers into `inboxes`, where notifications are kept for as long as `keep` says.

    `tell` sends a message to all that show a person's inbox; it never fails.
    """

    catalogues = Catalogues.packaged()

    def deliver(context: RenderingContext) -> Outcome:
        if context.user is None:
            return Outcome(State.DISCARDED, "no_person", "an inbox belongs to a person, and there is none")
        notification = context.notification
        mapping = context.body_mapping
        if mapping is not None:
            try:
                said = rewritten(mapping, context)
            except MappingFailed as failure:
                return Outcome.of_mapping(failure)
            notification = replace(notification, **said)  # type: ignore[arg-type]  # only texts, by name
        words = words_of(replace(context, notification=notification), catalogues.best(context.user.locale))
        about = context.about if context.can_acknowledge else None
        notification = replace(notification, words=_kept(words, context), about=about)
        try:
            # What a digest tells is all from before its person was deleted, or all from after: it is made so.
            latest = context.digest.latest if context.digest is not None else ""
            happened = id_time(latest) if latest else None
            stored = inboxes.put(notification, keep=keep(), now=utc_now(), happened=happened)
        except BelongsToAnother:
            return Outcome(State.DISCARDED, "person_deleted", "its person was deleted after the event happened")
        if stored is None:
            return Outcome(State.DELIVERED, "stored_before")
        shown: JsonObject = stored | {"event": event_links(notification.event.id)}
        shown |= {"can_acknowledge": about is not None, "acknowledged": None}
        tell(context.user.username, {"message_type": "notification.new", "id": notification.id, "data": shown})
        return Outcome(State.DELIVERED, "stored")

    return deliver


def _kept(words: Words, context: RenderingContext) -> JsonObject:
    """{locale, title, text, advice, why, facts: [{label, value}], left_out, runbook}: what an inbox says in words.

    What leads to the event and to preferences, and the times, are for what shows it.
    """
    facts: list[Json] = [
        {"label": cut(one_line(fact.label), MAX_LINE), "value": cut(plain(fact.value).strip(), MAX_LINE)}
        for fact in words.facts[:MAX_FACTS]
    ]
    return {
        "locale": words.locale,
        "title": cut(words.title, MAX_LINE) if words.title else None,
        "text": cut(plain(words.text).strip(), MAX_TEXT),
        "advice": words.advice,
        "why": cut(one_line(words.why), 2 * MAX_LINE),
        "facts": facts,
        "left_out": len(words.facts) - len(facts),
        "runbook": web_link(context.own.runbook) if context.own else None,
    }
