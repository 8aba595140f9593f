"""Tocsin for AWS Lambda: what was saved is sent before the function's answer, for then its threads stand still.

    @tocsin_client.aws_lambda.audited
    def handler(event, context): ...

Without a change of code: set the function's handler to `tocsin_client.aws_lambda.handler`, and its environment
variable TOCSIN_LAMBDA_HANDLER to the handler that it had (`app.handler`).
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from functools import wraps
from typing import Any

from tocsin_client import configuration, exceptions
from tocsin_client.context import bound_request_id
from tocsin_client.faults import report

Handler = Callable[[Any, Any], Any]

ORIGINAL = "TOCSIN_LAMBDA_HANDLER"
LONGEST_FLUSH = 5.0
"""Seconds."""
_SPARE = 0.5  # seconds of the invocation that are left to the answer


def audited(function: Handler) -> Handler:
    """Send the events of an invocation before its answer, give them its request id, and tell what it raises.

    Where the function's time is nearly up, or the API does not answer within LONGEST_FLUSH seconds, the rest is sent
    with the next invocation in this environment, if there is one.
    """

    @wraps(function)
    def handling(event: Any, context: Any) -> Any:  # noqa: ANN401 - Lambda's are any JSON
        with bound_request_id(_request_id(event, context)):
            try:
                return function(event, context)
            except Exception as error:
                exceptions.tell(error, app=str(getattr(context, "function_name", "lambda")), request=_http(event))
                raise
            finally:
                _flush(context)

    return handling


def _flush(context: Any) -> None:  # noqa: ANN401
    try:
        left = getattr(context, "get_remaining_time_in_millis", lambda: LONGEST_FLUSH * 1_000)() / 1_000
        configuration.flush(max(min(LONGEST_FLUSH, left - _SPARE), 0.0))
    except Exception as error:  # noqa: BLE001 - the invocation's answer stands
        report("events can't be flushed", error)


def _http(event: object) -> object:
    """The event, where it is an HTTP request."""
    if not isinstance(event, dict) or not isinstance(event.get("requestContext"), dict):
        return None
    return event if event.keys() & {"httpMethod", "rawPath"} else None


def _request_id(event: object, context: object) -> str | None:
    http = _http(event)
    given = http["requestContext"].get("requestId") if isinstance(http, dict) else None
    return given or getattr(context, "aws_request_id", None)


_original: Handler | None = None


def handler(event: Any, context: Any) -> Any:  # noqa: ANN401
    """Call the handler that TOCSIN_LAMBDA_HANDLER names (`module.function`), as `audited` would have it."""
    global _original  # noqa: PLW0603 - it is imported once, at the first invocation
    if _original is None:
        module, _, name = os.environ[ORIGINAL].rpartition(".")
        _original = audited(getattr(importlib.import_module(module.replace("/", ".")), name))
    return _original(event, context)
