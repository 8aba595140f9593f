"""HTTP API requests, payload format 2.0, as API Gateway hands them to Lambda."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tocsin.errors import MalformedBody, UnsupportedType


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
