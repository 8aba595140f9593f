"""One log line an outcome, JSON, each with a stable code and the `event_id` that it is about.

`filter event_id = "…"` over all log groups in CloudWatch Logs Insights tells an event's whole story, `filter trace_id`
that of all that one request set off: `trace_id` is the trace of the request that caused what a line is about,
`xray_trace_id` the one of the invocation that wrote it, where that is another. Lines hold ids, names, counts and
reasons; never bodies, headers, secrets or query strings.

A line is what CloudWatch charges by the byte, so it has nothing that its log group says already.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from functools import wraps
from typing import TYPE_CHECKING, Any

import orjson

from tocsin.aws import init
from tocsin.aws.tracing import invocation_trace_id, trace_id

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# What every record of the standard library has; all else are the facts of a line.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "trace_id"}

_invocation: dict[str, object] = {"cold_start": True}
"""Facts of the invocation that is under way, for its lines: the id only where something is wrong, since Lambda's own
lines, which it leads to, are only written then."""


class _Line(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """{level, message, timestamp, service, …}: the invocation's facts, then the line's own."""
        said: dict[str, object] = {
            "level": record.levelname,
            "message": record.getMessage(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "service": os.environ.get("POWERTOOLS_SERVICE_NAME", ""),
            **_invocation,
        }
        if record.levelno < logging.WARNING:
            said.pop("function_request_id", None)
        said |= {name: fact for name, fact in vars(record).items() if name not in _STANDARD}
        if record.exc_info and record.exc_info[0] is not None:
            said["exception_name"] = record.exc_info[0].__name__
            said["exception"] = self.formatException(record.exc_info)
        trace, own = getattr(record, "trace_id", None), invocation_trace_id()
        said |= {} if trace is None else {"trace_id": trace}
        said |= {} if own in {None, trace} else {"xray_trace_id": own}
        try:
            return orjson.dumps(said, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        except TypeError:  # a number or a text that orjson does not take; the line is not to be lost
            return json.dumps(said, default=str)


class _Output(logging.StreamHandler[Any]):
    """Writes to what standard output is at that moment."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:  # noqa: ANN401 - as the standard library has it
        return sys.stdout

    @stream.setter
    def stream(self, _stream: object) -> None:
        """Nothing: it is always standard output."""


def _traced(record: logging.LogRecord) -> bool:
    """Add the trace to a line: a filter that lets every line through."""
    if (trace := trace_id()) is not None:
        record.trace_id = trace
    return True


def _made() -> logging.Logger:
    made = logging.getLogger("tocsin")
    made.setLevel(os.environ.get("LOG_LEVEL") or logging.INFO)
    output = _Output()
    output.setFormatter(_Line())
    made.addHandler(output)
    made.addFilter(_traced)
    in_lambda = "LAMBDA_TASK_ROOT" in os.environ
    made.propagate = not in_lambda  # the runtime's own handler would write each line again
    if in_lambda:  # pragma: no cover - test_runtime_logs.py, in a process of its own
        # The runtime has all loggers write what ApplicationLogLevel lets through, which has to be DEBUG for our own
        # lines: botocore would tell of each call with its body and answer, secrets and credentials among them.
        # https://github.com/aws/aws-lambda-python-runtime-interface-client/blob/main/awslambdaric/bootstrap.py
        logging.getLogger().setLevel(logging.WARNING)
    return made


logger = _made()
"""The logger of this function, whose level is LOG_LEVEL."""


def logged[T](
    handler: Callable[[dict[str, Any], LambdaContext], T],
) -> Callable[[dict[str, Any], LambdaContext], T]:
    """Have each line of an invocation name it, and those of a process's first say `cold_start`.

    A function's handler is the last that its init makes: this ends it.
    """

    @wraps(handler)
    def logging_handler(event: dict[str, Any], context: LambdaContext) -> T:
        if "function_request_id" in _invocation:
            _invocation.pop("cold_start", None)
        _invocation["function_request_id"] = context.aws_request_id
        return handler(event, context)

    init.finish()
    return logging_handler


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
    RULE_ENDED = "RULE_ENDED"
    RULE_END_FAILED = "RULE_END_FAILED"
    RULE_ESCALATED = "RULE_ESCALATED"
    ESCALATION_STOPPED = "ESCALATION_STOPPED"
    RULE_HELD = "RULE_HELD"
    RULE_TOLD_NOBODY = "RULE_TOLD_NOBODY"
    FIRINGS_UNCOUNTED = "FIRINGS_UNCOUNTED"
    POLICY_FAILED = "POLICY_FAILED"
    POLICY_RAN = "POLICY_RAN"
    RULES_LOADED = "RULES_LOADED"
    DIGEST_MADE = "DIGEST_MADE"
    DELIVERY_KEPT_BACK = "DELIVERY_KEPT_BACK"
    DEFAULTS_UNREAD = "DEFAULTS_UNREAD"
    READER_UNREAD = "READER_UNREAD"
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
    THREAD_NOT_KEPT = "THREAD_NOT_KEPT"
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
    NOTIFICATION_ACKNOWLEDGED = "NOTIFICATION_ACKNOWLEDGED"
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
    BROKEN_OFF_UNREAD = "BROKEN_OFF_UNREAD"
    RUN_UNREADABLE = "RUN_UNREADABLE"
    RUN_NOTE_INCOMPLETE = "RUN_NOTE_INCOMPLETE"
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
    logger.log(level, message, stacklevel=2, extra=said)
