"""HTTP API requests in, answers out."""

import base64
import gzip
import json
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin import errors
from tocsin.errors import (
    Forbidden,
    Invalid,
    MalformedBody,
    MethodNotAllowed,
    RateLimited,
    TocsinError,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedType,
    Violation,
)
from tocsin.http.request import Request
from tocsin.http.response import answer, problem
from tocsin.identity.principal import Principal, Scope, authenticate, authorize


def event(**changed: Any) -> dict[str, Any]:
    """A request event of payload format 2.0, with nothing that API Gateway leaves out of a plain GET."""
    context = {"http": {"method": "GET", "path": "/x", "sourceIp": "203.0.113.7"}, "requestId": "r1"}
    return {"version": "2.0", "rawPath": "/x", "requestContext": context | changed.pop("context", {}), **changed}


def request(**changed: Any) -> Request:
    return Request.parse(event(**changed))


def asked_by(**facts: Any) -> Request:
    return request(context={"authorizer": {"lambda": facts}})


# ── requests ─────────────────────────────────────────────────────────────────


def test_a_request_is_what_api_gateway_says() -> None:
    parsed = request(headers={"Content-Type": "text/plain"}, queryStringParameters={"a": "b"}, body="é")

    assert (parsed.method, parsed.path, parsed.source_ip, parsed.request_id) == ("GET", "/x", "203.0.113.7", "r1")
    assert (parsed.headers, parsed.query) == ({"content-type": "text/plain"}, {"a": "b"})
    assert parsed.body == "é".encode()


def test_what_api_gateway_leaves_out_is_empty() -> None:
    parsed = request()

    assert (parsed.headers, parsed.query, parsed.body, parsed.authorizer) == ({}, {}, b"", {})


@given(st.binary())
def test_a_body_in_base64_is_its_bytes(body: bytes) -> None:
    assert request(body=base64.b64encode(body).decode(), isBase64Encoded=True).body == body


@pytest.mark.parametrize("body", ["a", "!!!!", "YQ=", "é"])
def test_a_body_that_is_no_base64_is_malformed(body: str) -> None:
    with pytest.raises(MalformedBody):
        request(body=body, isBase64Encoded=True)


def test_half_a_surrogate_pair_in_a_body_is_left_to_whoever_reads_it() -> None:
    assert request(body="\ud800").body == b"\xed\xa0\x80"


# ── who asks ─────────────────────────────────────────────────────────────────


def test_the_authorizers_facts_are_the_principal() -> None:
    asked = asked_by(
        key_id="k1", key_name="billing", scopes="events:write notifications", user="alice", events_per_minute="60"
    )

    principal = authorize(asked, Scope.EVENTS_WRITE)

    assert principal == Principal("k1", "billing", frozenset({"events:write", "notifications"}), "alice", 60)


def test_empty_facts_are_none() -> None:
    principal = authenticate(asked_by(key_id="k1", scopes="", user="", events_per_minute=""))

    assert principal == Principal("k1", "k1", frozenset(), None, None)


@pytest.mark.parametrize(
    "context",
    [{}, {"authorizer": None}, {"authorizer": {}}, {"authorizer": {"lambda": None}}, {"authorizer": {"lambda": {}}}],
)
def test_a_request_without_facts_is_nobodys(context: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated, match="Authorization: Bearer"):
        authenticate(request(context=context))


def test_an_empty_key_id_is_nobodys() -> None:
    with pytest.raises(Unauthenticated):
        authorize(asked_by(key_id="", scopes="events:write"), Scope.EVENTS_WRITE)


def test_the_authorizers_reason_is_told() -> None:
    with pytest.raises(Unauthenticated, match="this API key is not known"):
        authenticate(asked_by(error="this API key is not known"))


@pytest.mark.parametrize("scope", Scope)
def test_a_scope_is_not_another(scope: Scope) -> None:
    asked = asked_by(key_id="k1", key_name="billing", scopes=scope)

    authorize(asked, scope)
    for other in set(Scope) - {scope}:
        with pytest.raises(Forbidden, match=f"scope {other}.*has {scope}"):
            authorize(asked, other)


@pytest.mark.parametrize("scopes", ["events:writer", "events", "EVENTS:WRITE", "events:write,events:read", "*", ""])
def test_what_is_like_a_scope_is_none(scopes: str) -> None:
    with pytest.raises(Forbidden):
        authorize(asked_by(key_id="k1", scopes=scopes), Scope.EVENTS_WRITE)


# ── content types ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "given_type", ["application/json", "Application/JSON", "application/json; charset=utf-8", " application/json ;x"]
)
def test_a_content_type_is_taken_without_its_parameters(given_type: str) -> None:
    assert request(headers={"content-type": given_type}).content_type("application/json") == "application/json"


@pytest.mark.parametrize("given_type", ["", "text/plain", "application/jsonx", "application/x-www-form-urlencoded"])
def test_another_content_type_is_refused_with_those_that_are_taken(given_type: str) -> None:
    with pytest.raises(UnsupportedType, match="application/json or application/x-ndjson"):
        request(headers={"content-type": given_type}).content_type("application/json", "application/x-ndjson")


def test_a_missing_content_type_is_refused() -> None:
    with pytest.raises(UnsupportedType, match="given: none"):
        request().content_type("application/json")


@pytest.mark.parametrize("encoding", ["gzip", "br", "GZIP"])
def test_an_encoded_body_is_refused(encoding: str) -> None:
    asked = request(headers={"content-type": "application/json", "content-encoding": encoding})

    with pytest.raises(UnsupportedType, match="content-encoding"):
        asked.content_type("application/json")


def test_the_identity_is_no_encoding() -> None:
    asked = request(headers={"content-type": "application/json", "content-encoding": "identity"})

    assert asked.content_type("application/json") == "application/json"


# ── compressed bodies ────────────────────────────────────────────────────────

NDJSON = {"content-type": "application/x-ndjson"}


def compressed(data: bytes, coding: str = "gzip") -> Request:
    headers = NDJSON | {"content-encoding": coding}
    return request(headers=headers, body=base64.b64encode(data).decode(), isBase64Encoded=True)


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", " GZIP "])
def test_a_gzip_body_is_inflated(coding: str) -> None:
    sent = compressed(gzip.compress(b"text"), coding)

    assert sent.content(100, "application/x-ndjson") == ("application/x-ndjson", b"text")


@pytest.mark.parametrize("headers", [NDJSON, NDJSON | {"content-encoding": "identity"}])
def test_a_plain_body_is_taken_as_it_is(headers: dict[str, str]) -> None:
    assert request(headers=headers, body="text").content(4, "application/x-ndjson")[1] == b"text"


def test_members_of_a_gzip_body_are_joined() -> None:
    sent = compressed(gzip.compress(b"one") + gzip.compress(b"") + gzip.compress(b"two"))

    assert sent.content(100, "application/x-ndjson")[1] == b"onetwo"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        gzip.compress(b"text")[:-1],
        gzip.compress(b"text")[:12],
        gzip.compress(b"text") + b"more",
        zlib.compress(b"text"),
        gzip.compress(b"text")[:-8] + b"\0" * 8,
        gzip.compress(b"") * 2_000,
    ],
    ids=["nothing", "text", "cut", "cut early", "trailing bytes", "zlib", "wrong sum", "too many members"],
)
def test_what_is_no_gzip_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedBody, match="gzip"):
        compressed(data).content(100_000, "application/x-ndjson")


@pytest.mark.parametrize("members", [1, 2])
def test_a_body_is_too_large_by_what_it_inflates_to(members: int) -> None:
    data = gzip.compress(b"x" * 101) if members == 1 else gzip.compress(b"x" * 51) * 2

    with pytest.raises(TooLarge, match="more than 100 bytes inflated"):
        compressed(data).content(100, "application/x-ndjson")


def test_a_bomb_is_not_inflated_beyond_the_limit() -> None:
    bomb = compressed(gzip.compress(bytes(200_000_000)))

    tracemalloc.start()
    with pytest.raises(TooLarge):
        bomb.content(1_000_000, "application/x-ndjson")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 3_000_000


def test_a_body_is_too_large_by_what_was_sent() -> None:
    with pytest.raises(TooLarge, match="101 bytes"):
        request(headers=NDJSON, body="x" * 101).content(100, "application/x-ndjson")


def test_routes_that_take_no_compressed_body_say_so() -> None:
    with pytest.raises(UnsupportedType, match="gzip"):
        compressed(gzip.compress(b"text")).content_type("application/x-ndjson")


# ── answers ──────────────────────────────────────────────────────────────────


def test_an_answer_is_json_that_nobody_keeps() -> None:
    made = answer(201, {"id": "é"}, {"location": "/events/1"})

    assert (made["statusCode"], json.loads(made["body"]), made["isBase64Encoded"]) == (201, {"id": "é"}, False)
    assert made["headers"] == {
        "content-type": "application/json",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "location": "/events/1",
    }


_ALL_ERRORS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, TocsinError)]


@pytest.mark.parametrize("kind", _ALL_ERRORS)
def test_each_error_is_a_problem(kind: type[TocsinError]) -> None:
    error = (
        kind("it is so", ["GET"])
        if kind is MethodNotAllowed
        else kind([], "it is so")
        if kind is Invalid
        else kind("it is so")
    )

    made = problem(error, instance="r1")

    body = json.loads(made["body"])
    assert made["headers"]["content-type"] == "application/problem+json"
    assert made["statusCode"] == body["status"] == kind.status
    assert body["type"] == f"urn:tocsin:problem:{kind.code}"
    assert (body["title"], body["detail"], body["instance"]) == (kind.title, "it is so", "urn:tocsin:request:r1")


def test_each_error_has_a_word_of_its_own() -> None:
    codes = [kind.code for kind in _ALL_ERRORS]

    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(
    ("error", "name", "value"),
    [
        (Unavailable("x", retry_after=2), "retry-after", "2"),
        (RateLimited("x", retry_after=59.2), "retry-after", "60"),  # type: ignore[arg-type]
        (Unauthenticated("x"), "www-authenticate", 'Bearer realm="tocsin"'),
        (MethodNotAllowed("x", ["GET", "PUT"]), "allow", "GET, PUT"),
    ],
)
def test_a_problem_has_the_header_that_belongs_to_it(error: TocsinError, name: str, value: str) -> None:
    assert problem(error)["headers"][name] == value


def test_a_plain_problem_has_no_header_of_others() -> None:
    assert not {"retry-after", "www-authenticate", "allow"} & problem(TooLarge("x"))["headers"].keys()


def test_an_invalid_body_names_each_field() -> None:
    body = json.loads(problem(Invalid([Violation("a.b", "is no"), Violation("", "is not")]))["body"])

    assert body["errors"] == [{"path": "a.b", "message": "is no"}, {"path": "", "message": "is not"}]
    assert body["detail"] == "a.b: is no; is not"


def test_the_detail_of_many_violations_is_short() -> None:
    error = Invalid([Violation(f"f{i}", "is no") for i in range(10)])

    assert error.detail == "f0: is no; f1: is no; f2: is no; and 7 more"


def test_a_problem_may_say_more() -> None:
    assert json.loads(problem(TooLarge("x"), more={"results": [1]})["body"])["results"] == [1]
