"""Silences as entries: their states, their times, who made them, and what is told of them."""

import pytest

from tests.integration.api_calls import Api
from tests.integration.config.entries import ENTRIES, changes
from tests.integration.conftest import Stack
from tocsin.config.resources import silences


def test_silences_are_listed_by_their_state(api: Api) -> None:
    what = {"matcher": {"app": "shop"}}
    api("PUT", "/silences/now", what | {"ends": "2999-01-01T00:00:00Z"})
    api("PUT", "/silences/later", what | {"starts": "2998-01-01T00:00:00Z", "ends": "2999-01-01T00:00:00Z"})
    api("PUT", "/silences/past", what | {"ends": "2999-01-01T00:00:00Z"})
    api("DELETE", "/silences/past")

    states = {
        state: [item["name"] for item in api("GET", "/silences", query={"state": state}).body["items"]]
        for state in ("active", "pending", "over", "active,over")
    }

    assert states == {"active": ["now"], "pending": ["later"], "over": ["past"], "active,over": ["now", "past"]}
    assert api("GET", "/silences", query={"state": "loud"}).status == 422


def test_a_silence_that_is_over_can_not_be_made_to_hold_in_the_past(api: Api) -> None:
    api("PUT", "/silences/deploy", ENTRIES["/silences/deploy"])
    ended = api("DELETE", "/silences/deploy").body

    same = api("PUT", "/silences/deploy", ended)
    past = api("PUT", "/silences/deploy", ended | {"ends": "2020-01-01T00:00:00Z", "starts": "2019-01-01T00:00:00Z"})
    again = api("PUT", "/silences/deploy", ended | {"ends": "2999-01-01T00:00:00Z"})

    assert [answer.status for answer in (same, past, again)] == [200, 422, 200]
    assert past.body["errors"] == [{"path": "ends", "message": "lies in the past"}]
    assert again.body["state"] == "active"


def test_a_silence_says_what_a_query_that_fails_counts_as(api: Api) -> None:
    asked = {"matcher": {"query": "event.context.amount > 5"}, "ends": "2999-01-01T00:00:00Z"}

    made = api("PUT", "/silences/amounts", asked | {"failure_result": True})
    other = api("PUT", "/silences/others", asked)
    wrong = api("PUT", "/silences/wrong", ENTRIES["/silences/deploy"] | {"failure_result": True})

    assert [made.body["failure_result"], other.body["failure_result"]] == [True, False]
    assert api("PUT", "/silences/amounts", made.body).body == made.body
    assert wrong.status == 422
    assert "failure_result is the result of a query" in wrong.body["errors"][0]["message"]


def test_a_silence_keeps_who_made_it_until_somebody_changes_it(api: Api) -> None:
    made = api("PUT", "/silences/deploy", ENTRIES["/silences/deploy"]).body

    same = api("PUT", "/silences/deploy", made | {"by": "somebody else"}).body

    assert same["by"] == made["by"] == "ops"


def test_a_name_that_a_silence_has_is_not_given_to_a_new_one(api: Api) -> None:
    silence = ENTRIES["/silences/deploy"] | {"name": "deploy"}
    api("POST", "/silences", silence)

    again = api("POST", "/silences", silence)

    assert again.status == 409
    assert "PUT changes it" in again.body["detail"]


def test_those_that_are_over_keep_no_new_one_from_being_made(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault: who made more than a thousand a month could make no more, and ending some was no help."""
    monkeypatch.setattr(silences, "MAX_SILENCES", 3)
    for name in ("first", "second", "third"):
        api("PUT", f"/silences/{name}", ENTRIES["/silences/deploy"])
    full = api("PUT", "/silences/fourth", ENTRIES["/silences/deploy"])
    api("DELETE", "/silences/second")
    api("DELETE", "/silences/first")

    made = api("PUT", "/silences/fourth", ENTRIES["/silences/deploy"])

    assert (full.status, made.status) == (409, 201)
    assert [each["name"] for each in api("GET", "/silences").body["items"]] == ["first", "fourth", "third"]


def test_a_silence_is_told(api: Api, stack: Stack) -> None:
    made = api("POST", "/silences", {"matcher": {"app": "shop"}, "ends": "2999-01-01T00:00:00Z"}).body

    api("DELETE", f"/silences/{made['name']}")

    assert {event["action"] for event in changes(stack, "silence")} == {"model_created", "model_deleted"}
