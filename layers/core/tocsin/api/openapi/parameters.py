"""What can stand in a query."""

from __future__ import annotations

from tocsin.api.openapi.shapes import MOMENT, TEXT, TRUTH, WHOLE
from tocsin.types import JsonObject

QUERY: dict[str, tuple[JsonObject, str]] = {
    "limit": ({"type": "integer", "minimum": 1, "maximum": 1000}, "Items a page."),
    "cursor": (TEXT, "Where to go on: `cursor` of the answer before, as it is."),
    "order": ({"type": "string", "enum": ["newest", "oldest"]}, "Which come first; the newest by default."),
    "dry_run": (TRUTH, "Only say what would change."),
    "user": (TEXT, "Whose inbox, or who is told; whom the key stands for by default."),
    "token": (TEXT, "The token in the link of a message."),
    "only": ({"enum": ["rule"]}, "`rule` to mute the rule that the e-mail was of, and nothing else."),
    "history_days": ({"type": "integer", "minimum": 1}, "How many days to look back; of more than 90, the last 90."),
    "interval": (TEXT, "The width of a bucket in whole hours, as `hours=6`."),
    "top": ({"type": "integer", "minimum": 1, "maximum": 100}, "How many applications; 15 by default."),
    "steps": (TEXT, "Lengths of time up to now, as `hours=24,days=7`; at most six, each of at most 90 days."),
    "state": (TEXT, "States of what is listed, separated by commas."),
    "address": (TEXT, "An e-mail address."),
    "transport": (TEXT, "The name of a transport."),
    "username": (TEXT, "A username in the event's user or context."),
    "user_pk": (TEXT, "The event's user, by primary key."),
    "action": (TEXT, "An action, or the beginning of some: `login*`; `custom_` for every custom one."),
    "actions": (TEXT, "Several actions, separated by commas."),
    "app": (TEXT, "The application that sent the event."),
    "model_app": (TEXT, "`context.model.app`."),
    "model_name": (TEXT, "`context.model.model_name`."),
    "model_pk": (TEXT, "`context.model.pk`."),
    "authorized_application": (TEXT, "The application of `context.authorized_application`."),
    "client_ip": (TEXT, "An address, or a network in CIDR notation."),
    "brand": (TEXT, "The brand."),
    "unseen": (TRUTH, "Only what was not seen."),
    "severity": (TEXT, "Severities, separated by commas."),
    "rule": (TEXT, "The name of a rule."),
    "after": (WHOLE, "Only what arrived later than this arrival."),
    "through": (WHOLE, "The arrival up to which; all by default."),
    "since": (MOMENT, "Not before this moment."),
    "until": (MOMENT, "Before this moment."),
    "search": (TEXT, "Words, each of which stands somewhere in it, in any case; `docs/api.md` says where."),
    "filter": (TEXT, "A CEL expression over `event`."),
}
"""Each query parameter's schema and meaning: the same on every path."""
