"""The rules of a stack that was never configured, in a storm of what they are about."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import event, match, set_clock
from tocsin.config.defaults import DEFAULT
from tocsin.events.model import Cause
from tocsin.identity.directory import Group, User
from tocsin.identity.store import PeopleStore


def test_many_failures_at_once_are_told_ten_times_an_hour_and_action(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, datetime.now(UTC).replace(minute=30))  # no window ends meanwhile
    PeopleStore(stack.dynamodb, "config").write(users=[User("root")], members=[(Group("admins"), "root")])
    cause = Cause(None, None, 1)
    failures = [event(action="policy_exception", app="tocsin", cause=cause) for _ in range(15)]
    other = event(action="system_exception", app="tocsin", cause=cause)

    match(stack, *failures, other)

    for queue in ("Inbox", "Email"):
        counted = Counter(message["event"]["action"] for message in stack.messages(queue))
        assert counted == {"policy_exception": 10, "system_exception": 1}


def test_every_rule_of_a_new_stack_has_a_throttle() -> None:
    assert {rule.name for rule in DEFAULT.rules if rule.throttle is None} == set()
