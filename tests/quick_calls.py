"""Calls of DynamoDB and SQS reach moto without what only a network needs: two thirds of the time of a call.

botocore checks and writes a request as ever, and reads the answer as ever; events before and after a call are told. In
between it would sign the request and make HTTP of it, and moto would find out from HTTP what was asked for.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlparse

import pytest
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.client import BaseClient
from botocore.endpoint import Endpoint
from botocore.parsers import create_parser
from moto.core import DEFAULT_ACCOUNT_ID, responses
from moto.core.models import botocore_stubber
from moto.core.responses import BaseResponse
from moto.dynamodb.responses import DynamoHandler
from moto.sqs.responses import SQSResponse

_RESPONSES: dict[str, type[BaseResponse]] = {"dynamodb": DynamoHandler, "sqs": SQSResponse}
_parser = cache(create_parser)
PLAIN: dict[tuple[Any, str], Any] = {
    (Endpoint, "_send_request"): Endpoint._send_request,
    (BaseClient, "_resolve_endpoint_ruleset"): BaseClient._resolve_endpoint_ruleset,
    (responses, "gen_amzn_requestid_long"): responses.gen_amzn_requestid_long,
}
"""What `install` replaces."""

type Lost = Callable[[str, dict[str, Any]], bool]
_lost: list[Lost] = []


def install(patch: pytest.MonkeyPatch) -> None:
    """Has botocore hand its requests to moto, for as long as moto is in force."""
    send, resolve, _ = PLAIN.values()

    def send_request(endpoint: Any, request: dict[str, Any], operation: Any) -> Any:
        response = _RESPONSES.get(operation.service_model.service_name)
        if response is None or not botocore_stubber.enabled or operation.service_model.resolved_protocol != "json":
            return send(endpoint, request, operation)
        attempts = 1
        while True:
            request["context"]["retries"] = {"attempt": attempts}
            answer, parsed = _answer(endpoint, response(), request, operation)
            if any(lost(operation.name, request) for lost in _lost):
                answer, parsed = AWSResponse(request["url"], 500, {}, None), _no_answer()
            failed = answer.status_code >= 300
            if not (failed and endpoint._needs_retry(attempts, operation, request, (answer, parsed))):
                parsed["ResponseMetadata"]["RetryAttempts"] = attempts - 1
                return answer, parsed
            attempts += 1

    patch.setattr(Endpoint, "_send_request", send_request)

    def resolve_endpoint(client: Any, operation: Any, *more: Any, **named: Any) -> Any:
        if operation.service_model.service_name in _RESPONSES and botocore_stubber.enabled:
            return client.meta.endpoint_url, {}, {}
        return resolve(client, operation, *more, **named)

    for (owner, name), quick in zip(PLAIN, (send_request, resolve_endpoint, _request_id), strict=True):
        patch.setattr(owner, name, quick)


@contextmanager
def answers_lost(lost: Lost) -> Iterator[None]:
    """Within, answers are lost where `lost` says so of an operation's name and request: the call is done, the caller is
    told 500 by something on the way, and botocore makes the call again, at once.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
        _lost.append(lost)
        try:
            yield
        finally:
            _lost.remove(lost)


def _no_answer() -> dict[str, Any]:
    return {"Error": {"Code": "500", "Message": "injected"}, "ResponseMetadata": {"HTTPStatusCode": 500}}


def _request_id(headers: dict[str, Any] | None = None) -> str:
    """One for all requests: moto draws 52 letters for each."""
    found = "R" * 52
    if headers is not None:
        headers["x-amzn-requestid"] = found
    return found


def _answer(endpoint: Any, response: Any, request: dict[str, Any], operation: Any) -> tuple[AWSResponse, Any]:
    """What moto answers, as botocore has it: the HTTP response, and what it says."""
    _ask(response, request)
    status, headers, body = response.call_action()
    content = body.encode() if isinstance(body, str) else body
    raw = SimpleNamespace(stream=lambda **_: iter([content]))
    answer = AWSResponse(request["url"], int(status), headers, raw)
    read = {
        "headers": HeadersDict(headers),
        "status_code": answer.status_code,
        "body": content,
        "context": {"operation_name": operation.name},
    }
    parser = _parser("json")
    parsed = parser.parse(read, operation.output_shape)
    if answer.status_code >= 300:
        endpoint._add_modeled_error_fields(read, parsed, operation, parser)
    return answer, parsed


def _ask(response: Any, request: dict[str, Any]) -> None:
    """Has a response of moto know what was asked for: what its `setup_class` finds out from HTTP."""
    body, headers = request["body"], request["headers"]
    asked = SimpleNamespace(
        method="POST",
        content_type=headers["Content-Type"],
        values={},
        headers=headers,
        data=body,
        path="/",
    )
    response.normalized_request, response.method, response.headers = asked, "POST", headers
    response.uri, response.path, response.raw_path = request["url"], "/", "/"
    response.parsed_url, response.uri_match = urlparse(request["url"]), {}
    response.raw_body, response.body = body, body.decode()
    response.querystring = response.data = {}
    response.region, response.partition = request["context"]["client_region"], "aws"
    response.access_key, response.current_account = "AKIAEXAMPLE", DEFAULT_ACCOUNT_ID
    response.is_werkzeug_request, response.response_headers = False, {"server": "amazon.com"}
    response.parse_parameters(asked)
