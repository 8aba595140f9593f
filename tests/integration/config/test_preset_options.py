"""Transports with a preset over HTTP: what is secret goes in, is told as changed, and never comes out."""

import json
from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tocsin.config.blueprint.model import MASK
from tocsin.notifications.presets import known_presets

NTFY: dict[str, Any] = {"mode": "webhook", "preset": "ntfy", "options": {"topic": "alerts", "token": "tk_one"}}
FLOW = "https://prod-01.westeurope.logic.azure.com/workflows/1/triggers/manual/paths/invoke?sig=secret"


@pytest.fixture
def api(stack: Stack) -> Api:
    return Api.of(stack)


def stored(stack: Stack) -> list[str]:
    """The secrets that are stored, as text."""
    return [str(item) for item in stack.items("config") if item["pk"]["S"] == "secret"]


def sendable(shown: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name != "secrets_version"}


def test_the_presets_are_listed_page_by_page(api: Api) -> None:
    first = api("GET", "/presets", query={"limit": "10"}).body
    rest = api("GET", "/presets", query={"limit": "10", "cursor": first["cursor"]}).body

    names = [each["name"] for each in first["items"] + rest["items"]]
    assert names == list(known_presets())
    assert rest["cursor"] is None


def test_an_unknown_preset_is_refused_with_those_that_there_are(api: Api) -> None:
    refused = api("PUT", "/transports/t", {"mode": "webhook", "preset": "teems", "url": "https://a.example.com/"})

    assert refused.status == 422
    (error,) = [each for each in refused.body["errors"] if each["path"] == "preset"]
    assert "teams" in error["message"]


@pytest.mark.parametrize(
    "url", ["https://[::1/x", "https://]/", "https://ex℀mple.com/x", "https://a：b.com/x", "https://＠a.com/x"]
)
@pytest.mark.parametrize("preset", ["teams", "ntfy", "splunk"])
def test_what_is_no_url_is_refused_at_its_field(api: Api, preset: str, url: str) -> None:
    """The fault: a URL that Python does not take apart either was answered with 500."""
    refused = api("PUT", "/transports/t", {"mode": "webhook", "preset": preset, "url": url})

    assert refused.is_problem(422)
    assert "url" in refused.paths


def test_secrets_are_shown_as_masks_and_kept_when_they_come_back(api: Api, stack: Stack) -> None:
    api("PUT", "/transports/phone", NTFY)
    shown = api("GET", "/transports/phone").body
    before = stored(stack)

    again = api("PUT", "/transports/phone", sendable(shown))
    exported = api("GET", "/blueprint").body

    assert shown["options"] == {"topic": "alerts", "token": MASK}
    assert (again.status, again.body) == (200, shown)
    assert stored(stack) == before
    (whole,) = [each for each in exported["transports"] if each["name"] == "phone"]
    assert (whole["preset"], whole["options"]) == ("ntfy", {"topic": "alerts", "token": MASK})
    assert api("PUT", "/blueprint", exported, query={"dry_run": "true"}).status == 200


def test_a_new_secret_is_told_as_a_change_and_the_old_one_is_deleted(api: Api, stack: Stack) -> None:
    before = api("PUT", "/transports/phone", NTFY).body

    after = api("PUT", "/transports/phone", NTFY | {"options": {"topic": "alerts", "token": "tk_two"}}).body

    (secret,) = stored(stack)
    assert "tk_two" in secret
    assert after["secrets_version"] != before["secrets_version"]
    told = json.dumps(stack.events())
    assert '"options": {"from": "the stored one", "to": "a new one"}' in told
    assert "tk_" not in told


def test_an_option_that_changes_with_the_secret_is_told(api: Api, stack: Stack) -> None:
    api("PUT", "/transports/phone", NTFY)

    api("PUT", "/transports/phone", NTFY | {"options": {"topic": "audits", "token": "tk_two"}})

    (event,) = [event for event in stack.events() if event["action"] == "model_updated"]
    assert event["context"]["diff"]["options"] == {
        "from": {"topic": "alerts", "token": MASK},
        "to": {"topic": "audits", "token": MASK},
    }


def test_a_url_that_is_a_credential_is_never_shown(api: Api, stack: Stack) -> None:
    saved = api("PUT", "/transports/teams", {"mode": "webhook", "preset": "teams", "url": FLOW})

    assert saved.body["url"] == f"https://prod-01.westeurope.logic.azure.com/{MASK}"
    assert "secret" not in saved.body or saved.body["secret"] is None
    assert "sig=secret" not in api("GET", "/blueprint").text
    assert "sig=secret" in stored(stack)[0]


def test_with_the_transport_its_secrets_go(api: Api, stack: Stack) -> None:
    api("PUT", "/transports/phone", NTFY)
    api("PUT", "/transports/teams", {"mode": "webhook", "preset": "teams", "url": FLOW})

    api("DELETE", "/transports/phone")
    api("DELETE", "/transports/teams")

    assert stored(stack) == []
