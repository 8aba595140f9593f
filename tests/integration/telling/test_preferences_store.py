"""What is read of people's preferences: nothing of those who say nothing, the rest once in a while."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.clocks import Clock
from tests.integration.conftest import Stack
from tests.integration.handler_calls import heard
from tocsin.aws.dynamodb import text
from tocsin.errors import Conflict
from tocsin.telling.preferences import NOTHING_SAID, Preferences
from tocsin.telling.preferences_store import MARKS, PreferencesStore

DE = Preferences(locale="de")
HOLD = timedelta(seconds=4)
CROWD = [f"person-{number}" for number in range(100)]


@pytest.fixture
def clock() -> Clock[datetime]:
    return Clock(datetime(2026, 6, 10, 12, tzinfo=UTC))


@pytest.fixture
def store(stack: Stack, clock: Clock[datetime]) -> PreferencesStore:
    return PreferencesStore(stack.dynamodb, "config", hold=HOLD, clock=clock)


@contextmanager
def requests(stack: Stack) -> Iterator[Counter[str]]:
    """Counts the requests to DynamoDB by operation, and the keys of batches as `keys`."""
    counted: Counter[str] = Counter()

    def count(model: Any, params: Any, **_: Any) -> None:
        counted[model.name] += 1
        if model.name == "BatchGetItem":
            counted["keys"] += str(params["body"]).count('"sk"')

    with heard(stack.dynamodb, "before-call.dynamodb", count):
        yield counted


def say(stack: Stack, username: str, said: Preferences = DE) -> None:
    PreferencesStore(stack.dynamodb, "config").change(username, lambda _: said)


def test_of_people_who_say_nothing_only_the_marks_are_read_once_in_a_while(
    stack: Stack, store: PreferencesStore, clock: Clock
) -> None:
    with requests(stack) as counted:
        for _ in range(3):
            assert store.wishes(CROWD, NOTHING_SAID) == {}
        for other in range(50):
            store.wishes([f"other-{other}"], NOTHING_SAID)

    assert counted == {"BatchGetItem": 1, "keys": 1}


def test_of_a_crowd_only_those_are_read_who_may_have_said_something(stack: Stack, store: PreferencesStore) -> None:
    say(stack, "person-7")

    with requests(stack) as counted:
        found = store.wishes(CROWD, NOTHING_SAID)

    assert {name: wishes.locale for name, wishes in found.items()} == {"person-7": "de"}
    assert counted["BatchGetItem"] == 2
    assert counted["keys"] <= 2 + 3  # the marks, that person, and who happens to have the same mark


def test_a_crowd_that_says_something_is_read_at_once(stack: Stack, store: PreferencesStore) -> None:
    for name in CROWD:
        say(stack, name)

    with requests(stack) as counted:
        assert len(store.wishes(CROWD, NOTHING_SAID)) == 100
        assert len(store.wishes(CROWD, NOTHING_SAID)) == 100

    assert counted == {"BatchGetItem": 2, "keys": 101}


def test_a_change_is_in_force_when_what_was_read_is_too_old(
    stack: Stack, store: PreferencesStore, clock: Clock
) -> None:
    assert store.wishes(["ana"], NOTHING_SAID) == {}
    say(stack, "ana")
    assert store.wishes(["ana"], NOTHING_SAID) == {}

    clock.now += HOLD

    assert store.wishes(["ana"], NOTHING_SAID)["ana"].locale == "de"


def test_defaults_hold_for_who_says_nothing(store: PreferencesStore) -> None:
    assert store.wishes(["ana", "bob"], DE).keys() == {"ana", "bob"}


def test_who_says_nothing_any_more_is_nobody_in_particular(stack: Stack, store: PreferencesStore) -> None:
    say(stack, "ana")
    say(stack, "ana", NOTHING_SAID)

    assert store.wishes(["ana"], NOTHING_SAID) == {}


def test_what_another_version_wrote_says_nothing(stack: Stack, store: PreferencesStore) -> None:
    say(stack, "ana")
    for said in ('{"wishes": 3}', "not JSON"):
        key = {"pk": text("preferences"), "sk": text("ana")}
        stack.dynamodb.put_item(TableName="config", Item=key | {"said": text(said)})

        assert PreferencesStore(stack.dynamodb, "config").wishes(["ana"], NOTHING_SAID) == {}
        assert store.said("ana") is NOTHING_SAID


def test_of_two_who_change_at_once_the_second_changes_what_the_first_said(
    stack: Stack, store: PreferencesStore
) -> None:
    crossed: list[str] = []

    def slow(before: Preferences) -> Preferences:
        if not crossed:
            say(stack, "ana", Preferences(time_zone="Europe/Berlin"))
        crossed.append(before.time_zone or "")
        return replace(before, locale="de")

    store.change("ana", slow)

    assert crossed == ["", "Europe/Berlin"]
    assert store.said("ana").to_json() == {"time_zone": "Europe/Berlin", "locale": "de"}


def test_who_is_crossed_again_and_again_is_told_so(stack: Stack, store: PreferencesStore) -> None:
    counts = iter(range(100))

    def crossed(before: Preferences) -> Preferences:
        say(stack, "ana", Preferences(time_zone=f"Etc/GMT-{next(counts)}"))
        return DE

    with pytest.raises(Conflict, match="changed by somebody else"):
        store.change("ana", crossed)


def test_a_mark_is_set_before_what_it_is_for(
    stack: Stack, store: PreferencesStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a function that died in between would leave preferences that nobody reads."""
    seen: list[str] = []

    with heard(stack.dynamodb, "before-call.dynamodb", lambda model, **_: seen.append(model.name)):
        say(stack, "ana")

    assert seen.index("UpdateItem") < seen.index("TransactWriteItems")


def test_forgetting_writes_nothing_of_who_said_nothing(stack: Stack, store: PreferencesStore) -> None:
    say(stack, "ana")

    with requests(stack) as counted:
        store.forget(CROWD)
    store.forget(["ana", *CROWD])

    assert counted["BatchWriteItem"] == 0
    assert store.said("ana") is NOTHING_SAID


def test_marks_fit_an_item_and_a_few_reads() -> None:
    assert sum(len(str(mark)) + 1 for mark in range(MARKS)) < 24_000
