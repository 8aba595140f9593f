"""Edits of which an answer of DynamoDB gets lost: botocore makes the call again, and DynamoDB refuses the repeat."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.integration.config.entries import ENTRIES, OTHERS, changes
from tests.integration.conftest import Stack
from tests.integration.handler_calls import WRITES, answer_lost, failing
from tests.quick_calls import answers_lost
from tocsin.aws import clients
from tocsin.config.lock import LOCK_SECONDS, ConfigurationLock
from tocsin.config.model import Configuration
from tocsin.config.store import ConfigurationStore
from tocsin.errors import Conflict
from tocsin.models import validated

MOST_WRITES = 20
BLUEPRINT: dict[str, Any] = {
    "users": [{"username": "ana"}],
    "groups": [{"name": "oncall", "members": ["ana"]}],
    "transports": [{"name": "hook", "mode": "webhook", "url": "http://127.0.0.1:9/hook"}],
}


def told(stack: Stack, kind: str) -> int:
    """How many changes of that kind of entry events tell of."""
    return sum(event["action"].startswith("model_") for event in changes(stack, kind))


def in_force_expires(stack: Stack) -> list[bool]:
    """Whether the pieces of the snapshot in force have a time to live."""
    pk = f"snapshot#{ConfigurationStore(stack.dynamodb, 'config').version(fresh=True).generation}"
    return ["expires_at" in item for item in stack.items("config") if item["pk"]["S"] == pk]


EDITS: dict[str, Callable[[int], tuple[str, str, dict[str, Any]]]] = {
    "rule": lambda n: ("PUT", "/rules/failed-logins", OTHERS["/rules/failed-logins"] | {"max_age": f"hours={n}"}),
    "silence": lambda n: ("POST", "/silences", ENTRIES["/silences/deploy"] | {"name": f"s{n}"}),
    "transport": lambda n: ("PUT", f"/transports/hook{n}", ENTRIES["/transports/hook"]),
    "preferences": lambda n: ("PUT", "/users/alice/preferences", {"time_zone": f"Etc/GMT+{n}"}),
    "settings": lambda n: ("PUT", "/blueprint", BLUEPRINT | {"settings": {"brand": f"brand-{n}"}}),
}  # fmt: skip


@pytest.mark.parametrize("kind", EDITS)
def test_an_edit_holds_and_is_told_once_whichever_answer_gets_lost(configured: Api, stack: Stack, kind: str) -> None:
    """The fault: an edit was refused for itself (409), nothing told of it, and its snapshot went after an hour."""
    for number in range(1, MOST_WRITES):
        before = told(stack, kind)

        with answer_lost(*WRITES, at=lambda call, number=number: call == number) as calls:  # type: ignore[misc]
            answer = configured(*EDITS[kind](number))

        assert answer.status in {200, 201}, (number, calls, answer.text)
        assert told(stack, kind) == before + 1, (number, calls)
        assert set(in_force_expires(stack)) == {False}, (number, calls)
        if number > len(calls):
            return
    pytest.fail("there are more writes")


def test_the_same_edit_by_two_at_once_leaves_the_snapshot_in_force(stack: Stack) -> None:
    """The fault: they have the same snapshot, and whoever was slower let it expire."""
    stores = [ConfigurationStore(stack.dynamodb, "config") for _ in range(2)]
    known, _ = (store.version(fresh=True) for store in stores)
    same = validated(Configuration, {"settings": {"brand": "same"}})
    stores[0].publish(same, replacing=known, by="first")

    with pytest.raises(Conflict):
        stores[1].publish(same, replacing=known, by="second")

    assert in_force_expires(stack) == [False]


def test_a_lock_that_is_released_once_more_stays_with_who_has_it_by_now(stack: Stack) -> None:
    """The fault: the repeat of a release took the lock of another edit, and the note of a blueprint, away."""
    now = datetime.now(UTC)
    lock, others = ConfigurationLock(clients.dynamodb(), "config"), ConfigurationLock(stack.dynamodb, "config")
    held = lock.take("me", now=now)

    def taken_meanwhile(operation: str, _: dict[str, Any]) -> bool:
        if operation != "DeleteItem" or others.note() is not None:
            return False
        others.take("somebody", now=now)
        others.leave_note({"keys": ["k"]})
        return True

    with answers_lost(taken_meanwhile):
        lock.release(held, forget=True)

    assert others.note() == {"keys": ["k"]}
    with pytest.raises(Conflict):
        lock.take("me", now=now + timedelta(seconds=LOCK_SECONDS - 1))


def test_a_lock_is_refused_to_who_comes_second_also_by_a_repeat(stack: Stack) -> None:
    now = datetime.now(UTC)
    lock, others = ConfigurationLock(clients.dynamodb(), "config"), ConfigurationLock(stack.dynamodb, "config")

    with failing(lambda _: others.take("somebody", now=now) and None, "UpdateItem"), pytest.raises(Conflict):
        lock.take("me", now=now)
