"""What a blueprint does to secrets, API keys and the members of groups, which stand in no document."""

from typing import Any

import pytest

from tests.integration.config.blueprints import (
    CHAT,
    HOOK,
    SLACK_URL,
    YAML,
    authorized,
    current,
    get,
    group,
    members,
    put,
    secrets_of,
)
from tests.integration.conftest import Stack
from tests.integration.handler_calls import Client, failing, throttled
from tocsin.config.secret_store import SecretStore
from tocsin.errors import Unavailable
from tocsin.events.redact import MASK
from tocsin.notifications.signing import new_secret


def secrets(stack: Stack) -> list[dict[str, Any]]:
    """The items of secrets."""
    return [item for item in stack.items("config") if item["pk"]["S"] == "secret"]


# ── secrets ──────────────────────────────────────────────────────────────────


def test_secrets_stand_in_no_answer_and_nowhere_but_apart(stack: Stack, client: Client) -> None:
    secret = new_secret()
    document = {"transports": [HOOK | {"secret": secret}, CHAT]}

    answers = [
        put(client, document, query={"dry_run": "true"}).text,
        put(client, document).text,
        put(client, document).text,
        client.ask("GET", "/blueprint").text,
        client.ask("GET", "/blueprint", accept=YAML).text,
    ]

    assert not any(secret in answer or "verysecretpath" in answer for answer in answers)
    apart = secrets(stack)
    elsewhere = [item for item in stack.items("config") if item["pk"]["S"] != "secret"]
    assert secret in str(apart)
    assert "verysecretpath" in str(apart)
    assert secret not in str(elsewhere) + current(stack).to_bytes().decode()
    assert "verysecretpath" not in str(elsewhere) + current(stack).to_bytes().decode()


def test_a_webhook_without_a_secret_is_given_one_that_is_shown_once(stack: Stack, client: Client) -> None:
    first = put(client, {"transports": [HOOK]})

    again = put(client, {"transports": [HOOK | {"send_once": True}]})

    (made,) = first.body["created"]["secrets"]
    assert made["transport"] == "hook"
    assert secrets_of(stack, "hook").signing == (made["secret"],)
    assert (again.body["changed"], again.body["created"]["secrets"]) == (True, [])
    assert get(client)["transports"][0]["secret"] == MASK


def test_a_masked_secret_is_kept(stack: Stack, client: Client) -> None:
    secret = new_secret()
    put(client, {"transports": [HOOK | {"secret": secret}, CHAT]})
    shown = get(client)
    for transport in shown["transports"]:
        transport["send_once"] = True

    answer = put(client, shown)

    assert answer.body["changed"]
    assert secrets_of(stack, "hook").signing == (secret,)
    assert secrets_of(stack, "chat").url == SLACK_URL


def test_a_new_secret_is_a_change_that_is_not_shown(stack: Stack, client: Client) -> None:
    put(client, {"transports": [HOOK | {"secret": new_secret()}]})
    secret = new_secret()

    answer = put(client, {"transports": [HOOK | {"secret": secret}]})

    assert answer.body["changed"]
    assert secret not in answer.text
    assert secrets_of(stack, "hook").signing == (secret,)


def test_the_secrets_of_a_transport_go_with_it(stack: Stack, client: Client) -> None:
    put(client, {"transports": [HOOK, CHAT]})

    put(client, {})

    assert secrets(stack) == []


@pytest.mark.usefixtures("impatient")
def test_a_secret_that_a_run_left_behind_is_deleted_by_the_next_which_changes_nothing(
    stack: Stack, client: Client
) -> None:
    put(client, {"transports": [CHAT]})
    changed = {"transports": [CHAT | {"url": SLACK_URL + "-new"}]}
    with failing(throttled(), "DeleteItem", at=lambda call: call == 1, table="config"):
        assert put(client, changed).is_problem(503)
    configuration, left = current(stack), secrets(stack)

    answer = put(client, changed)

    assert (answer.status, answer.body["changes"], answer.body["version"]) == (200, [], 2)
    assert current(stack) == configuration
    assert (len(left), len(secrets(stack))) == (2, 1)
    assert secrets_of(stack, "chat").url == SLACK_URL + "-new"


def test_a_transport_whose_secrets_are_not_there_yet_waits_for_them(stack: Stack, client: Client) -> None:
    put(client, {"transports": [CHAT]})
    transport = current(stack).transports_by_name["chat"]
    (item,) = secrets(stack)
    stack.dynamodb.delete_item(TableName="config", Key={"pk": item["pk"], "sk": item["sk"]})
    store = SecretStore(stack.dynamodb, "config")

    with pytest.raises(Unavailable, match="being replaced") as refused:
        store.of(transport)
    stack.dynamodb.put_item(TableName="config", Item=item)

    assert refused.value.retry_after == 1
    assert store.of(transport).url == SLACK_URL


# ── keys ─────────────────────────────────────────────────────────────────────


def test_a_key_is_made_once_and_works(stack: Stack, client: Client) -> None:
    document = {"keys": [{"name": "shop", "scopes": ["events:write"], "events_per_minute": 5}]}

    first = put(client, document)
    again = put(client, {"keys": [{"name": "shop", "scopes": ["events:write", "events:read"]}]})

    (made,) = first.body["created"]["keys"]
    facts = authorized(stack, made["key"])
    assert again.body["created"]["keys"] == []
    assert (facts["key_id"], facts["key_name"], facts["scopes"]) == (made["id"], "shop", "events:write events:read")
    assert made["key"] not in str(stack.items("config"))


def test_a_key_that_is_taken_away_is_refused(stack: Stack, client: Client) -> None:
    made = put(client, {"keys": [{"name": "shop", "scopes": ["events:write"]}]}).body["created"]["keys"][0]
    assert "key_id" in authorized(stack, made["key"])

    put(client, {})

    assert "key_id" not in authorized(stack, made["key"])


def test_a_key_of_the_same_name_later_is_another(stack: Stack, client: Client) -> None:
    document = {"keys": [{"name": "shop", "scopes": ["events:write"]}]}
    old = put(client, document).body["created"]["keys"][0]
    put(client, {})

    new = put(client, document).body["created"]["keys"][0]

    assert new["id"] != old["id"]
    assert "key_id" not in authorized(stack, old["key"])
    assert "key_id" in authorized(stack, new["key"])


def test_other_members_are_another_list_and_the_old_one_goes(stack: Stack, client: Client) -> None:
    put(client, group("alice", "bob"))
    old = current(stack).groups_by_name["oncall"]

    put(client, group("bob", "carol"))

    assert current(stack).groups_by_name["oncall"].roster != old.roster
    assert members(stack, "oncall") == ["bob", "carol"]
    left = [item for item in stack.items("config") if item["pk"]["S"] == f"member#oncall#{old.roster}"]
    assert [("expires_at" in item, item["sk"]["S"]) for item in left] == [(True, "alice"), (True, "bob")]


def test_a_list_of_members_is_written_anew_only_where_they_change(stack: Stack, client: Client) -> None:
    put(client, group("alice", "bob"))
    before = current(stack).groups_by_name["oncall"]

    put(client, group("bob", "alice", "bob") | {"settings": {"brand": "acme"}})

    assert current(stack).groups_by_name["oncall"] == before
    assert members(stack, "oncall") == ["alice", "bob"]
