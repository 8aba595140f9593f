"""Members of a group that are replaced as a whole, while a matcher has the configuration of a moment ago."""

from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import FAILED_LOGIN, event, record, rule, told
from tocsin.config.store import ConfigurationStore


@pytest.fixture
def api(stack: Stack) -> Api:
    api = Api.of(stack)
    assert put(api, ["alice", "bob"]).status == 200
    return api


def put(api: Api, members: list[str], **document: Any) -> Any:
    known = {
        "users": [{"username": name} for name in ("alice", "bob", "carol")],
        "groups": [{"name": "oncall", "members": members}],
        "transports": [{"name": "inbox", "mode": "local"}],
        "policies": [FAILED_LOGIN],
        "rules": [rule()],
    }
    return api("PUT", "/blueprint", known | document)


def lists(stack: Stack) -> dict[str, set[str]]:
    """The names in each list of members, with whether DynamoDB is to delete it."""
    found: dict[str, set[str]] = {}
    for item in stack.items("config"):
        if item["pk"]["S"].startswith("member#"):
            found.setdefault("old" if "expires_at" in item else "in force", set()).add(item["sk"]["S"])
    return found


@pytest.mark.parametrize("bindings", [[{"policy": "failed-login"}], [{"group": "oncall"}]], ids=["told", "asked"])
def test_who_is_in_both_lists_is_told_by_a_matcher_that_has_the_one_before(
    stack: Stack, api: Api, bindings: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault: the list before was deleted at once, and for a few seconds the group had nobody."""
    put(api, ["alice", "bob"], rules=[rule(bindings=bindings)])
    matcher = stack.function("matcher")
    matcher.handler({"Records": [record(event(action="logout", user={}))]}, stack.context)
    read: Any = ConfigurationStore.version
    known = matcher.worker._matcher._configuration
    monkeypatch.setattr(  # it remembers what it has read, however slow this machine is
        ConfigurationStore,
        "version",
        lambda store, *, fresh=False: store._version if store is known and not fresh else read(store, fresh=fresh),
    )
    put(api, ["bob", "carol"], rules=[rule(bindings=bindings)])

    matcher.handler({"Records": [record(event(user={"username": "bob"}))]}, stack.context)

    assert "bob" in told(stack.messages("Inbox"))


def test_lists_that_no_configuration_names_any_more_expire(stack: Stack, api: Api) -> None:
    put(api, ["carol"])
    replaced = lists(stack)
    put(api, ["carol"], rules=[])
    api("DELETE", "/groups/oncall")

    assert replaced == {"old": {"alice", "bob"}, "in force": {"carol"}}
    assert lists(stack) == {"old": {"alice", "bob", "carol"}}
