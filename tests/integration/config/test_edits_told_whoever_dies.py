"""Edits by a function that dies at each of its calls: what holds is told by one event, and what does not by none."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.integration.config.entries import ENTRIES, OTHERS
from tests.integration.config.test_blueprint_crashes import let_the_lock_expire
from tests.integration.conftest import Stack
from tests.integration.handler_calls import WRITES, Answer, Killed, everything, failing, functions_clients, throttled

pytestmark = pytest.mark.usefixtures("impatient", "forgetful")

MOST_CALLS = 40


@contextmanager
def dying(number: int, *, done: bool) -> Iterator[list[str]]:
    """Within, the function dies at its call of that number, from 1: right before DynamoDB does it, or right after.

    No call is made from then on.
    """
    calls: list[str] = []

    def before(model: Any, **_: Any) -> None:
        calls.append(model.name)
        if len(calls) > number or (len(calls) == number and not done):
            raise Killed

    def after(**_: Any) -> None:
        if len(calls) == number and done:
            raise Killed

    clients = functions_clients("dynamodb")
    for client in clients:
        client.meta.events.register_first("before-call.dynamodb", before)
        client.meta.events.register_first("after-call.dynamodb", after)
    try:
        yield calls
    finally:
        for client in clients:
            client.meta.events.unregister("before-call.dynamodb", before)
            client.meta.events.unregister("after-call.dynamodb", after)


def told(stack: Stack) -> Counter[tuple[str, str]]:
    """(action, message) of each event of a change, with how many there are."""
    return Counter((event["action"], event["context"]["message"]) for event in stack.events())


def configured_items(stack: Stack) -> list[str]:
    """All that is configured, as it is stored; not what a dead function leaves, which nobody sees."""
    seen = ("user", "key", "member#", "preferences")
    kept = [item for item in stack.items("config") if item["pk"]["S"].startswith(seen) and "expires_at" not in item]
    (version, *_) = [i["generation"]["S"] for i in stack.items("config") if i["sk"]["S"] == "current"] or [""]
    unseen = ("user-pk", "key-use", "preferences-marks")
    return [version, *sorted(str(sorted(item.items())) for item in kept if item["pk"]["S"] not in unseen)]


EDITS: dict[str, tuple[str, str, Any]] = {
    **{f"change {path}": ("PUT", path, entry) for path, entry in OTHERS.items()},
    "create a user": ("PUT", "/users/bea", {"email": "bea@example.com", "pk": "7"}),
    "create a rule": ("PUT", "/rules/new", {"transports": ["hook"]}),
    "create a transport": ("PUT", "/transports/new", {"mode": "webhook", "url": "http://127.0.0.1:9/new"}),
    "create a key": ("POST", "/keys", {"name": "new", "scopes": ["events:write"]}),
    "create a silence": ("POST", "/silences", ENTRIES["/silences/deploy"] | {"name": "new"}),
    "change the settings": ("PUT", "/settings", {"brand": "acme"}),
    "change preferences": ("PUT", "/users/alice/preferences", {"time_zone": "Europe/Berlin"}),
    "rotate a key": ("POST", "/keys/shop/rotate", None),
    "add a member": ("PUT", "/groups/oncall/members/bob", None),
    "remove a member": ("DELETE", "/groups/oncall/members/alice", None),
    "delete a user": ("DELETE", "/users/alice", None),
    "delete a rule": ("DELETE", "/rules/failed-logins", None),
    "delete a mapping": ("DELETE", "/mappings/unused", None),
    "delete a group": ("DELETE", "/groups/unused", None),
    "delete a transport": ("DELETE", "/transports/unused", None),
    "delete a key": ("DELETE", "/keys/shop", None),
    "end a silence": ("DELETE", "/silences/deploy", None),
}


@pytest.fixture
def ready(configured: Api) -> Api:
    """What EDITS take for granted."""
    for path, entry in {
        "/users/bob": {},
        "/mappings/unused": ENTRIES["/mappings/brief"],
        "/groups/unused": {},
        "/transports/unused": OTHERS["/transports/hook"],
    }.items():
        assert configured("PUT", path, entry).status == 201
    return configured


@pytest.mark.parametrize("done", [False, True], ids=["before it is done", "after it is done"])
@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_told_if_and_only_if_it_holds_whichever_call_its_function_dies_at(
    ready: Api, stack: Stack, edit: str, done: bool, subtests: pytest.Subtests
) -> None:
    """The fault: a function that died between the change and its event left a change that no event told of."""
    items, before, known = stack.items("config"), configured_items(stack), told(stack)
    assert ready(*EDITS[edit]).status in {200, 201}
    whole = told(stack) - known
    assert whole
    outcomes = set()

    for number in range(1, MOST_CALLS):
        stack.put_back("config", items)
        known = told(stack)
        with dying(number, done=done) as calls, suppress(Killed):
            ready(*EDITS[edit])
        if len(calls) < number:
            break
        with subtests.test(f"{calls[number - 1]}, call {number}"):
            holds = configured_items(stack) != before
            outcomes.add(holds)
            assert told(stack) - known == (whole if holds else Counter())

            let_the_lock_expire(stack)
            again = Api.of(stack)(*EDITS[edit])

            assert again.status in {200, 201} or holds, again.text
            # Rotating is a change each time, by whomever.
            more = whole if edit == "rotate a key" and holds else Counter()
            assert told(stack) - known == whole + more
    assert outcomes == {False, True}


def test_an_edit_makes_no_call_for_its_event_and_stores_it_with_the_change(ready: Api, stack: Stack) -> None:
    with failing(lambda _: None, *WRITES) as calls:
        ready("PUT", "/users/carl", {})
    with failing(lambda _: None, *WRITES, table="events") as about_events:
        ready("PUT", "/rules/new", {"transports": ["hook"]})

    assert calls == ["UpdateItem", "TransactWriteItems", "UpdateItem"]  # the lock, the change, the lock
    assert about_events == ["TransactWriteItems"]


def test_a_person_whose_event_can_not_be_stored_is_not_made(ready: Api, stack: Stack) -> None:
    before = everything(stack)["events"], configured_items(stack)

    with failing(throttled("InternalServerError", 500), table="events"):
        answer = ready("PUT", "/users/carl", {})

    assert answer.is_problem(503)
    assert (everything(stack)["events"], configured_items(stack)) == before
    assert ready("PUT", "/users/carl", {}).status == 201


def test_an_event_is_of_the_time_of_its_edit_and_says_who_and_what(ready: Api, stack: Stack) -> None:
    known = {event["id"] for event in stack.events()}

    ready("PUT", "/users/alice", {"email": "new@example.com"}, facts=ready.facts | {"user": "bob"})

    (event,) = [event for event in stack.events() if event["id"] not in known]
    assert event["user"] == {"username": "bob"}
    assert event["context"] == {
        "message": "ops changed user alice",
        "model": {"app": "tocsin", "model_name": "user", "pk": "alice", "name": "alice"},
        "by": "ops",
        "by_id": "0123456789abcdef",
        "diff": {"email": {"from": "alice@example.com", "to": "new@example.com"}},
    }


def test_editors_at_once_are_told_once_each(ready: Api, stack: Stack) -> None:
    edits: list[Callable[[Api, str], Answer]] = [
        lambda api, name: api("PUT", f"/rules/{name}", {"transports": ["hook"]}),
        lambda api, name: api("PUT", f"/users/{name}", {}),
        lambda api, name: api("POST", "/silences", ENTRIES["/silences/deploy"] | {"name": name}),
    ]
    known, refused = told(stack), list[str]()

    def run(editor: int) -> None:
        api = Api.of(stack, key_name=f"editor-{editor}")
        for number in range(4):
            answer = edits[editor % 3](api, f"e{editor}-{number}")
            while answer.status == 409:  # not its turn within the time that an edit waits
                answer = edits[editor % 3](api, f"e{editor}-{number}")
            if answer.status != 201:
                refused.append(answer.text)

    threads = [Thread(target=run, args=(editor,)) for editor in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    new = told(stack) - known
    assert refused == []
    assert len(new) == 16
    assert set(new.values()) == {1}
