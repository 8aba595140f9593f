"""The inbox: a notification stored for its person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from tocsin.notifications.context import RenderingContext
from tocsin.notifications.inbox_store import BelongsToAnother, InboxStore
from tocsin.notifications.mapping import MappingFailed, rewritten
from tocsin.notifications.model import event_links
from tocsin.notifications.outcome import Deliver, Outcome, State
from tocsin.times import utc_now
from tocsin.types import JsonObject


def inbox_delivery(
    inboxes: InboxStore, keep: Callable[[], timedelta], tell: Callable[[str, JsonObject], None]
) -> Deliver:
    """Delivers into `inboxes`, where notifications are kept for as long as `keep` says.

    `tell` sends a message to all that show a person's inbox; it never fails.
    """

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
        try:
            stored = inboxes.put(notification, keep=keep(), now=utc_now())
        except BelongsToAnother:
            return Outcome(State.DISCARDED, "person_deleted", "its person was deleted after the event happened")
        if stored is None:
            return Outcome(State.DELIVERED, "stored_before")
        shown: JsonObject = stored | {"event": event_links(notification.event.id)}
        tell(context.user.username, {"message_type": "notification.new", "id": notification.id, "data": shown})
        return Outcome(State.DELIVERED, "stored")

    return deliver
