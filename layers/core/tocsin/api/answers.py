"""Answers in the form that Powertools' resolver takes."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.event_handler import Response

from tocsin.errors import AnswerTooLarge, TocsinError
from tocsin.http import response
from tocsin.http.accept import accepts_gzip
from tocsin.http.response import MAX_BODY, returned_size
from tocsin.types import Json, JsonObject

_SURELY_FITS = MAX_BODY // 6
"""Characters: none takes more than six bytes."""


def json_response(status: int, body: Json, headers: dict[str, str] | None = None) -> Response[str]:
    """A JSON answer."""
    return _response(response.answer(status, body, headers))


def page_response(make: Callable[[int], JsonObject], limit: int) -> Response[str]:
    """A page of a list: what `make` gives for `limit` items, or for as many as an answer has room for.

    A page that is too large is made again with fewer; its cursor leads on to the rest. One item always fits.
    """
    while True:
        body = make(limit)
        made = json_response(200, body)
        size = returned_size(made.body or "")
        items = min(limit, sum(len(part) for part in body.values() if isinstance(part, list)))
        if size <= MAX_BODY or items <= 1:
            return made
        limit = max(1, min(items - 1, items * MAX_BODY // size))


def within_limits(answer: Mapping[str, Any], headers: Mapping[str, str]) -> Mapping[str, Any]:
    """`answer`, or what Lambda lets through of it: compressed for whoever takes that. Raises AnswerTooLarge.

    `headers` are the request's, with names in lower case.
    """
    body = answer.get("body") or ""
    if len(body) <= _SURELY_FITS or answer.get("isBase64Encoded") or (size := returned_size(body)) <= MAX_BODY:
        return answer
    if not accepts_gzip(headers):
        raise AnswerTooLarge(
            f"the answer has {size:,} bytes, and at most {MAX_BODY:,} can be given as they are: ask for fewer items, or"
            " for a compressed answer (Accept-Encoding: gzip)"
        )
    packed = base64.b64encode(gzip.compress(body.encode(), mtime=0)).decode()
    if len(packed) > MAX_BODY:
        raise AnswerTooLarge(
            f"the answer has {size:,} bytes, {len(packed):,} compressed; at most {MAX_BODY:,} can be given"
        )
    coded = {**answer.get("headers", {}), "content-encoding": "gzip", "vary": "accept, accept-encoding"}
    return {**answer, "headers": coded, "body": packed, "isBase64Encoded": True}


def problem_response(error: TocsinError, request_id: str | None) -> Response[str]:
    """The answer that `error` is."""
    return _response(response.problem(error, instance=request_id))


def _response(made: response.Answer) -> Response[str]:
    headers = dict(made["headers"])
    content_type = headers.pop("content-type")
    return Response(status_code=made["statusCode"], content_type=content_type, headers=headers, body=made["body"])
