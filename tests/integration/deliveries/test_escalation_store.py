"""Matters that may escalate: when one begins and is over, whose acknowledgement holds, and what is due."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.handler_calls import answer_lost
from tocsin.aws.errors import ConditionFailed
from tocsin.deliveries.escalation_store import ESCALATION_SHARDS, EscalationStore
from tocsin.deliveries.matters import Matter
from tocsin.errors import NotFound, Unavailable
from tocsin.ids import new_id

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEASE = timedelta(seconds=90)
WEEK = timedelta(days=7)


class Matters:
    """The matter `a` of rule `down#hosts`, as events and people change it. `at` are minutes since START."""

    def __init__(self, stack: Stack) -> None:
        self.store = EscalationStore(stack.dynamodb, "deliveries")
        self._stack = stack

    def event(self, at: float) -> str:
        return new_id(START + timedelta(minutes=at))

    def begin(self, event_id: str, at: float, *, goes_on: int | None = 60) -> None:
        now = START + timedelta(minutes=at)
        self.store.begin(
            "down#hosts",
            "a",
            event_id,
            steps=2,
            due=now + timedelta(minutes=15),
            now=now,
            keep=WEEK,
            goes_on=None if goes_on is None else timedelta(minutes=goes_on),
        )

    def began(self) -> list[str]:
        """The event that began the matter, if there is one."""
        matter = self.get()
        return [] if matter is None else [matter.event_id]

    def get(self, at: float = 0) -> Matter | None:
        return self.store.get("down#hosts", "a", now=START + timedelta(minutes=at))

    def due(self, at: float) -> list[tuple[str, str, str]]:
        now = START + timedelta(minutes=at)
        return [
            (each.rule, each.about, each.due_at)
            for shard in range(ESCALATION_SHARDS)
            for each in self.store.due(shard, now=now, limit=10)
        ]

    def claim(self, at: float) -> Matter | None:
        """Claim what is due, tell nobody, and go on to the next step, 30 minutes after the beginning."""
        now = START + timedelta(minutes=at)
        for shard in range(ESCALATION_SHARDS):
            for due in self.store.due(shard, now=now, limit=10):
                claimed = self.store.claim(due, now=now, lease=LEASE)
                if claimed is not None:
                    following = claimed.matter.began + timedelta(minutes=30) if claimed.matter.step == 0 else None
                    self.store.advance(claimed, claimed.matter.step + 1, following)
                    return claimed.matter
        return None


@pytest.fixture
def matters(stack: Stack) -> Matters:
    return Matters(stack)


@pytest.mark.parametrize("goes_on", [60, None], ids=["of several events", "of one event"])
def test_the_event_that_began_a_matter_changes_nothing_when_it_is_matched_again(
    matters: Matters, goes_on: int | None
) -> None:
    began = matters.event(0)

    matters.begin(began, 0, goes_on=goes_on)
    first = matters.get()
    matters.begin(began, 5, goes_on=goes_on)
    matters.begin(began, 90, goes_on=goes_on)

    assert first == matters.get()
    opened = START + timedelta(minutes=goes_on or 0)
    assert first == Matter("down#hosts", "a", began, START, START, opened, 0, 2, None, None, follows="")


def test_a_matter_goes_on_while_its_events_are_close_together(matters: Matters) -> None:
    ids = [matters.event(at) for at in (0, 50, 100, 161)]
    for event_id, at in zip(ids, (0, 50, 100), strict=False):
        matters.begin(event_id, at)

    together = matters.began()
    matters.begin(ids[3], 161)
    matters.begin(ids[1], 300)

    assert (together, matters.began()) == ([ids[0]], [ids[3]])


def test_an_end_stops_the_steps_and_the_next_event_begins_anew(matters: Matters) -> None:
    first, end, second = (matters.event(at) for at in (0, 5, 6))
    matters.begin(first, 0)
    matters.store.acknowledge("down#hosts", "a", by="ana", via="inbox", now=START)

    ends = [matters.store.end("down#hosts", "a", end, now=START) for _ in range(2)]
    matters.begin(first, 7)
    over = matters.get()
    matters.begin(second, 8)

    assert ends == [True, True]
    assert over is not None and (over.event_id, over.ended, over.is_open) == (first, end, False)
    again = matters.get()
    assert again is not None and (again.event_id, again.ended, again.acknowledgement) == (second, None, None)
    assert matters.store.end("down#hosts", "a", end, now=START) is False
    assert [each[2] for each in matters.due(30)] == [str((START + timedelta(minutes=23)).timestamp())]


def test_an_end_is_not_of_an_event_that_came_after_it(matters: Matters) -> None:
    first, end, later = (matters.event(at) for at in (0, 5, 6))
    matters.begin(first, 0)
    matters.begin(later, 6)

    ended = matters.store.end("down#hosts", "a", end, now=START)

    assert (ended, len(matters.due(30))) == (False, 1)


def test_the_first_acknowledgement_holds_and_stops_the_steps(matters: Matters) -> None:
    matters.begin(matters.event(0), 0)

    said = [
        matters.store.acknowledge("down#hosts", "a", by=by, via=via, now=START + timedelta(minutes=at))
        for by, via, at in (("ana", "link", 1), ("bob", "inbox", 2))
    ]

    assert [(each.by, each.via, each.at, each.first) for each in said] == [
        ("ana", "link", START + timedelta(minutes=1), True),
        ("ana", "link", START + timedelta(minutes=1), False),
    ]
    matter = matters.get()
    assert matter is not None and matter.acknowledgement == said[1]
    assert matters.due(60) == []


def test_what_is_acknowledged_stays_so_while_it_goes_on(matters: Matters) -> None:
    matters.begin(matters.event(0), 0)
    matters.store.acknowledge("down#hosts", "a", by="ana", via="link", now=START)

    matters.begin(matters.event(30), 30)
    going_on = matters.get()
    matters.begin(matters.event(120), 120)

    assert going_on is not None and going_on.acknowledgement is not None
    assert len(matters.due(150)) == 1


def test_what_is_not_there_or_has_expired_can_not_be_acknowledged(matters: Matters) -> None:
    def acknowledge(about: str, now: datetime) -> None:
        matters.store.acknowledge("down#hosts", about, by="ana", via="api", now=now)

    matters.begin(matters.event(0), 0)

    with pytest.raises(NotFound):
        acknowledge("b", START)
    with pytest.raises(NotFound):
        acknowledge("a", START + WEEK)
    assert matters.get(WEEK.total_seconds() / 60) is None


def test_each_step_is_claimed_once_and_after_the_last_none_is_due(matters: Matters) -> None:
    matters.begin(matters.event(0), 0)

    early, first, again, second, none = (matters.claim(at) for at in (14.9, 15, 15.1, 30, 1000))

    assert (early, again, none) == (None, None, None)
    assert first is not None and second is not None
    assert [each.step for each in (first, second)] == [0, 1]


def test_no_more_matters_are_due_than_are_asked_for_and_the_longest_due_come_first(matters: Matters) -> None:
    names = "a", "c", "h"  # of one shard
    for at, about in enumerate(names):
        now = START + timedelta(minutes=at)
        matters.store.begin("down", about, matters.event(at), steps=1, due=now, now=now, keep=WEEK)

    due = [matters.store.due(shard, now=START + WEEK, limit=2) for shard in range(ESCALATION_SHARDS)]

    assert [[each.about for each in of_shard] for of_shard in due if of_shard] == [["a", "c"]]


def test_a_step_whose_function_died_is_due_again_after_its_lease(matters: Matters) -> None:
    matters.begin(matters.event(0), 0)
    now = START + timedelta(minutes=15)
    (due,) = [each for shard in range(ESCALATION_SHARDS) for each in matters.store.due(shard, now=now, limit=1)]

    taken = matters.store.claim(due, now=now, lease=LEASE)
    second = matters.store.claim(due, now=now, lease=LEASE)

    assert taken is not None and taken.matter.step == 0 and second is None
    again = matters.claim(15 + LEASE.total_seconds() / 60)
    assert again is not None and again.step == 0
    matters.store.advance(taken, 2, None)
    assert len(matters.due(30)) == 1


def test_what_is_acknowledged_while_a_step_is_told_is_not_due_again(matters: Matters) -> None:
    matters.begin(matters.event(0), 0)
    now = START + timedelta(minutes=15)
    (due,) = [each for shard in range(ESCALATION_SHARDS) for each in matters.store.due(shard, now=now, limit=1)]
    taken = matters.store.claim(due, now=now, lease=LEASE)
    assert taken is not None

    matters.store.acknowledge("down#hosts", "a", by="ana", via="api", now=now)
    matters.store.advance(taken, 1, now)

    assert matters.due(1000) == []


@pytest.mark.parametrize("goes_on", [60, None], ids=["of several events", "of one event"])
def test_a_beginning_that_is_matched_after_its_end_begins_nothing(matters: Matters, goes_on: int | None) -> None:
    began, ended, later = (matters.event(at) for at in (0, 1, 3))

    ends = [matters.store.end("down#hosts", "a", ended, now=START + timedelta(minutes=at)) for at in (1, 1)]
    matters.begin(began, 2, goes_on=goes_on)
    too_late = (matters.began(), matters.due(1000))
    matters.begin(later, 3, goes_on=goes_on)

    assert ends == [True, True]
    assert too_late == ([], [])
    assert matters.began() == [later]
    assert len(matters.due(18)) == 1


def test_a_beginning_between_two_ends_that_was_matched_after_both_begins_nothing(matters: Matters) -> None:
    first, first_end, second, second_end = (matters.event(at) for at in (0, 1, 2, 3))
    matters.begin(first, 0)
    for end in (first_end, second_end):
        matters.store.end("down#hosts", "a", end, now=START)

    matters.begin(second, 4)

    assert matters.began() == [first]
    assert matters.due(1000) == []


def test_an_end_without_a_beginning_is_no_matter_that_could_be_acknowledged(matters: Matters) -> None:
    matters.store.end("down#hosts", "a", matters.event(1), now=START)

    found = matters.store.get_many([("down#hosts", "a")], now=START)

    assert (matters.get(), found) == (None, {})
    with pytest.raises(NotFound):
        matters.store.acknowledge("down#hosts", "a", by="ana", via="api", now=START)


def test_an_end_costs_one_write_and_a_beginning_after_it_one(matters: Matters, stack: Stack) -> None:
    calls: list[str] = []

    def count(model: Any, **_: Any) -> None:
        calls.append(model.name)

    stack.dynamodb.meta.events.register("before-call.dynamodb", count)
    matters.store.end("down#hosts", "a", matters.event(1), now=START)
    matters.begin(matters.event(0), 2)
    stack.dynamodb.meta.events.unregister("before-call.dynamodb", count)

    assert calls == ["UpdateItem", "UpdateItem"]


@pytest.mark.parametrize("days", [0.5, 1.5, 3])
def test_each_end_without_a_beginning_is_kept_for_a_day_and_not_as_long_as_the_first(
    matters: Matters, stack: Stack, days: float
) -> None:
    matters.store.end("down#hosts", "a", matters.event(1), now=START)
    now = START + timedelta(days=days)

    for _ in range(2):
        matters.store.end("down#hosts", "a", new_id(now), now=now)

    (item,) = stack.dynamodb.scan(TableName="deliveries")["Items"]
    left = int(item["expires_at"]["N"]) - now.timestamp()
    assert timedelta(days=1).total_seconds() <= left <= timedelta(days=2).total_seconds()


@pytest.mark.parametrize("how", ["acknowledged", "ended", "begun anew", "an earlier step is to come"])
def test_a_step_is_held_of_a_matter_that_goes_on_alone(matters: Matters, how: str) -> None:
    matters.begin(matters.event(0), 0)
    matter = matters.claim(15)
    assert matter is not None
    if how == "acknowledged":
        matters.store.acknowledge("down#hosts", "a", by="ana", via="api", now=START)
    elif how == "ended":
        matters.store.end("down#hosts", "a", matters.event(16), now=START)
    elif how == "begun anew":
        matters.begin(matters.event(120), 120)
    step = 2 if how == "an earlier step is to come" else 0
    due = START + timedelta(minutes=20)

    assert not matters.store.hold(matter, step, due, counted_from=START + timedelta(minutes=5), keep=WEEK)


@pytest.mark.parametrize("how", ["acknowledged", "ended", "begun anew", "another event came", "nothing"])
def test_the_steps_of_a_matter_that_is_over_alone_are_given_up(matters: Matters, how: str) -> None:
    matters.begin(matters.event(0), 0)
    matter, now = matters.get(), START + timedelta(minutes=60)
    assert matter is not None
    if how == "acknowledged":
        matters.store.acknowledge("down#hosts", "a", by="ana", via="api", now=START)
    elif how == "ended":
        matters.store.end("down#hosts", "a", matters.event(16), now=START)
    elif how == "begun anew":
        matters.begin(matters.event(61), 61)
    elif how == "another event came":
        matters.begin(matters.event(59), 59)

    stopped = matters.store.stop(matter, now=now)

    assert stopped == (how == "nothing")
    assert len(matters.due(1000)) == (how in {"begun anew", "another event came"})


def test_a_matter_that_others_keep_changing_is_begun_by_the_next_try(
    matters: Matters, monkeypatch: pytest.MonkeyPatch
) -> None:
    matters.begin(matters.event(0), 0)
    later, seen = matters.event(120), {"event_id": {"S": "x"}, "last_event": {"S": "0"}, "open_until": {"N": "0"}}

    def refuse(*_: object, **__: object) -> None:
        raise ConditionFailed(seen)

    with monkeypatch.context() as busy:
        busy.setattr(EscalationStore, "_set", refuse)
        with pytest.raises(Unavailable, match="changing too fast"):
            matters.begin(later, 120)
    matters.begin(later, 120)

    assert matters.began() == [later]


def test_who_acknowledges_is_the_first_though_the_answer_got_lost(matters: Matters) -> None:
    """The fault: open inboxes, and the log, were not told who acknowledged."""
    matters.begin(matters.event(0), 0)

    with answer_lost("UpdateItem"):
        done = matters.store.acknowledge("down#hosts", "a", by="ana", via="link", now=START)

    assert done.first


def test_a_step_is_handed_on_at_once_though_the_answer_got_lost(matters: Matters) -> None:
    matters.begin(matters.event(0), 0)
    now = START + timedelta(minutes=16)
    (due,) = [each for shard in range(ESCALATION_SHARDS) for each in matters.store.due(shard, now=now, limit=10)]

    with answer_lost("UpdateItem"):
        claimed = matters.store.claim(due, now=now, lease=LEASE)

    assert claimed is not None


def test_an_event_belongs_to_the_matter_while_that_goes_on_and_begins_one_afterwards(matters: Matters) -> None:
    first, second, late = matters.event(0), matters.event(50), matters.event(111)

    began = []
    for event, at in ((first, 0), (second, 50), (late, 111)):
        matters.begin(event, at)
        began += matters.began()

    assert began == [first, first, late]


def test_a_step_that_is_held_keeps_its_matter_as_long_from_then_on(matters: Matters) -> None:
    matters.begin(matters.event(0), 0)
    matter = matters.get()
    assert matter is not None
    due = START + timedelta(days=6)

    matters.store.hold(matter, 0, due, counted_from=due - timedelta(minutes=15), keep=WEEK)

    ends = (due + WEEK - START) / timedelta(minutes=1)
    assert [matters.get(at) is not None for at in (ends - 1, ends + 1)] == [True, False]


def test_the_next_step_is_due_when_it_was_said_to_be_and_not_before(matters: Matters) -> None:
    matters.begin(matters.event(0), 0)

    assert matters.claim(15) is not None

    assert [len(matters.due(at)) for at in (29.9, 30)] == [0, 1]
