"""Lambda's detection of functions that feed themselves through SQS.

What is counted travels in the trace header, which needs no X-Ray: each invocation finds it in `_X_AMZN_TRACE_ID`, the
AWS SDK sends it with each call (botocore: `add_recursion_detection_header`), SQS keeps it as the message's
AWSTraceHeader, and Lambda reads it there when the message invokes a function. The emulator counts direct
invocations by a header of its own and sees nothing of a way over SQS.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import unquote

MAX_INVOCATIONS = 16
"""How often one chain of requests may invoke a function: "approximately 16 times"; here exactly."""

type Function = Mapping[str, Any]
type Execute = Callable[[Function, object], dict[str, object]]

_LINEAGE = re.compile(r"(?:^|;)\s*Lineage=([^;]*)", re.IGNORECASE)
_COUNT = re.compile(r"([0-9a-f]{8}):(\d+)")


@dataclass(frozen=True)
class Lineage:
    """How often each function was invoked in a chain of requests, by the functions' hashes."""

    counts: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def parse(cls, header: str) -> Self:
        """Read the Lineage of a trace header: `Root=…;Parent=…;Sampled=0;Lineage=1:68fd508a:5|c512fbe3:2`."""
        found = _LINEAGE.search(unquote(header))
        return cls({name: int(count) for name, count in _COUNT.findall(found[1])} if found else {})

    @classmethod
    def of_batch(cls, event: object) -> Self:
        """The lineage of an SQS batch: of each function the highest count among its messages.

        How Lambda counts a batch of messages from different chains is not documented. This is the way that stops
        soonest.
        """
        counts: dict[str, int] = {}
        for header in _trace_headers(event):
            for name, count in cls.parse(header).counts.items():
                counts[name] = max(count, counts.get(name, 0))
        return cls(counts)

    def entering(self, function: str) -> Self:
        """The lineage of what a function sends, invoked by this one; `function` is its ARN."""
        return type(self)({**self.counts, _hash(function): self.invocations(function) + 1})

    def invocations(self, function: str) -> int:
        """How often the chain invoked the function so far."""
        return self.counts.get(_hash(function), 0)

    def __str__(self) -> str:
        """As the trace header has it."""
        return "1:" + "|".join(f"{name}:{count}" for name, count in self.counts.items())


class LoopDetection:
    """Counts, and stops what was invoked too often; puts the count into the trace header of each invocation."""

    def __init__(self, *, allowed: Callable[[Function], bool], dropped: Callable[[Function], None]) -> None:
        """`allowed` says whether a function's RecursiveLoop is Allow; `dropped` is told of an invocation stopped."""
        self._allowed = allowed
        self._dropped = dropped
        self._lineage: ContextVar[Lineage | None] = ContextVar("lineage", default=None)
        self._header: ContextVar[str] = ContextVar("trace-header", default="")

    def executing(self, execute: Execute) -> Execute:
        """Makes an SQS batch fail, without invoking the function, once its chain invoked that often enough.

        Its messages become visible again, are stopped again, and end in the queue's dead letters.
        """

        def execute_in_chain(function: Function, event: object) -> dict[str, object]:
            arn = _arn(function)
            lineage = Lineage.of_batch(event).entering(arn)
            if lineage.invocations(arn) > MAX_INVOCATIONS and not self._allowed(function):
                self._dropped(function)
                return {"error": True, "body": _refusal(arn)}
            token = self._lineage.set(lineage)
            try:
                return execute(function, event)
            finally:
                self._lineage.reset(token)

        return execute_in_chain

    def tracing(self, header_of: Callable[..., str | None]) -> Callable[..., str]:
        """Makes each invocation have a trace header with its lineage, as on AWS also without active tracing."""

        def header(*arguments: object, **options: object) -> str:
            plain = header_of(*arguments, **options) or _untraced()
            lineage = self._lineage.get()
            return plain if lineage is None or "Lineage=" in plain else f"{plain};Lineage={lineage}"

        return header

    def receiving[T](self, handle: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
        """Remembers the trace header of a call of SQS's API, for the messages that it sends."""

        async def handle_traced(method: str, path: str, headers: Mapping[str, str], *rest: object) -> T:
            self._header.set(unquote(headers.get("x-amzn-trace-id", "")))
            return await handle(method, path, headers, *rest)

        return handle_traced

    def keeping(self, attributes_of: Callable[..., dict[str, str]]) -> Callable[..., dict[str, str]]:
        """Makes SQS keep the trace header of the call as the message's AWSTraceHeader, unless it has one.

        https://docs.aws.amazon.com/xray/latest/devguide/xray-services-sqs.html
        """

        def attributes(*arguments: object) -> dict[str, str]:
            made = attributes_of(*arguments)
            header = self._header.get()
            return {"AWSTraceHeader": header, **made} if header else made

        return attributes


def _trace_headers(event: object) -> Iterator[str]:
    """The trace headers of an SQS batch's messages."""
    match event:
        case {"Records": [*records]}:
            for record in records:
                match record:
                    case {"eventSource": "aws:sqs", "attributes": {"AWSTraceHeader": str(header)}}:
                        yield header


def _hash(arn: str) -> str:
    return hashlib.sha256(arn.encode()).hexdigest()[:8]


def _arn(function: Function) -> str:
    config = function.get("config") or function
    return str(config.get("FunctionArn", ""))


def _untraced() -> str:
    return f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Parent={secrets.token_hex(8)};Sampled=0"


def _refusal(arn: str) -> dict[str, str]:
    words = (
        "Lambda has detected your function being invoked in a recursive loop with other Amazon Web Services resources "
        f"and stopped your function's invocation: {arn}"
    )
    return {"errorType": "RecursiveInvocationException", "errorMessage": words}
