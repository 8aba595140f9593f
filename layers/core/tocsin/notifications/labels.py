"""What an event's values are called where people are told of them: `order_id` is "Order ID"."""

from __future__ import annotations

import re

from tocsin.events.summary import Gettext, capitalized
from tocsin.notifications.text import one_line

_JOINTS = re.compile(r"[\s_.\-/]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_CAPITALS = frozenset(
    ("id", "ip", "url", "uri", "api", "http", "https", "dns", "tls", "vpn", "sso", "mfa", "otp", "ssh", "sql", "vat")
)
MAX_KEY = 300
"""Characters of a name that are looked at: more than any medium shows."""

LABELS: dict[str, str] = {
    "app": "Application",
    "application": "Application",
    "authorized_application": "Application",
    "auth_method": "Method",
    "client_ip": "From",
    "email": "E-mail",
    "event_user_email": "Person",
    "event_user_username": "Person",
    "model": "Object",
    "to_email": "Recipient",
    "user": "Person",
    "user_email": "Person",
    "user_username": "Person",
    "username": "Person",
}
"""Keys whose words would tell less."""

COMMON = (
    *("Amount", "Answer", "Cause", "Comment", "Count", "Country", "Currency", "Customer", "Deprecation", "Detail"),
    *("Device", "Duration", "Environment", "Error", "Export", "File", "Flow", "Group", "Host", "Invitation", "Invoice"),
    *("Level", "Mapping", "Method", "Name", "New version", "Order", "Path", "Policy", "Product", "Project", "Reason"),
    *("Region", "Release", "Rule", "Secret", "Server", "Service", "Source", "State", "Status", "Subject", "Target"),
    *("Task", "Team", "Tenant", "Transport", "Version", "Network", "Users", "Object", "Recipient", "Attempts"),
)
"""Words that many events have, in the languages that there are."""

TECHNICAL = {
    "user_agent": "Program",
    "request_id": "Request",
    "trace_id": "Trace",
    "event_id": "Event ID",
    "delivery_id": "Delivery ID",
}
"""Keys whose values help who looks into it, and nobody else, and what these are called. They stand last."""
_FOR_MACHINES = frozenset(("span_id", "traceparent", "session_id", "correlation_id", "fingerprint", "digest", "hash"))
_MACHINE_MADE = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}|[0-9a-f]{24,}", re.IGNORECASE)
"""UUIDs, and hashes in hexadecimal."""

MESSAGES = frozenset((*LABELS.values(), *COMMON, *TECHNICAL.values()))


def in_words(name: str) -> str:
    """A name of programs in words: `order_refunded`, `order-refunded` and `orderRefunded` are "Order refunded"."""
    parts = [part for part in _JOINTS.split(one_line(name[:MAX_KEY])) if part]
    return capitalized(" ".join(map(_word, parts)))


def _word(part: str) -> str:
    """A word with its capitals, where it is written in them: `AWS`, but not `Order`, which began one in camel case."""
    if part.lower() in _CAPITALS:
        return part.upper()
    return part if len(part) > 1 and part.isupper() else part.lower()


def label_of(key: str, gettext: Gettext) -> str:
    """What the value of `key` is called."""
    known = LABELS.get(key) or TECHNICAL.get(key)
    return gettext(known or in_words(key)) or key


def is_technical(key: str, value: str) -> bool:
    """Whether a value is of use only to who looks into it."""
    return key in TECHNICAL or key in _FOR_MACHINES or _MACHINE_MADE.fullmatch(value) is not None
