"""HTTP requests as AWS hands them to Lambda.

| from | known by | client |
|---|---|---|
| REST API, HTTP API with payload 1.0 | `httpMethod` | requestContext.identity.sourceIp |
| HTTP API, function URL (payload 2.0) | `version` 2.0 | requestContext.http.sourceIp |
| application load balancer | requestContext.elb | the last of X-Forwarded-For |

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote_plus

from tocsin_client.client_ip import gateway_client_ip
from tocsin_client.http_request import HttpRequest, Reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def read_event(event: Mapping[str, Any], reading: Reading) -> HttpRequest:
    """Read an event of any of those kinds. TypeError for one of another kind."""
    context = _object(event, "requestContext")
    headers = _headers(event)
    if "elb" in context:
        request = _balanced(event, headers)
    elif event.get("version") == "2.0":
        request = _of_payload_2(event, context)
    elif "httpMethod" in event:
        request = _of_payload_1(event, context)
    else:
        raise TypeError("the event is of no HTTP request that is known here")
    peer = _object(context, "http").get("sourceIp") or _object(context, "identity").get("sourceIp")
    request.client_ip = gateway_client_ip(headers.get("x-forwarded-for", ""), peer, reading.trusted_proxies)
    request.user_agent = request.user_agent or headers.get("user-agent", "")
    request.request_id = reading.request_id(lambda name: headers.get(name.lower()), context.get("requestId"))
    request.user = _user(context)
    return request


def _of_payload_2(event: Mapping[str, Any], context: Mapping[str, Any]) -> HttpRequest:
    http = _object(context, "http")
    return HttpRequest(
        path=str(event.get("rawPath") or http.get("path") or "/"),
        method=str(http.get("method", "")),
        query=str(event.get("rawQueryString") or ""),
        user_agent=str(http.get("userAgent") or ""),
    )


def _of_payload_1(event: Mapping[str, Any], context: Mapping[str, Any]) -> HttpRequest:
    return HttpRequest(
        path=str(event.get("path") or context.get("path") or "/"),
        method=str(event["httpMethod"]),
        query=_parameters(event),
        user_agent=str(_object(context, "identity").get("userAgent") or ""),
    )


def _balanced(event: Mapping[str, Any], headers: Mapping[str, str]) -> HttpRequest:
    # A load balancer hands parameters over as they were sent, which API Gateway decodes.
    decoded = {unquote_plus(name): _unquoted(value) for name, value in _parameters(event).items()}
    return HttpRequest(path=str(event.get("path") or "/"), method=str(event.get("httpMethod", "")), query=decoded)


def _parameters(event: Mapping[str, Any]) -> dict[str, Any]:
    several = event.get("multiValueQueryStringParameters") or {}
    once = event.get("queryStringParameters") or {}
    return {**once, **{name: values[0] if len(values) == 1 else list(values) for name, values in several.items()}}


def _unquoted(value: object) -> object:
    if isinstance(value, list):
        return [_unquoted(each) for each in value]
    return unquote_plus(value) if isinstance(value, str) else value


def _headers(event: Mapping[str, Any]) -> dict[str, str]:
    several = {
        str(name).lower(): ",".join(map(str, values)) for name, values in _object(event, "multiValueHeaders").items()
    }
    return {str(name).lower(): str(value) for name, value in _object(event, "headers").items()} | several


def _user(context: Mapping[str, Any]) -> object:
    """Whoever an authorizer has found: a token's claims, an IAM principal, or a Lambda authorizer's `principalId`."""
    authorizer = _object(context, "authorizer")
    claims = _object(authorizer, "claims") or _object(_object(authorizer, "jwt"), "claims")
    if claims:
        return claims
    iam = _object(authorizer, "iam").get("userArn") or _object(context, "identity").get("userArn")
    return iam or authorizer.get("principalId")


def _object(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, Mapping) else {}
