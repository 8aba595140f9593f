"""A group of 100,000 members, each told once, in pages that the matcher hands on to itself."""

from collections import Counter
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.test_matcher import INBOX, configure, event, match, rule, store, told, work
from tocsin.directory import User
from tocsin.recipients import PAGE, PAGES_AT_ONCE

MEMBERS = 6_000


@pytest.mark.exhaustive
def test_each_of_a_hundred_thousand_members_is_told_once(stack: Stack) -> None:
    people = [User(f"member-{number:06d}") for number in range(MEMBERS)]
    configure(
        stack,
        users=people,
        members={"oncall": [user.username for user in people]},
        transports=[INBOX],
        rules=[rule(transports=["inbox"])],
    )
    about = event()
    store(stack, about)
    counted: Counter[str] = Counter()

    match(stack, about)
    rounds = [told_now(stack, counted)]
    while more := stack.messages("Match"):
        records = [work(body, f"m{number}") for number, body in enumerate(more)]
        assert stack.call("matcher", {"Records": records}) == {"batchItemFailures": []}
        rounds.append(told_now(stack, counted))

    assert len(counted) == MEMBERS
    assert set(counted.values()) == {1}
    assert max(rounds) == PAGE * PAGES_AT_ONCE
    assert len(rounds) == -(-MEMBERS // (PAGE * PAGES_AT_ONCE))


def told_now(stack: Stack, counted: Counter[str]) -> int:
    """Take the messages that wait for the inbox, and count whom they are for; how many they are."""
    waiting: list[dict[str, Any]] = stack.messages("Inbox")
    counted.update(told(waiting))
    return len(waiting)
