"""Answers in the form that Powertools' resolver takes."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import Response

from tocsin.errors import TocsinError
from tocsin.http import response
from tocsin.types import Json


def json_response(status: int, body: Json, headers: dict[str, str] | None = None) -> Response[str]:
    """A JSON answer."""
    return _response(response.answer(status, body, headers))


def problem_response(error: TocsinError, request_id: str | None) -> Response[str]:
    """The answer that `error` is."""
    return _response(response.problem(error, instance=request_id))


def _response(made: response.Answer) -> Response[str]:
    headers = dict(made["headers"])
    content_type = headers.pop("content-type")
    return Response(status_code=made["statusCode"], content_type=content_type, headers=headers, body=made["body"])
