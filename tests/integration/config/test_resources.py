"""The configuration an entry at a time, over HTTP: the same ways for every kind."""

from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.integration.config.entries import ENTRIES, OTHERS
from tests.integration.conftest import Stack
from tocsin.config.lock import ConfigurationLock
from tocsin.identity.store import PeopleStore

PATHS = sorted(ENTRIES)


@pytest.mark.parametrize("path", PATHS)
def test_what_was_put_is_read(configured: Api, path: str) -> None:
    answer = configured("GET", path)

    assert answer.status == 200
    assert answer.body.items() >= ENTRIES[path].items() or path == "/rules/failed-logins"
    assert answer.etag


@pytest.mark.parametrize("path", PATHS)
def test_getting_and_putting_back_changes_nothing(configured: Api, stack: Stack, path: str) -> None:
    before = configured("GET", path)
    events = len(stack.events())

    after = configured("PUT", path, before.body, headers={"if-match": before.etag})

    assert (after.status, after.etag) == (200, before.etag)
    assert len(stack.events()) == events


@pytest.mark.parametrize("path", PATHS)
def test_a_second_operator_can_not_overwrite_what_the_first_changed(configured: Api, path: str) -> None:
    seen = configured("GET", path).etag
    first = configured("PUT", path, OTHERS[path], headers={"if-match": seen})

    second = configured("PUT", path, ENTRIES[path], headers={"if-match": seen})

    assert (first.status, second.status) == (200, 412)
    assert second.body["type"] == "urn:tocsin:problem:precondition-failed"
    assert configured("GET", path).etag == first.etag != seen


@pytest.mark.parametrize("path", PATHS)
def test_only_what_is_not_there_is_created_where_that_is_asked(configured: Api, path: str) -> None:
    answer = configured("PUT", path, ENTRIES[path], headers={"if-none-match": "*"})

    assert answer.status == 412


@pytest.mark.parametrize("path", PATHS)
def test_a_reader_who_has_the_version_gets_no_body(configured: Api, path: str) -> None:
    etag = configured("GET", path).etag

    answer = configured("GET", path, headers={"if-none-match": f'"other", W/{etag}'})

    assert (answer.status, answer.text, answer.etag) == (304, "", etag)


@pytest.mark.parametrize("path", PATHS)
def test_a_stale_version_is_not_deleted(configured: Api, path: str) -> None:
    answer = configured("DELETE", path, headers={"if-match": '"stale"'})

    assert answer.status == 412
    assert configured("GET", path).status == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("other", ["other", 7, None])
def test_another_name_in_the_body_is_refused(configured: Api, path: str, other: object) -> None:
    field = "username" if path.startswith("/users") else "name"

    answer = configured("PUT", path, ENTRIES[path] | {field: other})

    assert answer.status == 422
    assert answer.body["errors"][0]["path"] == field


@pytest.mark.parametrize("path", PATHS)
def test_an_unknown_field_is_named(configured: Api, path: str) -> None:
    answer = configured("PUT", path, ENTRIES[path] | {"colour": "red"})

    assert answer.status == 422
    assert answer.body["errors"] == [{"path": "colour", "message": "is not a known field"}]


@pytest.mark.parametrize("path", PATHS)
def test_what_is_not_there_is_not_found(configured: Api, path: str) -> None:
    missing = path.rpartition("/")[0] + "/missing"

    assert configured("GET", missing).status == 404
    assert configured("DELETE", missing).status == 404


def test_members_are_put_read_and_deleted_by_name(configured: Api) -> None:
    again = configured("PUT", "/groups/oncall/members/alice")

    assert again.status == 200
    assert configured("GET", "/groups/oncall/members").body == {"items": [{"username": "alice"}], "cursor": None}
    assert configured("GET", "/groups/oncall/members/alice").body == {"username": "alice"}
    assert configured("DELETE", "/groups/oncall/members/alice").status == 200
    assert configured("GET", "/groups/oncall/members/alice").status == 404


def test_nobody_unknown_becomes_a_member(configured: Api) -> None:
    assert configured("PUT", "/groups/oncall/members/nobody").status == 404
    assert configured("PUT", "/groups/nowhere/members/alice").status == 404


def test_a_group_that_is_made_anew_is_empty(configured: Api) -> None:
    configured("DELETE", "/rules/failed-logins")
    configured("DELETE", "/groups/oncall")

    configured("PUT", "/groups/oncall", {})

    assert configured("GET", "/groups/oncall/members").body["items"] == []


def test_lists_come_in_pages_in_the_order_of_their_names(api: Api) -> None:
    for name in ("carol", "alice", "bob", "dave"):
        api("PUT", f"/users/{name}", {})
        api("PUT", f"/keys/{name}", {"scopes": ["events:read"]})

    for kind, field in (("/users", "username"), ("/keys", "name")):
        names, cursor = [], {}
        while True:
            page = api("GET", kind, query={"limit": "3"} | cursor).body
            names.append([item[field] for item in page["items"]])
            if page["cursor"] is None:
                break
            cursor = {"cursor": page["cursor"]}

        assert names == [["alice", "bob", "carol"], ["dave"]]


def test_a_name_with_a_blank_is_encoded_in_its_address(api: Api) -> None:
    made = api("PUT", "/groups/on%20call", {})

    assert made.headers["location"] == "/groups/on%20call"
    assert api("GET", "/groups/on call").body["name"] == "on call"


def test_an_edit_waits_its_turn_and_gives_up_on_a_blueprint_that_takes_long(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.config.resources.editor._WAITS", 2)
    ConfigurationLock(api.stack.dynamodb, "config").take("somebody", now=_now())

    answer = api("PUT", "/groups/oncall", {})

    assert answer.status == 409
    assert "at this moment" in answer.body["detail"]


def test_an_edit_of_a_user_reads_no_other_user(configured: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    people = configured.module.services.editor.people
    for name in ("all_users", "all_members"):
        monkeypatch.setattr(people, name, None)

    for path in ("/users/alice", "/rules/failed-logins", "/keys/shop"):
        assert configured("PUT", path, OTHERS[path]).status == 200
    assert configured("PUT", "/groups/admins/members/alice").status == 201
    assert configured("DELETE", "/users/alice").status == 200


def _now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)


def typed(value: Any) -> dict[str, dict[str, Any]]:
    pattern = {"context": {"flag": [value]}}
    return {
        "/policies/typed": {"kind": "pattern", "pattern": pattern},
        "/silences/typed": {"pattern": pattern, "ends": "2999-01-01T00:00:00Z"},
        "/rules/typed": {"tests": [{"event": {"action": "login", "context": {"flag": value}}, "fires": False}]},
    }


@pytest.mark.parametrize("path", typed(1))
@pytest.mark.parametrize(("number", "other"), [(1, True), (False, 0), (1, 1.0)])
def test_a_number_is_replaced_by_what_python_takes_for_the_same(api: Api, path: str, number: Any, other: Any) -> None:
    api("PUT", path, typed(number)[path])

    answer = api("PUT", path, typed(other)[path])

    read = api("GET", path)
    assert repr(other) in repr(read.body)
    assert (read.body, read.etag) == (answer.body, answer.etag)


def test_a_blueprint_replaces_a_number_by_what_python_takes_for_the_same(api: Api) -> None:
    (one, other) = ({"policies": [typed(value)["/policies/typed"] | {"name": "typed"}]} for value in (1, True))
    api("PUT", "/blueprint", one)

    answer = api("PUT", "/blueprint", other)

    assert [change["kind"] for change in answer.body["changes"]] == ["policies"]
    assert api("GET", "/policies/typed").body["pattern"]["context"]["flag"][0] is True


@pytest.mark.parametrize(("before", "after"), [(7, "7"), ("7", 7)])
@pytest.mark.parametrize("at_once", [False, True], ids=["by name", "by a blueprint"])
def test_a_person_is_found_by_a_key_that_became_text_or_a_number(
    api: Api, stack: Stack, before: Any, after: Any, at_once: bool
) -> None:
    """The fault: 7 and "7" are one key, which was written for the new entry and deleted for the old one."""
    for pk in (before, after):
        users = {"users": [{"username": "alice", "pk": pk}]}
        answer = api("PUT", "/blueprint", users) if at_once else api("PUT", "/users/alice", {"pk": pk})
        assert answer.status in {200, 201}

    found = PeopleStore(stack.dynamodb, "config").users_by_pk(["7"])

    assert {pk: (user.username, user.pk) for pk, user in found.items()} == {"7": ("alice", after)}


def test_no_two_people_have_one_uuid_in_two_spellings(api: Api) -> None:
    key = "5f0c1a2b-0000-4000-8000-00000000abcd"
    api("PUT", "/users/alice", {"pk": key})
    both = [{"username": "alice", "pk": key}, {"username": "bob", "pk": key.replace("-", "")}]

    alone, at_once = api("PUT", "/users/bob", both[1]), api("PUT", "/blueprint", {"users": both})

    assert [answer.status for answer in (alone, at_once)] == [422, 422]
    assert (alone.paths, at_once.paths) == (["pk"], ["users[0].pk"])
