"""Functions that die anywhere between two calls: each event is told in exactly one message all the same."""

from collections import Counter
from contextlib import suppress
from datetime import timedelta

import pytest

from local.sinks import Sinks
from tests.integration.conftest import Stack
from tests.integration.handler_calls import answer_lost
from tests.integration.matching.matching_world import record
from tests.integration.telling.telling_world import Killed, TellingWorld, dying
from tocsin.deliveries.digest_store import DigestStore
from tocsin.deliveries.digests import LEASE, LOOK_AGAIN
from tocsin.events.model import Event

SEEDS = range(3)
SHARE = 0.08
"""Of calls to AWS that a function dies at: few runs come to their end."""


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> TellingWorld:
    return TellingWorld(stack, monkeypatch, sinks)


def match_until_done(telling: TellingWorld, events: list[Event]) -> None:
    """As the stream does: what was not answered for is given out again, also to another process."""
    records = [record(event, number) for number, event in enumerate(events, 1)]
    while True:
        try:
            answer = telling.matcher().stream(records)
        except Killed:
            continue
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}  # type: ignore[index,call-overload,union-attr]
        records = [each for each in records if each["dynamodb"]["SequenceNumber"] in failed]
        if not records:
            return


def a_minute(telling: TellingWorld) -> None:
    """One run of the schedule, and of the transport's function, either of which may die."""
    for work in (telling.redrive, lambda: telling.pump(telling.worker())):
        try:
            work()
        except Killed:
            continue


def nobody_dies_any_more(telling: TellingWorld, *, runs: int) -> None:
    """So many runs of the schedule, a lease apart, and those that find what was written late or not sent."""
    for _ in range(runs):
        telling.later(seconds=LEASE.total_seconds())
        a_minute(telling)
    telling.later(seconds=LOOK_AGAIN.total_seconds())
    a_minute(telling)
    telling.later(hours=1, minutes=1)  # what a death between an item and its message delays
    a_minute(telling)
    a_minute(telling)


@pytest.mark.parametrize("seed", SEEDS)
def test_each_event_is_in_exactly_one_message(telling: TellingWorld, seed: int) -> None:
    telling.say("ana", **telling.quiet())
    telling.say("bob", digest={"every": "hour"})
    events = telling.happened(16)

    with dying(telling, seed, SHARE) as died:
        for start in range(0, len(events), 4):
            match_until_done(telling, events[start : start + 4])
            telling.later(minutes=50)
            a_minute(telling)
        telling.later(hours=8)
        for _ in range(8):
            a_minute(telling)
            telling.later(minutes=2)
    nobody_dies_any_more(telling, runs=12)

    assert died
    told = {
        (item["pk"]["S"].removeprefix("event#"), item["username"]["S"]): item
        for item in telling.all()
        if "digest" not in item
    }
    assert told.keys() == {(event.id, name) for event in events for name in ("ana", "bob")}
    digests = {f"{item['listed_at']['S']}": item for item in telling.all() if "digest" in item}
    assert {item["state"]["S"] for item in told.values()} <= {"joined", "delivered"}
    assert {item["state"]["S"] for item in digests.values()} <= {"delivered"}
    joined = Counter(item["joined"]["S"] for item in told.values() if item["state"]["S"] == "joined")
    posted = {body["id"]: body for name in ("ana", "bob") for body in telling.posted(name)}
    counts = {id_: body["digest"]["count"] for id_, body in posted.items() if "digest" in body}
    assert counts == joined == {id_: joined[id_] for id_ in digests}
    singles = {item["listed_at"]["S"] for item in told.values() if item["state"]["S"] == "delivered"}
    assert {id_ for id_, body in posted.items() if "digest" not in body} == singles
    assert sum(counts.values()) + len(singles) == 2 * len(events)


@pytest.mark.parametrize("step", range(15))
def test_a_digest_that_is_cut_short_at_any_step_is_made_once(telling: TellingWorld, step: int) -> None:
    telling.say("ana", **telling.quiet())
    telling.match(*telling.happened(3))
    telling.later(hours=8, minutes=1)
    calls = 0

    def die(model: object, **_: object) -> None:
        nonlocal calls
        if str(getattr(model, "name", "")) in {"UpdateItem", "SendMessage", "SendMessageBatch", "BatchGetItem"}:
            calls += 1
            if calls == step + 1:
                raise Killed

    clients = (telling.stack.dynamodb, telling.stack.sqs)
    for client in clients:
        client.meta.events.register("before-call", die)
    with suppress(Killed):
        telling.redrive()
    for client in clients:
        client.meta.events.unregister("before-call", die)

    worker = telling.worker()
    telling.pump(worker)
    for _ in range(3):
        telling.go_on(worker, seconds=LEASE.total_seconds() + 1)
    telling.go_on(worker, hours=1, minutes=1)

    assert sum(body["digest"]["count"] for body in telling.posted("ana")) == 3
    assert {item["state"]["S"] for item in telling.all() if item["username"]["S"] == "ana"} == {"joined", "delivered"}


@pytest.mark.parametrize("write", range(1, 12))
def test_whichever_answer_gets_lost_all_that_joins_a_digest_is_told_in_it(telling: TellingWorld, write: int) -> None:
    """The fault: botocore's repeat of a join was refused for the first one, and what had joined was told to nobody."""
    telling.say("ana", **telling.quiet())
    telling.match(*telling.happened(3))
    telling.later(hours=8, minutes=1)

    with answer_lost("UpdateItem", at=lambda call: call == write):
        telling.redrive()
    telling.pump(telling.worker())

    assert [body["digest"]["count"] for body in telling.posted("ana")] == [3]


def test_what_an_index_shows_late_is_in_the_next_digest(telling: TellingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """A global index is eventually consistent: what waits may be shown there after its digest was made."""
    telling.say("ana", **telling.quiet())
    telling.match(*telling.happened(3))
    waiting = DigestStore.waiting
    worker = telling.worker()

    with monkeypatch.context() as late:
        late.setattr(DigestStore, "waiting", lambda *given, **named: waiting(*given, **named)[:1])
        late.setattr(DigestStore, "next_due", lambda *_: None)
        telling.go_on(worker, hours=8, minutes=1)
    first = [body["digest"]["count"] for body in telling.posted("ana")]
    telling.go_on(worker, seconds=LOOK_AGAIN.total_seconds() + 1)

    assert first == [1]
    assert [body["digest"]["count"] for body in telling.posted("ana")] == [1, 2]


def test_a_head_is_not_forgotten_while_somebody_may_wait_for_it(telling: TellingWorld) -> None:
    """The index does not show yet what waits, but the head says that somebody asked a moment ago."""
    telling.say("ana", **telling.quiet())
    (event,) = telling.happened(1)
    telling.match(event)
    telling.later(hours=8, minutes=1)
    (head,) = telling.heads()
    asked = telling.now - timedelta(minutes=1)
    telling.stack.dynamodb.update_item(
        TableName="deliveries",
        Key={"pk": head["pk"], "sk": head["sk"]},
        UpdateExpression="SET asked_at = :asked",
        ExpressionAttributeValues={":asked": {"N": str(asked.timestamp())}},
    )
    key = {"pk": {"S": f"event#{event.id}"}, "sk": {"S": f"delivery#{telling.story(event)['ana']['id'][-16:]}"}}
    telling.stack.dynamodb.update_item(
        TableName="deliveries", Key=key, UpdateExpression="REMOVE due_shard"
    )  # as an index that does not show it

    telling.redrive()

    assert len(telling.heads()) == 1
