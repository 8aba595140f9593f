"""If-Match and If-None-Match on every write, the blueprint's too."""

from typing import Any

import pytest

from tests.integration.api_calls import Api

YAML = {"accept": "application/yaml"}


def blueprint(**fields: Any) -> dict[str, Any]:
    return {"users": [{"username": "alice"}], **fields}


def test_a_second_editor_does_not_overwrite_what_the_first_applied(api: Api) -> None:
    seen = api("GET", "/blueprint").etag
    first = api("PUT", "/blueprint", blueprint(), headers={"if-match": seen})

    second = api("PUT", "/blueprint", {"users": [{"username": "bob"}]}, headers={"if-match": seen})
    rehearsed = api("PUT", "/blueprint", {}, headers={"if-match": seen}, query={"dry_run": "true"})

    assert (first.status, second.status, rehearsed.status) == (200, 412, 412)
    assert api("GET", "/blueprint").etag == first.etag != seen
    assert [user["username"] for user in api("GET", "/users").body["items"]] == ["alice"]


def test_a_blueprint_is_not_created_over_the_one_that_is_there(api: Api) -> None:
    assert api("PUT", "/blueprint", blueprint(), headers={"if-none-match": "*"}).status == 412
    assert api("PUT", "/blueprint", blueprint(), headers={"if-match": "bogus"}).status == 422


def test_a_reader_who_has_the_blueprint_gets_no_body_in_the_form_that_they_have(api: Api) -> None:
    json, yaml = api("GET", "/blueprint"), api("GET", "/blueprint", headers=YAML)

    again = api("GET", "/blueprint", headers=YAML | {"if-none-match": yaml.etag})

    assert json.etag != yaml.etag
    assert (again.status, again.text, again.etag) == (304, "", yaml.etag)
    assert api("GET", "/blueprint", headers=YAML | {"if-none-match": json.etag}).status == 200
    sent = YAML | {"content-type": "application/yaml", "if-match": yaml.etag}
    assert api("PUT", "/blueprint", yaml.text, headers=sent).status == 200


@pytest.mark.parametrize(
    "edit",
    [
        ("PUT", "/users/bob", {}),
        ("PUT", "/transports/hook", {"mode": "webhook", "url": "http://127.0.0.1:9/x", "secret": "whsec_" + "b" * 32}),
        ("POST", "/keys/shop/rotate", {}),
        ("DELETE", "/users/alice", None),
    ],
)
def test_every_edit_of_an_entry_is_another_blueprint(api: Api, edit: tuple[str, str, Any]) -> None:
    hook = {"name": "hook", "mode": "webhook", "url": "http://127.0.0.1:9/x", "secret": "whsec_" + "a" * 32}
    api("PUT", "/blueprint", blueprint(transports=[hook], keys=[{"name": "shop", "scopes": ["events:write"]}]))
    before = api("GET", "/blueprint").etag

    assert api(*edit).status < 300

    assert api("GET", "/blueprint").etag != before


def test_putting_back_what_was_read_keeps_its_version(api: Api) -> None:
    read = api("GET", "/blueprint")

    assert api("PUT", "/blueprint", read.body, headers={"if-match": read.etag}).etag == read.etag


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/keys", {"name": "shop", "scopes": ["events:write"]}),
        ("/silences", {"name": "deploy", "matcher": {"app": "shop"}, "ends": "2999-01-01T00:00:00Z"}),
        ("/transports/inbox/test", None),
        ("/transports/inbox/breaker/reset", None),
        ("/deliveries/redrive", {"transport": "inbox"}),
        ("/notifications/seen", {"through": 1}),
    ],
)
def test_nothing_is_done_to_a_version_that_there_is_not(api: Api, path: str, body: Any) -> None:
    facts = api.facts | {"user": "alice"}

    assert api("POST", path, body, headers={"if-match": '"seen"'}, facts=facts).status == 412
    assert api("POST", path, body, headers={"if-match": "seen"}, facts=facts).status == 422


@pytest.mark.parametrize("path", ["/keys/shop", "/silences/deploy"])
def test_a_refused_creation_made_nothing(api: Api, path: str) -> None:
    api("POST", "/keys", {"name": "shop", "scopes": ["events:write"]}, headers={"if-match": '"seen"'})

    assert api("GET", path).status == 404
