"""API Gateway's HTTP APIs: what they take, how long they wait, what they answer themselves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any, Concatenate

from local.corrections.busy_machine import current, left_s, lost_by_the_emulator

MAX_BODY = 10 * 1024 * 1024
MAX_HEAD = 10_240
"""Bytes of the request line and the values of all headers."""
MAX_WAIT_S = 30
"""For an integration; it may have less (TimeoutInMillis)."""
MAX_AUTHORIZER_WAIT_S = 10
"""These four: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html"""

type Answer = tuple[int, dict[str, str], bytes]


def ending_at_a_question_mark(decode: Callable[[str], str]) -> Callable[[str], str]:
    """Makes a path end where it has an encoded question mark, since HTTP APIs decode it and take it for the end.

    The emulator decodes paths as HTTP APIs do, %2F included, but goes on at %3F. Live captures:
    github.com/middleapi/standard-server/pull/93, github.com/honojs/hono/issues/2156.
    """
    return lambda raw_path: decode(raw_path).partition("?")[0]


def within_limits(execute: Callable[..., Awaitable[Answer]]) -> Callable[..., Awaitable[Answer]]:
    """Makes an HTTP API refuse requests that are too large.

    431 for the head: people report it (backbencher.dev, "431 status code with request header fields too large").
    """

    async def execute_within(
        api: str,
        stage: str,
        path: str,
        method: str,
        headers: Mapping[str, str],
        body: bytes,
        query: object,
        raw_query_string: str | None = None,
    ) -> Answer:
        if head_bytes(method, path, raw_query_string or "", headers) > MAX_HEAD:
            return _message(431, "Request Header Fields Too Large")
        if len(body or b"") > MAX_BODY:
            return _message(413, "Request Entity Too Large")
        return await execute(api, stage, path, method, headers, body, query, raw_query_string=raw_query_string)

    return execute_within


def head_bytes(method: str, path: str, query: str, headers: Mapping[str, str]) -> int:
    """The size of a request line and of the values of the headers."""
    line = f"{method} {path}{'?' if query else ''}{query} HTTP/1.1"
    return len(line.encode()) + sum(len(str(value).encode()) for value in headers.values())


def within_its_timeout[**P](
    invoke: Callable[Concatenate[Mapping[str, Any], P], Awaitable[Answer]], *, max_wait_s: float = MAX_WAIT_S
) -> Callable[Concatenate[Mapping[str, Any], P], Awaitable[Answer]]:
    """Makes an integration that takes too long answer 503, while its function goes on unheard.

    503 and its words: github.com/anomalyco/sst/issues/2232 (a REST API answers 504).
    """

    async def invoke_within(integration: Mapping[str, Any], /, *arguments: P.args, **options: P.kwargs) -> Answer:
        milliseconds = integration.get("timeoutInMillis")
        wait_s = max_wait_s if milliseconds is None else min(max_wait_s, int(milliseconds) / 1000)
        answer = await _within(wait_s, invoke(integration, *arguments, **options))
        return _message(503, "Service Unavailable") if answer is None else answer

    return invoke_within


def authorized_within_its_timeout[**P, T](
    invoke: Callable[P, Awaitable[T]], *, max_wait_s: float = MAX_AUTHORIZER_WAIT_S
) -> Callable[P, Awaitable[T | None]]:
    """Makes an authorizer that takes too long count as one that failed: the emulator then answers 500."""

    async def invoke_within(*arguments: P.args, **options: P.kwargs) -> T | None:
        return await _within(max_wait_s, invoke(*arguments, **options))

    return invoke_within


class Failures:
    """Makes an HTTP API answer in its own words where a function failed, rather than with the function's error.

    The emulator's way of it is shared with REST APIs, which keep it. What a throttled function is answered as is
    not documented; 503 is the answer to a function that is not there to be had.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-lambda.html
    """

    def __init__(self) -> None:
        """Stands for both halves of the correction."""
        self._for_http_api: ContextVar[bool] = ContextVar("for-http-api", default=False)

    def invoking[**P](self, invoke: Callable[P, Awaitable[Answer]]) -> Callable[P, Awaitable[Answer]]:
        """Remembers that it is an HTTP API that a function is invoked for."""

        async def invoke_for_http_api(*arguments: P.args, **options: P.kwargs) -> Answer:
            token = self._for_http_api.set(True)
            try:
                return await invoke(*arguments, **options)
            finally:
                self._for_http_api.reset(token)

        return invoke_for_http_api

    def answering(self, answer_of: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], object]:
        """Answers 500 for an error, 503 for throttling."""

        def answer(result: dict[str, Any]) -> object:
            if self._for_http_api.get() and result.get("throttle"):
                return _proxy(503, "Service Unavailable"), None
            if self._for_http_api.get() and result.get("error"):
                return _proxy(500, "Internal Server Error"), None
            return answer_of(result)

        return answer


async def _within[T](seconds: float, call: Awaitable[T]) -> T | None:
    """What the call gives, or None after so many seconds, without what a busy machine lost; it is not cancelled."""
    lost = lost_by_the_emulator()
    token = current.set(lost)
    task = asyncio.ensure_future(call)  # which has its context from now on
    current.reset(token)
    left = left_s(seconds, lost)
    wait_s = seconds
    while wait_s > 0 and not task.done():
        await asyncio.wait({task}, timeout=wait_s)
        wait_s = left()
    return task.result() if task.done() else None


def _message(status: int, text: str) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps({"message": text}, separators=(",", ":")).encode()


def _proxy(status: int, text: str) -> dict[str, object]:
    status, headers, body = _message(status, text)
    return {"statusCode": status, "headers": headers, "body": body.decode()}
