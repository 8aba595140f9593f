"""PUT /blueprint on moto, broken off at each call that it makes, and two of them at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from tests.integration.config.blueprints import (
    CHAT,
    HOOK,
    authorized,
    current,
    get,
    group,
    members,
    put,
    secrets_of,
)
from tests.integration.conftest import Stack
from tests.integration.handler_calls import WRITES, Client, Failure, Killed, everything, failing, raising, throttled
from tocsin.config.lock import LOCK_SECONDS, ConfigurationLock
from tocsin.config.model import Configuration
from tocsin.config.store import ConfigurationStore
from tocsin.errors import ConfigurationBroken, Conflict
from tocsin.models import as_json, validated

pytestmark = pytest.mark.usefixtures("impatient")

SECRET = "whsec_" + "c2VjcmV0LW9mLXRoZS1vbGQtY29uZmlndXJhdGlvbg=="
OLD: dict[str, Any] = {
    "settings": {"brand": "old"},
    "users": [{"username": "alice"}, {"username": "mallory"}],
    "groups": [{"name": "oncall", "members": ["alice", "mallory"]}, {"name": "gone", "members": ["alice"]}],
    "transports": [HOOK | {"name": "old-hook", "secret": SECRET}, CHAT],
    "rules": [{"name": "r", "transports": ["old-hook", "chat"], "destination_group": "oncall"}],
    "keys": [{"name": "kept", "scopes": ["events:write"]}, {"name": "gone", "scopes": ["events:write"]}],
}
NEW: dict[str, Any] = {
    "settings": {"brand": "new"},
    "users": [{"username": "alice"}, {"username": "bob"}],
    "groups": [{"name": "oncall", "members": ["alice", "bob"]}],
    "transports": [HOOK | {"name": "made-hook"}, CHAT | {"url": CHAT["url"] + "-new"}],
    "rules": [{"name": "r", "transports": ["made-hook", "chat"], "destination_group": "oncall"}],
    "keys": [{"name": "kept", "scopes": ["events:read"]}, {"name": "made", "scopes": ["events:write"]}],
}


def seen(stack: Stack) -> dict[str, Any]:
    """All that a reader works with, as far as it is not made anew by each run: names of rosters and secrets."""
    configuration = current(stack)
    shown = as_json(configuration)
    rules = {kind: shown[kind] for kind in ("settings", "policies", "rules", "silences")}
    transports = {t.name: as_json(replace(t, secrets_ref="")) for t in configuration.transports}
    secrets = {t.name: secrets_of(stack, t.name) for t in configuration.transports if t.name != "made-hook"}
    if "made-hook" in transports:
        assert secrets_of(stack, "made-hook").signing
    return {
        "rules": rules,
        "transports": transports,
        "secrets": secrets,
        "members": {each.name: members(stack, each.name) for each in configuration.groups},
    }


def kinds(stack: Stack) -> dict[str, int]:
    """How many items of each kind there are, but for the pieces of snapshots and what expires."""
    found: dict[str, int] = {}
    for item in stack.items("config"):
        kind = item["pk"]["S"].split("#")[0]
        if kind != "snapshot" and "expires_at" not in item:
            found[kind] = found.get(kind, 0) + 1
    return found


def let_the_lock_expire(stack: Stack) -> None:
    for item in stack.items("config"):
        if "locked_until" in item:
            stack.dynamodb.put_item(TableName="config", Item=item | {"locked_until": {"N": "1"}})


def applied(client: Client, document: dict[str, Any]) -> dict[str, str]:
    """Apply `document`; the bearers that were shown, by the key's name."""
    answer = put(client, document)
    assert answer.status == 200, answer.text
    return {made["name"]: made["key"] for made in answer.body["created"]["keys"]}


@contextmanager
def broken_off(failure: Failure, number: int, *, for_good: bool) -> Iterator[list[str]]:
    """Within, the write of that `number` fails; with `for_good` all calls after it as well, as of a dead process."""
    dead = False

    def at(call: int) -> bool:
        nonlocal dead
        dead = dead or call == number
        return call == number or (dead and for_good)

    with failing(failure, *WRITES, at=at, table="config") as calls:
        yield calls


# ── broken off at each call ──────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("failure", "for_good"),
    [(throttled(), False), (raising(Killed()), True)],
    ids=["one call fails", "the process dies"],
)
def test_wherever_it_is_broken_off_readers_see_the_old_or_the_new_and_a_repeat_completes(
    stack: Stack, client: Client, subtests: pytest.Subtests, failure: Failure, for_good: bool
) -> None:
    bearers = applied(client, OLD)
    before, old = stack.items("config"), seen(stack)
    applied(client, NEW)
    new, clean = seen(stack), kinds(stack)

    for number in range(1, 100):
        stack.put_back("config", before)
        with broken_off(failure, number, for_good=for_good) as calls:
            try:
                status = put(Client(stack, "api"), NEW).status
            except Killed:
                status = 0
        if len(calls) < number:
            break
        with subtests.test(f"{calls[number - 1]}, call {number}"):
            after = seen(stack)
            assert status in {0, 503}
            assert after in (old, new)
            let_the_lock_expire(stack)
            assert "alice" in {user["username"] for user in get(client)["users"]}

            made = applied(client, NEW)

            assert seen(stack) == new
            assert kinds(stack) == clean
            assert "key_id" in authorized(stack, made["made"])
            assert authorized(stack, bearers["kept"])["scopes"] == "events:read"
            assert "key_id" not in authorized(stack, bearers["gone"])
    assert number > 8


MADE_AGAIN = {("secret_rotate", "transport", "made-hook"), ("secret_rotate", "key", "made")}
"""What nobody was shown of a run that broke off, and the next one makes again: that is a change as well."""


def told(stack: Stack, *, beside: set[str]) -> list[tuple[str, str, str]]:
    """(action, kind, name) of each change of which an event tells, beside those with the ids given."""
    events = [event for event in stack.events() if event["id"] not in beside]
    models = [(event["action"], event["context"].get("model")) for event in events]
    return sorted((action, model["model_name"], model["name"]) for action, model in models if model)


def test_wherever_it_is_broken_off_each_change_that_holds_is_told_once(
    stack: Stack, client: Client, subtests: pytest.Subtests
) -> None:
    """The fault: what held of a run that failed was told by no event, and the run that completed it saw no change."""
    applied(client, OLD)
    before = stack.items("config")
    known = {event["id"] for event in stack.events()}
    applied(client, NEW)
    clean = told(stack, beside=known)

    for number in range(1, 100):
        stack.put_back("config", before)
        known = {event["id"] for event in stack.events()}
        with broken_off(throttled(), number, for_good=False) as calls:
            put(Client(stack, "api"), NEW)
        if len(calls) < number:
            break
        with subtests.test(f"{calls[number - 1]}, call {number}"):
            let_the_lock_expire(stack)
            applied(Client(stack, "api"), NEW)

            assert [each for each in told(stack, beside=known) if each not in MADE_AGAIN] == clean
    assert number > 8


def test_what_holds_of_a_run_that_failed_and_can_not_be_read_is_a_line_of_the_log(
    stack: Stack, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    dead = False

    def first(_: int) -> bool:
        nonlocal dead
        dead = True
        return True

    with (
        failing(throttled(), "BatchWriteItem", at=first, table="config"),
        failing(throttled(), "GetItem", "Query", at=lambda _: dead, table="config"),
    ):
        answer = put(client, NEW)

    assert answer.is_problem(503)
    assert "BROKEN_OFF_UNREAD" in capsys.readouterr().out


def test_a_signing_secret_that_nobody_was_shown_is_made_again(stack: Stack, client: Client) -> None:
    with broken_off(raising(Killed()), 4, for_good=True), pytest.raises(Killed):
        put(client, {"transports": [HOOK], "keys": [{"name": "k", "scopes": ["events:read"]}]})
    let_the_lock_expire(stack)

    answer = put(client, {"transports": [HOOK], "keys": [{"name": "k", "scopes": ["events:read"]}]})

    (made,) = answer.body["created"]["secrets"]
    assert secrets_of(stack, "hook").signing == (made["secret"],)


def test_members_of_a_run_that_broke_off_are_in_nobodys_group(stack: Stack, client: Client) -> None:
    put(client, group("alice"))
    with failing(throttled(), "PutItem", at=lambda call: call == 1):
        assert put(client, group("alice", "carol")).is_problem(503)

    put(client, group("alice", "bob"))

    assert members(stack, "oncall") == ["alice", "bob"]
    lists = {
        item["pk"]["S"]
        for item in stack.items("config")
        if item["pk"]["S"].startswith("member#") and "expires_at" not in item
    }
    assert len(lists) == 1


def test_a_note_of_what_broke_off_does_not_expire_with_its_lock(stack: Stack, client: Client) -> None:
    with broken_off(raising(Killed()), 4, for_good=True), pytest.raises(Killed):
        put(client, NEW)

    (lock,) = [item for item in stack.items("config") if item["sk"]["S"] == "lock"]
    assert "note" in lock
    assert "expires_at" not in lock
    assert "whsec_" not in str(lock)


# ── two at once ──────────────────────────────────────────────────────────────


def test_while_one_is_applied_another_is_refused(stack: Stack, client: Client) -> None:
    lock = ConfigurationLock(stack.dynamodb, "config")
    held = lock.take("somebody", now=datetime.now(UTC))
    before = everything(stack)

    answer = put(client, NEW)

    assert answer.is_problem(409)
    assert everything(stack) == before
    lock.release(held, forget=True)
    assert put(client, NEW).status == 200


def test_a_dry_run_needs_no_lock(stack: Stack, client: Client) -> None:
    ConfigurationLock(stack.dynamodb, "config").take("somebody", now=datetime.now(UTC))

    assert put(client, NEW, query={"dry_run": "true"}).status == 200


def test_a_lock_whose_holder_died_is_taken_over(stack: Stack, client: Client) -> None:
    past = datetime.now(UTC) - timedelta(seconds=LOCK_SECONDS + 1)
    ConfigurationLock(stack.dynamodb, "config").take("somebody", now=past)

    assert put(client, NEW).status == 200


def test_a_lock_is_let_go_of_in_the_end(stack: Stack, client: Client) -> None:
    put(client, NEW)

    assert [item for item in stack.items("config") if item["sk"]["S"] == "lock"] == []


def test_what_was_changed_meanwhile_without_the_lock_is_not_overwritten(stack: Stack, client: Client) -> None:
    put(client, OLD)
    other = ConfigurationStore(stack.dynamodb, "config")
    version, configuration = other.current(fresh=True)

    def change(call: dict[str, Any]) -> None:
        if b'"snapshot#' in call["body"] and not changed:
            changed.append(True)
            other.publish(replace(configuration, policies=()), replacing=version, by="other")

    changed: list[bool] = []
    with failing(change, "PutItem"):
        answer = put(client, NEW)

    assert changed
    assert answer.is_problem(409)
    assert get(client)["settings"]["brand"] == "old"
    assert put(client, NEW).status == 200
    assert get(client)["settings"]["brand"] == "new"


def test_a_reader_in_the_middle_of_a_change_sees_one_or_the_other(stack: Stack, client: Client) -> None:
    put(client, OLD)
    old, reader = seen(stack), ConfigurationStore(stack.dynamodb, "config")
    reader.current()
    views = []

    with failing(lambda _: views.append(seen(stack)), *WRITES):
        put(client, NEW)

    assert seen(stack) != old
    assert all(view in (old, seen(stack)) for view in views)


def test_a_reader_that_knows_an_old_version_can_still_read_it(stack: Stack, client: Client) -> None:
    put(client, OLD)
    reader = ConfigurationStore(stack.dynamodb, "config")
    reader.version()

    put(client, NEW)

    version, configuration = reader.current()
    assert (version.number, configuration.settings.brand) == (1, "old")
    assert reader.current(fresh=True)[1].settings.brand == "new"


@pytest.mark.parametrize("jump", [timedelta(seconds=5), timedelta(hours=9), timedelta(seconds=-5)])
def test_a_change_is_known_within_five_seconds_and_when_the_clock_jumps(
    stack: Stack, client: Client, jump: timedelta
) -> None:
    """The fault: ages were by a clock that stands still while Lambda freezes the process."""
    now = datetime.now(UTC)
    reader = ConfigurationStore(stack.dynamodb, "config", clock=lambda: now)
    reader.current()
    put(client, NEW)
    before = reader.current()[0].number

    now += jump

    assert before == 0
    assert reader.current()[1].settings.brand == "new"


def test_an_old_snapshot_is_left_to_expire(stack: Stack, client: Client) -> None:
    put(client, OLD)
    put(client, NEW)

    snapshots = {item["pk"]["S"]: "expires_at" in item for item in stack.items("config") if "data" in item}
    assert sorted(snapshots.values()) == [False, True]
    assert next(name for name, expires in snapshots.items() if not expires).startswith("snapshot#2-")


def test_the_snapshot_of_a_write_that_somebody_else_was_faster_than_is_left_to_expire(stack: Stack) -> None:
    first, second = (ConfigurationStore(stack.dynamodb, "config") for _ in range(2))
    known = first.version(fresh=True)
    second.version(fresh=True)
    second.publish(validated(Configuration, {"settings": {"brand": "faster"}}), replacing=known, by="faster")

    with pytest.raises(Conflict):
        first.publish(validated(Configuration, {"settings": {"brand": "slower"}}), replacing=known, by="slower")

    pieces = [("expires_at" in item, item["pk"]["S"]) for item in stack.items("config") if "data" in item]
    assert [name for expires, name in pieces if not expires] == [f"snapshot#{first.version(fresh=True).generation}"]
    assert len(pieces) == 2


def test_a_configuration_larger_than_an_item_is_read_back_whole(stack: Stack) -> None:
    noise = Random(7)
    policies = [
        {"name": f"p{i}", "kind": "pattern", "pattern": {"app": [noise.randbytes(500).hex()]}} for i in range(1500)
    ]
    configuration = validated(Configuration, {"policies": policies})
    store = ConfigurationStore(stack.dynamodb, "config")

    version = store.publish(configuration, replacing=store.version(fresh=True), by="test")

    assert version.pieces > 1
    assert current(stack) == configuration


def test_a_snapshot_that_lacks_a_piece_is_broken_and_not_half_read(stack: Stack, client: Client) -> None:
    put(client, NEW)
    for item in stack.items("config"):
        if "data" in item:
            stack.dynamodb.delete_item(TableName="config", Key={"pk": item["pk"], "sk": item["sk"]})

    with pytest.raises(ConfigurationBroken, match="not whole"):
        current(stack)


def test_a_snapshot_that_is_no_snapshot_is_broken(stack: Stack, client: Client) -> None:
    put(client, NEW)
    for item in stack.items("config"):
        if "data" in item:
            stack.dynamodb.put_item(TableName="config", Item=item | {"data": {"B": b"x"}})

    with pytest.raises(ConfigurationBroken, match="can't be read"):
        current(stack)
