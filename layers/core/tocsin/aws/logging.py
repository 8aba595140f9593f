"""One log line an outcome, JSON, each with a stable code and the `event_id` that it is about.

`filter event_id = "…"` over all log groups in CloudWatch Logs Insights tells an event's whole story, `filter trace_id`
that of all that one request set off: `trace_id` is the trace of the request that caused what a line is about,
`xray_trace_id` (Powertools') the one of the invocation that wrote it. Lines hold ids, names, counts and reasons; never
bodies, headers, secrets or query strings.
"""

from __future__ import annotations

import logging
from enum import StrEnum

from aws_lambda_powertools import Logger

from tocsin.aws.tracing import trace_id

logger = Logger()
"""The logger of this function; service and level come from POWERTOOLS_SERVICE_NAME and LOG_LEVEL."""


def _traced(record: logging.LogRecord) -> bool:
    """Add the trace to a line: a filter that lets every line through."""
    if (trace := trace_id()) is not None:
        record.trace_id = trace
    return True


logger.addFilter(_traced)

_METHODS = {
    logging.DEBUG: logger.debug,
    logging.INFO: logger.info,
    logging.WARNING: logger.warning,
    logging.ERROR: logger.error,
}


class Code(StrEnum):
    """What happened. A code is used at one place only, so that a line leads to its code."""

    EVENT_STORED = "EVENT_STORED"
    EVENTS_STORED = "EVENTS_STORED"
    EVENTS_REFUSED = "EVENTS_REFUSED"
    EVENTS_UNAVAILABLE = "EVENTS_UNAVAILABLE"
    ID_TAKEN = "ID_TAKEN"
    REQUEST_REFUSED = "REQUEST_REFUSED"
    REQUEST_FAILED = "REQUEST_FAILED"
    GEOIP_OPENED = "GEOIP_OPENED"
    GEOIP_IMPAIRED = "GEOIP_IMPAIRED"
    GEOIP_FAILED = "GEOIP_FAILED"
    KEY_ACCEPTED = "KEY_ACCEPTED"
    KEY_REFUSED = "KEY_REFUSED"
    ISSUER_KEYS_READ = "ISSUER_KEYS_READ"
    ISSUER_KEYS_UNREAD = "ISSUER_KEYS_UNREAD"
    RULE_FIRED = "RULE_FIRED"
    RULE_HELD = "RULE_HELD"
    RULE_TOLD_NOBODY = "RULE_TOLD_NOBODY"
    FIRINGS_UNCOUNTED = "FIRINGS_UNCOUNTED"
    POLICY_FAILED = "POLICY_FAILED"
    POLICY_RAN = "POLICY_RAN"
    RULES_LOADED = "RULES_LOADED"
    DIGEST_MADE = "DIGEST_MADE"
    DELIVERY_KEPT_BACK = "DELIVERY_KEPT_BACK"
    DEFAULTS_UNREAD = "DEFAULTS_UNREAD"
    PREFERENCES_UNREAD = "PREFERENCES_UNREAD"
    PREFERENCES_SAVED = "PREFERENCES_SAVED"
    RECORD_HANDED_ON = "RECORD_HANDED_ON"
    RECORD_SET_ASIDE = "RECORD_SET_ASIDE"
    RECORD_LEFT = "RECORD_LEFT"
    EVENT_GONE = "EVENT_GONE"
    ATTEMPT_BROKEN = "ATTEMPT_BROKEN"
    DELIVERY_ENDED = "DELIVERY_ENDED"
    DELIVERY_RETRIED = "DELIVERY_RETRIED"
    DELIVERY_REPEATED = "DELIVERY_REPEATED"
    DELIVERY_LEFT = "DELIVERY_LEFT"
    DELIVERY_HELD = "DELIVERY_HELD"
    DELIVERY_POSTPONED = "DELIVERY_POSTPONED"
    DELIVERY_NOT_REQUEUED = "DELIVERY_NOT_REQUEUED"
    BREAKER_OPENED = "BREAKER_OPENED"
    BREAKER_RECOVERED = "BREAKER_RECOVERED"
    TRANSPORT_DISABLED = "TRANSPORT_DISABLED"
    REDRIVE_DONE = "REDRIVE_DONE"
    REDRIVE_FAILED = "REDRIVE_FAILED"
    REPORT_LOST = "REPORT_LOST"
    MAIL_STOPPED = "MAIL_STOPPED"
    MAIL_FEEDBACK = "MAIL_FEEDBACK"
    MAIL_UNSUBSCRIBED = "MAIL_UNSUBSCRIBED"
    TRANSPORT_TURNED_OFF = "TRANSPORT_TURNED_OFF"
    RULE_MUTED = "RULE_MUTED"
    HOURS_COUNTED = "HOURS_COUNTED"
    HOURS_UNMARKED = "HOURS_UNMARKED"
    KEY_SKIPPED = "KEY_SKIPPED"
    CONFIGURATION_APPLIED = "CONFIGURATION_APPLIED"
    ENTRY_SAVED = "ENTRY_SAVED"
    ENTRY_DELETED = "ENTRY_DELETED"
    KEY_ROTATED = "KEY_ROTATED"
    SIGNED_IN = "SIGNED_IN"
    KEY_USE_UNRECORDED = "KEY_USE_UNRECORDED"
    CHANGE_UNREPORTED = "CHANGE_UNREPORTED"
    SUSPICION_UNREPORTED = "SUSPICION_UNREPORTED"
    JOB_ASKED = "JOB_ASKED"
    JOB_ENDED = "JOB_ENDED"
    JOB_DELAYED = "JOB_DELAYED"
    JOB_BROKEN = "JOB_BROKEN"
    JOB_FAILED = "JOB_FAILED"
    JOB_UNREPORTED = "JOB_UNREPORTED"
    CONNECTED = "CONNECTED"
    CONNECTION_ENDED = "CONNECTION_ENDED"
    CONNECTION_GONE = "CONNECTION_GONE"
    CONNECTION_KEPT = "CONNECTION_KEPT"
    SOCKET_REFUSED = "SOCKET_REFUSED"
    PUSH_FAILED = "PUSH_FAILED"
    PUSH_LEFT = "PUSH_LEFT"
    TAIL_LEFT = "TAIL_LEFT"
    TAIL_FAILED = "TAIL_FAILED"


def note(code: Code, message: str, *, level: int = logging.INFO, **facts: object) -> None:
    """Write one line: `message` for people, `code` and `facts` for queries; absent facts are left out."""
    said = {"code": code.value} | {name: fact for name, fact in facts.items() if fact is not None}
    _METHODS[level](message, stacklevel=3, extra=said)
