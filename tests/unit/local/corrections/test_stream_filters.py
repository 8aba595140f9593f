"""Filters of stream mappings, as the emulator matches them with what local/corrections adds."""

from typing import Any

import pytest
from ministack.services import lambda_svc

from local.corrections.streams import matching_what_is_absent

NOT_BY_TTL = {"eventName": ["REMOVE"], "userIdentity": {"principalId": [{"exists": False}]}}
BY_TTL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


@pytest.fixture
def match(monkeypatch: pytest.MonkeyPatch) -> Any:
    corrected = matching_what_is_absent(lambda_svc._match_esm_filter)
    monkeypatch.setattr(lambda_svc, "_match_esm_filter", corrected)  # it looks into parts by its own name
    return corrected


@pytest.mark.parametrize(
    ("record", "pattern", "matches"),
    [
        ({"eventName": "REMOVE"}, NOT_BY_TTL, True),
        ({"eventName": "REMOVE", "userIdentity": BY_TTL}, NOT_BY_TTL, False),
        ({"eventName": "INSERT"}, NOT_BY_TTL, False),
        ({"eventName": "REMOVE"}, {"a": {"b": {"c": [{"exists": False}]}}}, True),
        ({"a": {}}, {"a": {"b": {"c": [{"exists": False}]}}}, True),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": {"c": [{"exists": False}]}}}, False),
        ({"eventName": "REMOVE"}, {"a": {"b": [{"exists": True}]}}, False),
        ({"eventName": "REMOVE"}, {"a": {"b": [{"prefix": ""}]}}, False),
        ({"eventName": "REMOVE"}, {"a": {"b": [{"exists": False}, "x"]}}, True),
        ({"eventName": "REMOVE"}, {"a": {"b": [{"exists": False}], "c": ["x"]}}, False),
    ],
)
def test_a_field_is_absent_where_its_parent_is(
    match: Any, record: dict[str, Any], pattern: dict[str, Any], matches: bool
) -> None:
    assert match(record, pattern) is matches
