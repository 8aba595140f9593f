"""The transport that a message goes by, as it is configured now."""

from __future__ import annotations

from tocsin.config.model import Configuration
from tocsin.deliveries.model import DeliveryMessage
from tocsin.notifications.transport import INBOX, NotificationTransport, inbox_among


def transport_of(message: DeliveryMessage, configuration: Configuration) -> NotificationTransport | None:
    """Return the message's transport; None where it was deleted or disabled, or has another mode by now.

    Each mode has a function of its own with the permissions for it: the inbox's function can't send a webhook.
    """
    found = _named(message, configuration)
    return found if found is not None and found.enabled and found.mode == message.mode else None


def why_none(message: DeliveryMessage, configuration: Configuration) -> str:
    """Return why there is no transport by which to send the message."""
    found = _named(message, configuration)
    if found is None:
        return f"there is no transport {message.transport} any more"
    if found.mode != message.mode:
        return f"transport {message.transport} is no {message.mode} any more: its mode is {found.mode} now"
    return f"transport {message.transport} is turned off"


def _named(message: DeliveryMessage, configuration: Configuration) -> NotificationTransport | None:
    known = configuration.transports_by_name
    is_inbox = (message.transport, message.mode) == (INBOX.name, INBOX.mode)
    return inbox_among(known) if is_inbox else known.get(message.transport)
