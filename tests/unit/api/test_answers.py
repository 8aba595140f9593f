"""Answers that would be larger than Lambda lets through."""

import base64
import gzip
import json
from collections import Counter
from random import Random
from typing import Any

import pytest

from local.corrections.lambda_limits import MAX_RESPONSE as LAMBDAS
from local.corrections.lambda_limits import response_bytes
from tocsin.api import events
from tocsin.api.answers import page_response, within_limits
from tocsin.errors import AnswerTooLarge
from tocsin.http.response import MAX_BODY, MAX_RESPONSE, answer, returned_size
from tocsin.types import Json, JsonObject

GZIP = {"accept-encoding": "br;q=1.0, gzip;q=0.8"}


def page_of(items: list[Json], asked: list[int]) -> Any:
    def make(limit: int) -> JsonObject:
        asked.append(limit)
        return {"items": items[:limit], "cursor": "next" if limit < len(items) else None}

    return make


@pytest.mark.parametrize("text", ["plain", '"' * 50_000, "\\" * 50_000, "ä€😀\n\t\u2028" * 9_000])
def test_a_body_is_counted_as_lambda_counts_it(text: str) -> None:
    made = answer(200, {"text": text})

    empty = response_bytes({**made, "body": ""}) - 2
    assert MAX_RESPONSE == LAMBDAS
    assert response_bytes(made) == empty + returned_size(made["body"])


@pytest.mark.parametrize("size", [10, 20_000, 400_000])
def test_a_page_has_as_many_items_as_there_is_room_for(size: int) -> None:
    asked: list[int] = []
    items: list[Json] = ['"' * size] * 200

    made = page_response(page_of(items, asked), 100)

    found = json.loads(made.body or "")
    took = len(found["items"])
    assert response_bytes({"statusCode": 200, "body": made.body}) <= MAX_BODY or took == 1
    assert took == 100 or response_bytes(json.dumps(items[: 2 * took])) > MAX_BODY  # no page is needlessly small
    assert found["cursor"] == "next"
    assert len(asked) <= 3


def test_one_item_is_answered_whatever_its_size() -> None:
    made = page_response(page_of(['"' * 4_000_000], []), 50)

    assert len(json.loads(made.body or "")["items"]) == 1


def large(size: int = 4_000_000) -> dict[str, Any]:
    return {**answer(200, {"text": '"' * size}, {"etag": '"x"'})}


def test_a_large_answer_is_compressed_for_who_takes_that() -> None:
    made = large()

    given = within_limits(made, GZIP)

    assert given["isBase64Encoded"] is True
    assert given["headers"].items() >= {"content-encoding": "gzip", "etag": '"x"'}.items()
    assert gzip.decompress(base64.b64decode(given["body"])).decode() == made["body"]
    assert response_bytes(given) <= LAMBDAS


@pytest.mark.parametrize("headers", [{}, {"accept-encoding": "gzip;q=0"}, {"accept-encoding": "br, identity"}])
def test_a_large_answer_is_refused_else_and_says_what_to_do(headers: dict[str, str]) -> None:
    with pytest.raises(AnswerTooLarge, match=r"at most 6,191,556 .*Accept-Encoding: gzip"):
        within_limits(large(), headers)


def test_what_is_too_large_even_compressed_is_refused() -> None:
    noise = base64.b85encode(Random(1).randbytes(7_000_000)).decode()

    with pytest.raises(AnswerTooLarge, match="compressed; at most 6,191,556 can be given"):
        within_limits({**answer(200, {"text": noise})}, GZIP)


@pytest.mark.parametrize("size", [0, 10, 1_500_000])
def test_what_fits_is_left_as_it_is(size: int) -> None:
    made = large(size)

    assert within_limits(made, GZIP) is made


def test_actions_of_producers_own_are_listed_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_ACTIONS", 3)
    counts = Counter({f"custom_{number}": number for number in range(1, 10)} | {"login": 1})

    shown = events._actions(counts)

    items: Any = shown["items"]
    assert [item["action"] for item in items if not item["known"]] == ["custom_7", "custom_8", "custom_9"]
    assert next(item["events"] for item in items if item["action"] == "login") == 1
    assert shown["left_out"] == 6


def test_volume_counts_the_most_frequent_actions_apart_as_far_as_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_COUNTED", 100)
    buckets = [Counter({"login": 9, "custom_a": 5, "custom_b": 1}), Counter({"login": 1, "custom_c": 2, "custom_d": 1})]

    told, left_out = events._most_frequent(buckets)

    assert {"login", "custom_a"} <= told
    assert len(told) + left_out == 5
    assert left_out > 0
    assert sum((len(name) + 16) * sum(name in bucket for bucket in buckets) for name in told) <= 100
