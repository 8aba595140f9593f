"""HTTP API requests (payload format 2.0) in, answers out. The one place that maps our errors to HTTP.

Who asks is what the authorizer put into the request's context; what that key may do is checked here, a route
at a time, since API Gateway may serve the authorizer's answer from its cache to any route.
"""

from __future__ import annotations

import base64
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypedDict

import orjson

from tocsin.errors import (
    Forbidden,
    MalformedBody,
    MethodNotAllowed,
    TocsinError,
    TooManyAttempts,
    Unauthenticated,
    UnsupportedType,
)
from tocsin.types import Json, JsonObject

EXPIRED = "this API key has expired"
TOKEN_EXPIRED = "this access token has expired"  # noqa: S105 - says so
TOKEN_PREFIX = "oidc-"  # noqa: S105 - public
"""How the ids of tokens' holders begin; an API key's has 16 hex digits."""


class Scope(StrEnum):
    """What an API key may do."""

    EVENTS_WRITE = "events:write"
    EVENTS_READ = "events:read"
    CONFIG_READ = "config:read"
    CONFIG_WRITE = "config:write"
    NOTIFICATIONS = "notifications"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: an API key or an access token, what it may do, and the person that it stands for, if any.

    `user` is a user of the configuration. `person` is the username that a token gives, whether there is such a user
    or not: for telling who did something, never for what they may.
    """

    key_id: str
    key_name: str
    scopes: frozenset[str]
    user: str | None = None
    events_per_minute: int | None = None
    person: str | None = None

    def require(self, scope: Scope) -> None:
        """Forbidden where this key or token lacks `scope`."""
        if scope not in self.scopes:
            what = "access token" if self.key_id.startswith(TOKEN_PREFIX) else "key"
            raise Forbidden(f"this needs the scope {scope.value}; {what} {self.key_name!r} has {_listed(self.scopes)}")


def _listed(scopes: frozenset[str]) -> str:
    return ", ".join(sorted(scopes)) or "none"


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as API Gateway hands it over."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    query: Mapping[str, str]
    body: bytes
    source_ip: str
    request_id: str
    authorizer: Mapping[str, str]

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> Request:
        """The request in an HTTP API event, payload format 2.0. MalformedBody where its base64 is broken."""
        context = event["requestContext"]
        http = context["http"]
        body = event.get("body") or ""
        if event.get("isBase64Encoded"):
            try:
                raw = base64.b64decode(body, validate=True)
            except ValueError:  # binascii.Error, or a character that is not ASCII
                raise MalformedBody("the body says that it is base64, and is not") from None
        else:
            raw = body.encode("utf-8", "surrogatepass")
        authorizer = (context.get("authorizer") or {}).get("lambda") or {}
        return cls(
            method=http["method"],
            path=event.get("rawPath") or "/",
            headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
            query=event.get("queryStringParameters") or {},
            body=raw,
            source_ip=http.get("sourceIp") or "",
            request_id=context.get("requestId") or "",
            authorizer={name: str(value) for name, value in authorizer.items() if value is not None},
        )

    def principal(self, scope: Scope) -> Principal:
        """Who asks, if that key has `scope`. Unauthenticated without a valid key, else Forbidden."""
        principal = self.anyone()
        principal.require(scope)
        return principal

    def anyone(self) -> Principal:
        """Who asks, whatever its scopes. Unauthenticated where the authorizer named nobody: default deny."""
        key_id = self.authorizer.get("key_id")
        if not key_id:
            error = self.authorizer.get("error") or "send an API key in the header `Authorization: Bearer …`"
            retry_after = self.authorizer.get("retry_after")
            if retry_after:
                raise TooManyAttempts(error, retry_after=int(retry_after))
            raise Unauthenticated(error)
        expires = self.authorizer.get("expires")
        if expires and int(expires) <= time.time():
            raise Unauthenticated(TOKEN_EXPIRED if key_id.startswith(TOKEN_PREFIX) else EXPIRED)
        limit = self.authorizer.get("events_per_minute")
        return Principal(
            key_id=key_id,
            key_name=self.authorizer.get("key_name", key_id),
            scopes=frozenset(self.authorizer.get("scopes", "").split()),
            user=self.authorizer.get("user") or None,
            events_per_minute=int(limit) if limit else None,
            person=self.authorizer.get("person") or None,
        )

    def content_type(self, *taken: str) -> str:
        """The media type of the body, one of `taken`. UnsupportedType for another, or for an encoded body."""
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in {"", "identity"}:
            raise UnsupportedType(f"content-encoding {encoding[:40]!r} is not taken; send the body as it is")
        given = self.headers.get("content-type", "").split(";", 1)[0].strip().lower()
        if given not in taken:
            shown = repr(given[:80]) if given else "none"
            raise UnsupportedType(f"content-type must be {' or '.join(taken)}; given: {shown}")
        return given


class Answer(TypedDict):
    """An answer as API Gateway takes it, payload format 2.0."""

    statusCode: int
    headers: dict[str, str]
    body: str
    isBase64Encoded: bool


def answer(status: int, body: Json, headers: Mapping[str, str] | None = None) -> Answer:
    """A JSON answer."""
    return _answer(status, body, "application/json", headers)


def problem(error: TocsinError, *, instance: str | None = None, more: JsonObject | None = None) -> Answer:
    """The answer that `error` is: problem+json (RFC 9457), with Retry-After or Allow where they belong.

    `instance` is the request's id, by which its log lines are found; `more` are further members.
    """
    members = error.problem() | (more or {})
    if instance:
        members["instance"] = f"urn:tocsin:request:{instance}"
    headers: dict[str, str] = {}
    if error.retry_after is not None:
        headers["retry-after"] = str(math.ceil(error.retry_after))
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = 'Bearer realm="tocsin"'
    if isinstance(error, MethodNotAllowed):
        headers["allow"] = ", ".join(error.allowed)
    return _answer(error.status, members, "application/problem+json", headers)


def _answer(status: int, body: Json, content_type: str, headers: Mapping[str, str] | None) -> Answer:
    fixed = {
        "content-type": content_type,
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    return {
        "statusCode": status,
        "headers": fixed | dict(headers or {}),
        "body": orjson.dumps(body).decode(),
        "isBase64Encoded": False,
    }
