"""How large what goes into a function, and what comes out of it, may be."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping

MAX_RESPONSE = 6_291_556
"""Bytes of a function's response as its runtime sends it: JSON, in which an HTTP body is escaped once more.

The number is that of Lambda's own error message: github.com/DataBiosphere/azul/issues/8192. As "6 MB" it is in
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""
MAX_REQUEST = 6_291_456
"""Bytes of a synchronous invocation's payload. The number is that of the error message, as MAX_RESPONSE."""
MAX_EVENT = 1_048_576
"""Bytes of an asynchronous invocation's payload: 1 MB since October 2025, 256 KB before.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

_INVOCATION = re.compile(r"/2015-03-31/functions/[^/]+/invocations/?")

type Execute = Callable[[Mapping[str, object], object], dict[str, object]]
type Answer = tuple[int, dict[str, str], bytes]
type Handle = Callable[[str, str, Mapping[str, str], bytes, object], Awaitable[Answer]]


def response_bytes(response: object) -> int:
    """The size of what a handler returned, as Lambda's runtime for Python 3.12 and later serializes it.

    https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html: characters beyond ASCII are not escaped.
    """
    return len(json.dumps(response, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def within_response_limit(execute: Execute) -> Execute:
    """Makes an invocation that returns more than MAX_RESPONSE bytes fail, as on AWS, after it did its work."""

    def execute_and_measure(function: Mapping[str, object], event: object) -> dict[str, object]:
        result = execute(function, event)
        if result.get("error") or response_bytes(result.get("body")) <= MAX_RESPONSE:
            return result
        return {
            **result,
            "error": True,
            "body": {
                "errorType": "Function.ResponseSizeTooLarge",
                "errorMessage": f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE} bytes).",
            },
        }

    return execute_and_measure


def within_payload_limits(handle: Handle) -> Handle:
    """Makes Lambda's API refuse to invoke a function with more than it takes.

    The words of the asynchronous refusal: github.com/ASFHyP3/hyp3/issues/2241 (there with the limit of 2024), of the
    synchronous one: github.com/JupiterOne/sdk/issues/565.
    """

    async def handle_within(method: str, path: str, headers: Mapping[str, str], body: bytes, query: object) -> Answer:
        if method == "POST" and _INVOCATION.fullmatch(path):
            refusal = _refusal(headers.get("x-amz-invocation-type", ""), len(body))
            if refusal is not None:
                return refusal
        return await handle(method, path, headers, body, query)

    return handle_within


def _refusal(kind: str, size: int) -> Answer | None:
    if kind == "Event" and size > MAX_EVENT:
        words = f"{size} byte payload is too large for the Event invocation type (limit {MAX_EVENT} bytes)"
        return _too_large("RequestEntityTooLargeException", words)
    if kind != "Event" and size > MAX_REQUEST:
        words = f"Request must be smaller than {MAX_REQUEST} bytes for the InvokeFunction operation"
        return _too_large("RequestTooLargeException", words)
    return None


def _too_large(code: str, message: str) -> Answer:
    headers = {"Content-Type": "application/json", "x-amzn-errortype": code}
    return 413, headers, json.dumps({"Type": "User", "message": message}).encode()
