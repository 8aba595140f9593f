"""POST /events on moto: each bad request is a problem of its own, and nothing is stored of it."""

import base64
import gzip
import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.conftest import Stack
from tests.integration.handler_calls import ALL_SCOPES, PRODUCER, Answer, Client, everything, request
from tests.unit.ingest.test_body import PLAIN_JSON
from tocsin.http.json_body import MAX_BODY
from tocsin.identity.principal import Scope
from tocsin.ids import new_id
from tocsin.ingest.body import MAX_EVENT, NDJSON_TYPE
from tocsin.ingest.service import MAX_IDEMPOTENCY_KEY
from tocsin.types import Json

LOGIN = '{"action": "login"}'


@pytest.fixture
def producer(stack: Stack) -> Client:
    return Client(stack, "ingest")


def login(**fields: Any) -> str:
    return json.dumps({"action": "login", **fields})


def in_context(value: str) -> str:
    return '{"action": "login", "context": {"a": ' + value + "}}"


BAD_EVENTS: dict[str, tuple[str, int, list[str]]] = {
    "not JSON": ("{'action': 'login'}", 400, []),
    "nothing": ("", 400, []),
    "not an event": ("5", 422, [""]),
    "no action": ("{}", 422, ["action"]),
    "an action of the wrong type": ('{"action": 5}', 422, ["action"]),
    "a bad action": ('{"action": "log in"}', 422, ["action"]),
    "an unknown field": (login(colour="red"), 422, ["colour"]),
    "a user of the wrong type": (login(user="alice"), 422, ["user"]),
    "a field of a user of the wrong type": (login(user={"pk": [1]}), 422, ["user.pk", "user.pk"]),
    "a context of the wrong type": (login(context=[]), 422, ["context"]),
    "a bad duration": (login(retention="days=none"), 422, ["retention"]),
    "a bad time": (login(created="yesterday"), 422, ["created"]),
    "a once that is no object": (login(once="k"), 422, ["once"]),
    "a once without a window": (login(once={"key": "k"}), 422, ["once.window"]),
    "a once of a bad window": (login(once={"key": "k", "window": "soon"}), 422, ["once.window"]),
    "a once of too long a window": (login(once={"key": "k", "window": "days=367"}), 422, ["once.window"]),
    "a once without a key": (login(once={"key": "", "window": "days=1"}), 422, ["once.key"]),
    "a once of too long a key": (login(once={"key": "k" * 257, "window": "days=1"}), 422, ["once.key"]),
    "a bad address": (login(client_ip="::1%" + "x" * 5000), 422, ["client_ip"]),
    "an id that is no UUID": (login(id="1"), 422, ["id"]),
    "an id of another version": (login(id="019ac0de-5a00-4b31-8c55-1f2e3d4c5b6a"), 422, ["id"]),
    "an id far in the future": (login(id=new_id(datetime.now(UTC) + timedelta(days=1))), 422, ["id"]),
    "an event too large": (login(context={"a": "x" * MAX_EVENT}), 413, []),
    "a body too large": (" " * MAX_BODY + LOGIN, 413, []),
    "too many events": ("[" + ",".join([LOGIN] * 501) + "]", 413, []),
    "an empty batch": ("[]", 422, [""]),
    "1,000 levels": (in_context("[" * 1000 + "]" * 1000), 422, ["context.a" + "[0]" * 62]),
    "100,000 levels": (in_context("[" * 100_000 + "]" * 100_000), 422, [""]),
    "a number of 400 digits": (in_context("9" * 400), 422, ["context.a"]),
    "a number too large for 64 bits": (in_context("1e400"), 422, ["context.a"]),
    "an id older than events are kept": (login(id=new_id(datetime.now(UTC) - timedelta(days=366))), 422, ["id"]),
    "an id of 1970": (login(id="00000000-0001-7abc-8abc-0123456789ab"), 422, ["id"]),
    "a time older than events are kept": (login(created="2001-01-01T00:00:00Z"), 422, ["created"]),
    "a name twice": ('{"action": "login", "action": "logout"}', 422, ["action"]),
    "a name twice, deep down": (in_context('[{"b": {"c": 1, "d": 2, "c": 3}}]'), 422, ["context.a[0].b.c"]),
    "a name twice, in two spellings": (in_context('{"b": 1, "\\u0062": 2}'), 422, ["context.a.b"]),
    "our own app": (login(app="tocsin"), 422, ["app"]),
    "our own app, in other letters": (login(app=" Tocsin "), 422, ["app"]),
    "a context that is a text, with a NUL": ('{"action": "login", "context": "a\\u0000"}', 422, ["context"]),
    "a raw NUL": (in_context('"\0"'), 400, []),
    "bytes that are no UTF-8": ('{"action": "\udcff"}', 400, []),
}


def refused(stack: Stack, answer: Answer, before: dict[str, list[str]], status: int) -> None:
    assert answer.is_problem(status), answer.text[:500]
    assert answer.body["detail"]
    assert answer.body["instance"].startswith("urn:tocsin:request:")
    assert everything(stack) == before


def test_a_bad_event_is_a_problem_and_stores_nothing(stack: Stack, producer: Client, subtests: pytest.Subtests) -> None:
    before = everything(stack)

    for case, (body, status, paths) in BAD_EVENTS.items():
        with subtests.test(case):
            answer = producer.post(body, idempotency_key="bad")

            refused(stack, answer, before, status)
            if status == 422:
                assert answer.paths == paths


def test_a_bad_event_stores_nothing_of_its_batch_but_the_others(
    stack: Stack, producer: Client, subtests: pytest.Subtests
) -> None:
    alone = {case: body for case, (body, _, _) in BAD_EVENTS.items() if body.startswith("{") and "body" not in case}

    for stored, (case, body) in enumerate(alone.items(), 1):
        with subtests.test(case):
            answer = producer.post(f"{body}\n{LOGIN}", content_type=NDJSON_TYPE)

            assert [result["status"] for result in answer.body["results"]] == [BAD_EVENTS[case][1], 201]
            assert len(stack.events()) == stored


def test_another_content_type_is_refused(stack: Stack, producer: Client, subtests: pytest.Subtests) -> None:
    before = everything(stack)

    for content_type in (None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        with subtests.test(content_type):
            refused(stack, producer.post(LOGIN, content_type=content_type), before, 415)


def test_a_coding_other_than_gzip_is_refused(stack: Stack, producer: Client, subtests: pytest.Subtests) -> None:
    before = everything(stack)

    for coding in ("br", "zstd", "deflate", "gzip, gzip"):
        with subtests.test(coding):
            refused(stack, producer.post(LOGIN, content_encoding=coding), before, 415)


def test_what_says_that_it_is_gzip_and_is_not_is_refused(stack: Stack, producer: Client) -> None:
    refused(stack, producer.post(LOGIN, content_encoding="gzip"), everything(stack), 400)


def test_a_body_that_inflates_beyond_the_limit_is_refused(stack: Stack, producer: Client) -> None:
    event = request("POST", "/events", content_type=NDJSON_TYPE, content_encoding="gzip")
    event |= {"body": base64.b64encode(gzip.compress(bytes(100 * MAX_BODY))).decode(), "isBase64Encoded": True}

    refused(stack, producer.send(event), everything(stack), 413)


def test_a_body_that_lies_about_its_base64_is_refused(stack: Stack, producer: Client) -> None:
    event = request("POST", "/events", "!!!") | {"isBase64Encoded": True}

    refused(stack, producer.send(event), everything(stack), 400)


def test_an_idempotency_key_of_a_bad_length_is_refused(
    stack: Stack, producer: Client, subtests: pytest.Subtests
) -> None:
    before = everything(stack)

    for key in ("", "k" * 256, '""'):
        with subtests.test(key):
            answer = producer.post(LOGIN, idempotency_key=key)

            refused(stack, answer, before, 422)
            assert answer.paths == ["Idempotency-Key"]


def test_an_idempotency_key_of_the_most_characters_is_taken(producer: Client) -> None:
    assert producer.post(LOGIN, idempotency_key="k" * MAX_IDEMPOTENCY_KEY).status == 201


def test_without_a_key_nothing_is_taken(stack: Stack, producer: Client, subtests: pytest.Subtests) -> None:
    before = everything(stack)

    for facts, told in (({}, "Authorization: Bearer"), ({"error": "it is not known"}, "it is not known")):
        with subtests.test(told):
            answer = producer.post(LOGIN, key=facts)

            refused(stack, answer, before, 401)
            assert told in answer.body["detail"]
            assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_key_without_the_scope_is_told_which_one(stack: Stack, producer: Client) -> None:
    before = everything(stack)
    others = " ".join(set(ALL_SCOPES.split()) - {Scope.EVENTS_WRITE})

    answer = producer.post(LOGIN, key=PRODUCER | {"scopes": others})

    refused(stack, answer, before, 403)
    assert Scope.EVENTS_WRITE in answer.body["detail"]


def test_who_may_not_write_learns_nothing_of_the_body(producer: Client) -> None:
    answer = producer.post("{", key=PRODUCER | {"scopes": "events:read"})

    assert answer.is_problem(403)


# ── whatever is sent ─────────────────────────────────────────────────────────

_FIELDS = ("once", "id", "app", "user", "context", "client_ip", "created", "brand", "expires", "retention")
_EVENT_LIKE = st.fixed_dictionaries(
    {"action": st.sampled_from(["login", "x"])},
    optional=dict.fromkeys(_FIELDS, PLAIN_JSON) | {"context": st.dictionaries(st.text(max_size=5), PLAIN_JSON)},
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    body=PLAIN_JSON | _EVENT_LIKE | st.lists(_EVENT_LIKE | PLAIN_JSON, max_size=4),
    ascii_only=st.booleans(),
    idempotency_key=st.none() | st.text(st.characters(codec="latin-1"), min_size=1, max_size=20),
)
def test_no_json_is_answered_with_a_fault_of_ours(
    producer: Client, body: Json, ascii_only: bool, idempotency_key: str | None
) -> None:
    headers = {} if idempotency_key is None else {"idempotency_key": idempotency_key}

    answer = producer.post(json.dumps(body, ensure_ascii=ascii_only), **headers)

    assert answer.status < 500
    assert answer.status in {200, 201} or answer.is_problem(answer.status)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.binary(max_size=50) | st.text(max_size=50).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_bytes_are_answered_with_a_fault_of_ours(producer: Client, body: bytes) -> None:
    for content_type in ("application/json", NDJSON_TYPE):
        assert producer.post(body, content_type=content_type).status < 500


def test_the_answer_to_very_many_unknown_fields_fits_a_lambdas_answer(producer: Client) -> None:
    event = "{" + ",".join(f'"f{i}":1' for i in range(18_000)) + "}"

    answer = producer.post("[" + ",".join([event] * 5) + "]")

    assert answer.is_problem(422)
    assert sys.getsizeof(answer.text) < 100_000
