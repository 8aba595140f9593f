"""The inbox: a notification stored for its person."""

from __future__ import annotations

from datetime import UTC, datetime

from tocsin.deliveries.courier import Deliver
from tocsin.deliveries.models import Outcome, State
from tocsin.durations import parse_duration
from tocsin.errors import Unavailable
from tocsin.rendering.context import RenderingContext
from tocsin.store.configuration import ConfigurationStore
from tocsin.store.ledger import Ledger


def inbox_delivery(ledger: Ledger, configuration: ConfigurationStore) -> Deliver:
    """Delivers into the inboxes of `ledger`; kept as long as the settings say."""

    def deliver(context: RenderingContext) -> Outcome:
        if context.user is None:
            return Outcome(State.DISCARDED, "no_person", "an inbox belongs to a person, and there is none")
        keep = parse_duration(configuration.version().settings.notification_retention)
        try:
            new = ledger.put_in_inbox(context.notification, keep=keep, now=datetime.now(UTC))
        except Unavailable as error:
            return Outcome(State.RETRYING, error.code, error.detail)
        return Outcome(State.DELIVERED, "stored" if new else "stored_before")

    return deliver
