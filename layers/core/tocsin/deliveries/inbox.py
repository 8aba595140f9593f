"""The inbox: a notification stored for its person."""

from __future__ import annotations

from dataclasses import replace

from tocsin.deliveries.courier import Deliver
from tocsin.deliveries.models import Outcome, State
from tocsin.rendering.context import RenderingContext
from tocsin.rendering.mapping import MappingFailed, rewritten
from tocsin.store.configuration import ConfigurationStore
from tocsin.store.ledger import Ledger
from tocsin.times import parse_duration, utc_now


def inbox_delivery(ledger: Ledger, configuration: ConfigurationStore) -> Deliver:
    """Delivers into the inboxes of `ledger`; kept as long as the settings say."""

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
        keep = parse_duration(configuration.version().settings.notification_retention)
        new = ledger.put_in_inbox(notification, keep=keep, now=utc_now())
        return Outcome(State.DELIVERED, "stored" if new else "stored_before")

    return deliver
