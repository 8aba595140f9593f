"""Each edit is an event that says who changed what, without secrets; secrets are shown once."""

import json

from tests.integration.api_calls import Api
from tests.integration.config.entries import ENTRIES, OTHERS, RULE, changes
from tests.integration.conftest import Stack


def test_a_new_secret_is_a_new_version_of_its_transport(configured: Api) -> None:
    entry = ENTRIES["/transports/hook"]
    before = configured("GET", "/transports/hook")

    after = configured("PUT", "/transports/hook", entry | {"secret": "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="})
    late = configured("PUT", "/transports/hook", before.body, headers={"if-match": before.etag})

    assert (after.status, late.status) == (200, 412)
    assert after.body["secrets_version"] != before.body["secrets_version"]


def test_a_signing_secret_is_shown_once_and_masked_ever_after(api: Api) -> None:
    made = api("PUT", "/transports/hook", OTHERS["/transports/hook"])

    assert made.body["secret"].startswith("whsec_")
    assert api("GET", "/transports/hook").body["secret"] == "*" * 20
    assert made.body["secret"] not in api("GET", "/transports").text + api("GET", "/blueprint").text
    assert api("GET", "/transports/hook").etag == made.etag


def test_a_chat_webhooks_url_is_never_shown(api: Api, stack: Stack) -> None:
    secret = "T000/B000/SECRETPART"
    entry = {"mode": "webhook_slack", "url": f"http://127.0.0.1:9/services/{secret}"}

    made = api("PUT", "/transports/chat", entry)

    assert made.status == 201
    assert secret not in made.text + api("GET", "/transports").text + json.dumps(stack.events())


def test_a_replaced_secret_is_an_event_without_the_secret(configured: Api, stack: Stack) -> None:
    secret = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="

    configured("PUT", "/transports/hook", ENTRIES["/transports/hook"] | {"secret": secret})

    (event,) = [event for event in changes(stack, "transport") if event["action"] == "secret_rotate"]
    assert event["context"]["message"] == "ops replaced the secret of transport hook"
    assert secret not in json.dumps(event)


def test_settings_are_replaced(api: Api, stack: Stack) -> None:
    before = api("GET", "/settings")

    answer = api("PUT", "/settings", before.body | {"brand": "acme"}, headers={"if-match": before.etag})

    assert (answer.status, answer.body["brand"]) == (200, "acme")
    (event,) = changes(stack, "settings")
    assert event["context"]["diff"] == {"brand": {"from": "default", "to": "acme"}}
    assert event["brand"] == "acme"


def test_every_change_is_an_event_that_says_who_and_what(configured: Api, stack: Stack) -> None:
    configured("PUT", "/rules/failed-logins", RULE | {"severity": "alert"})
    configured("DELETE", "/rules/failed-logins")

    told = {event["action"]: event for event in changes(stack, "rule")}

    assert set(told) == {"model_created", "model_updated", "model_deleted"}
    updated = told["model_updated"]
    assert updated["context"] == {
        "message": "ops changed rule failed-logins",
        "model": {"app": "tocsin", "model_name": "rule", "pk": "failed-logins", "name": "failed-logins"},
        "by": "ops",
        "by_id": "0123456789abcdef",
        "diff": {"severity": {"from": "notice", "to": "alert"}},
    }
    assert updated["app"] == "tocsin"
    assert updated["cause"]["depth"] == 1


def test_an_event_names_the_person_a_key_stands_for(stack: Stack) -> None:
    api = Api.of(stack, user="alice")

    api("PUT", "/groups/oncall", {})

    assert stack.events()[0]["user"] == {"username": "alice"}


def test_a_refused_change_is_no_event(configured: Api, stack: Stack) -> None:
    before = len(stack.events())

    configured("PUT", "/rules/failed-logins", RULE | {"transports": ["nowhere"]})
    configured("DELETE", "/transports/hook")

    assert len(stack.events()) == before


def test_a_blueprint_is_told_a_change_at_a_time_up_to_a_hundred(api: Api, stack: Stack) -> None:
    users = [{"username": f"user-{number}"} for number in range(130)]
    blueprint = api("GET", "/blueprint").body | {"users": users}

    api("PUT", "/blueprint", blueprint)

    events = stack.events()
    assert len(events) == 101
    (rest,) = [event for event in events if "changes" in event["context"]]
    assert rest["context"]["changes"] == {"users created": 30}
