"""HTTP API requests, payload format 2.0, as API Gateway hands them to Lambda."""

from __future__ import annotations

import base64
import zlib
from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from tocsin.errors import MalformedBody, TooLarge, UnsupportedType
from tocsin.records import dataclass

_GZIP = {"gzip", "x-gzip"}  # one coding, two names: RFC 9110, 8.4.1.3
_GZIP_FORMAT = 16 + zlib.MAX_WBITS
_MAX_MEMBERS = 1_000
"""Members of a gzip body: even empty ones take 10 microseconds each to open."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as API Gateway hands it over."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    query: Mapping[str, str]
    """By name; the values of one that was given several times have a comma between them."""
    body: bytes
    source_ip: str
    request_id: str
    authorizer: Mapping[str, str]
    repeated: frozenset[str] = frozenset()
    """The names of parameters that the query has several times."""

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
            repeated=_repeated(event.get("rawQueryString") or "", event.get("queryStringParameters") or {}),
        )

    def content_type(self, *taken: str) -> str:
        """The media type of the body, one of `taken`. UnsupportedType for another, or for an encoded body."""
        coding = self._coding()
        if coding:
            raise UnsupportedType(f"content-encoding {coding[:40]!r} is not taken; send the body as it is")
        return self._content_type(taken)

    def content(self, most: int, *taken: str) -> tuple[str, bytes]:
        """The media type of the body, one of `taken`, and the body, inflated where it is gzip.

        TooLarge for more than `most` bytes, as they were sent or inflated: no more than those are ever made.
        UnsupportedType for another type or coding, MalformedBody for what says that it is gzip and is not.
        """
        coding, content_type = self._coding(), self._content_type(taken)
        if coding and coding not in _GZIP:
            raise UnsupportedType(f"content-encoding {coding[:40]!r} is not taken; send gzip, or the body as it is")
        if len(self.body) > most:
            raise TooLarge(f"the body has {len(self.body):,} bytes; at most {most:,} are taken in one request")
        return content_type, _inflated(self.body, most) if coding else self.body

    def _content_type(self, taken: tuple[str, ...]) -> str:
        given = self.headers.get("content-type", "").split(";", 1)[0].strip().lower()
        if given not in taken:
            shown = repr(given[:80]) if given else "none"
            raise UnsupportedType(f"content-type must be {' or '.join(taken)}; given: {shown}")
        return given

    def _coding(self) -> str:
        """The content coding in lower case; empty for none."""
        coding = self.headers.get("content-encoding", "").strip().lower()
        return "" if coding == "identity" else coding


def _repeated(query: str, parameters: Mapping[str, str]) -> frozenset[str]:
    names = Counter(unquote_plus(pair.partition("=")[0]) for pair in query.split("&"))
    return frozenset(name for name in parameters if names[name] > 1)


def _inflated(data: bytes, most: int) -> bytes:
    parts: list[bytes] = []
    room = most + 1
    for _ in range(_MAX_MEMBERS):
        inflating = zlib.decompressobj(_GZIP_FORMAT)
        try:
            parts.append(inflating.decompress(data, room))
        except zlib.error:
            raise MalformedBody(
                "the body says that it is gzip, and is not. API Gateway damages compressed bodies of the types"
                " application/json and text/*: send application/x-ndjson"
            ) from None
        room -= len(parts[-1])
        if room == 0:
            raise TooLarge(f"the body has more than {most:,} bytes inflated; at most those are taken in one request")
        if not inflating.eof:
            raise MalformedBody("the body is gzip that ends too early")
        data = inflating.unused_data
        if not data:
            return b"".join(parts)
    raise MalformedBody(f"the body is gzip of more than {_MAX_MEMBERS:,} members")
