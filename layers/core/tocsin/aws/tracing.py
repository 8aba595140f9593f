"""Which trace an event belongs to, from the request that posted it to the last log line about it.

Lambda gives each invocation a trace header, in the variable _X_AMZN_TRACE_ID. Messages carry one on (AWSTraceHeader); a
DynamoDB stream doesn't, and a batch has events of many requests. So an event's item has the header of the invocation
that stored it, and whoever works on an event, a message or a delivery does so within `caused_by`: log lines have
that trace as `trace_id`, and messages and events that come of it carry it on.

    Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:68fd508a:5

A string is all that this takes: no X-Ray SDK, and no call.
https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_HEADER = re.compile(
    r"(?P<kept>Root=(?P<root>1-[0-9a-f]{8}-[0-9a-f]{24})(?:;Parent=[0-9a-f]{16})?(?:;Sampled=[01?])?)(?:;.*)?"
)
_LINEAGE = re.compile(r";(Lineage=[0-9a-zA-Z:|.]+)")
_cause: ContextVar[str | None] = ContextVar("cause", default=None)


@contextmanager
def caused_by(header: str | None) -> Iterator[None]:
    """Do what is within in the trace of `header`; in the one that it is in already where that is no trace header."""
    kept = _kept(header)
    if kept is None:
        yield
        return
    token = _cause.set(kept)
    try:
        yield
    finally:
        _cause.reset(token)


def trace_header() -> str | None:
    """The header of the trace that this is done in: of its cause, else of the invocation. None outside Lambda."""
    return _cause.get() or _kept(_own())


def trace_id() -> str | None:
    """The id of that trace."""
    found = _HEADER.fullmatch(trace_header() or "")
    return found["root"] if found else None


def invocation_trace_id() -> str | None:
    """The id of the trace of the invocation itself; None outside Lambda."""
    found = _HEADER.fullmatch(_own())
    return found["root"] if found else None


def header_of(record: Mapping[str, Any]) -> str | None:
    """The trace header of a message, as Lambda hands it over."""
    header = record.get("attributes", {}).get("AWSTraceHeader")
    return header if isinstance(header, str) else None


def message_attributes(header: str | None) -> Any:  # noqa: ANN401 - the types of SQS are not there at run time
    """The system attributes by which a message carries `header` on, as SQS's API takes them.

    With the invocation's own lineage, by which Lambda tells a function that feeds itself.
    https://docs.aws.amazon.com/xray/latest/devguide/xray-services-sqs.html
    """
    if header is None:
        return {}
    lineage = _LINEAGE.search(_own())
    value = f"{header};{lineage[1]}" if lineage else header
    return {"AWSTraceHeader": {"DataType": "String", "StringValue": value}}


def _own() -> str:
    return os.environ.get("_X_AMZN_TRACE_ID", "")


def _kept(header: str | None) -> str | None:
    """What is carried on of a trace header: all but the lineage, which belongs to one invocation."""
    found = _HEADER.fullmatch(header or "")
    return found["kept"] if found else None
