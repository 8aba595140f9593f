"""What a rule tells together: one message of a group, then at most one in each of its intervals."""

from datetime import timedelta
from typing import Any

import pytest

from local.sinks import Sinks
from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import record
from tests.integration.telling.telling_world import TellingWorld
from tocsin.deliveries.digests import LOOK_AGAIN
from tocsin.events.model import Event
from tocsin.telling.decision import MAX_VALUE
from tocsin.times import iso

GROUP = {"by": ["context.host"], "wait": "minutes=1", "interval": "minutes=30"}


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> TellingWorld:
    world = TellingWorld(stack, monkeypatch, sinks)
    world.rules(group=GROUP)
    return world


def of_host(telling: TellingWorld, number: int, host: str = "web-1") -> list[Event]:
    """Events of one group."""
    return [
        telling.event(action="custom_refund", context={"message": f"refund {position}", "host": host})
        for position in range(number)
    ]


def counts(telling: TellingWorld, username: str | None = "ana") -> list[int]:
    """How many events each message told of, in their order."""
    return [body["digest"]["count"] for body in telling.posted(username)]


def test_what_comes_together_is_told_together_once(telling: TellingWorld) -> None:
    events, worker = of_host(telling, 7), telling.worker()

    telling.match(*events)
    telling.go_on(worker, seconds=30)
    before = telling.posted("ana")
    telling.go_on(worker, minutes=1)

    assert before == []
    (told,) = telling.posted("ana")
    assert told["body"].splitlines()[0] == "What came together: 7 warnings."
    assert told["body"].splitlines()[-1] == "and 2 more"
    assert (told["digest"]["cause"], told["digest"]["count"]) == ("group", 7)
    assert told["digest"]["group"] == {"context.host": "web-1"}
    assert told["digest"]["actions"] == {"custom_refund": 7}
    assert [each["event_id"] for each in told["digest"]["first"]] == [event.id for event in events[:5]]
    assert told["digest"]["links"]["events"] == f"/events?since={iso(events[0].created)}"
    assert telling.states() == {"joined": 14, "delivered": 2}


def test_who_muted_a_rule_that_cannot_be_muted_is_told_its_groups_as_the_others_are(telling: TellingWorld) -> None:
    """The fault: each minute had a message of its own for them, without what tells one matter from others."""
    telling.rules(group=GROUP, can_be_muted=False)
    telling.say("ana", rules={"refunds": {"muted": True}})
    worker = telling.worker()
    for _ in range(4):
        telling.match(*of_host(telling, 1))
        telling.go_on(worker, minutes=2)
    telling.go_on(worker, minutes=30)

    ana, bob = (
        [(body["digest"]["count"], body.get("about")) for body in telling.posted(who)] for who in ("ana", "bob")
    )
    assert ana == bob
    assert [count for count, _ in ana] == [1, 3]


def test_a_head_that_is_gone_is_missed_also_where_the_clock_was_set_back(telling: TellingWorld) -> None:
    matcher, key = telling.matcher(), {"pk", "sk"}
    matcher.stream([record(*of_host(telling, 1))])
    for head in telling.heads():
        item = {name: value for name, value in head.items() if name in key}
        telling.stack.dynamodb.delete_item(TableName="deliveries", Key=item)
    telling.later(hours=-1)

    matcher.stream([record(*of_host(telling, 1))])

    assert len(telling.heads()) == 2


def test_what_comes_later_waits_for_the_interval_and_after_a_quiet_time_only_for_others(telling: TellingWorld) -> None:
    worker = telling.worker()
    telling.match(*of_host(telling, 2))
    telling.go_on(worker, minutes=1)

    telling.match(*of_host(telling, 3))
    telling.go_on(worker, minutes=29)
    within = counts(telling)
    telling.go_on(worker, minutes=1)
    after = counts(telling)
    telling.go_on(worker, minutes=30)
    telling.match(*of_host(telling, 4))
    telling.go_on(worker, minutes=1)

    assert (within, after, counts(telling)) == ([2], [2, 3], [2, 3, 4])


def test_each_group_person_and_transport_has_messages_of_its_own(telling: TellingWorld) -> None:
    telling.rules(group=GROUP, transports=["hook", "inbox"])
    events = [event for host in ("web-1", "web-2", "web-3") for event in of_host(telling, 4, host)]

    telling.match(*events)
    telling.later(minutes=1)
    telling.redrive()

    made = [item for item in telling.all() if "digest" in item]
    assert len(made) == 3 * 2 * 2
    assert telling.states() == {"joined": 12 * 2 * 2, "queued": 12}


def test_all_that_a_rule_tells_is_one_group_where_it_says_no_more(telling: TellingWorld) -> None:
    telling.rules(group={})
    worker = telling.worker()

    telling.match(*of_host(telling, 2, "web-1"), *of_host(telling, 2, "web-2"))
    telling.go_on(worker, minutes=1)

    assert counts(telling) == [4]
    assert telling.posted("ana")[0]["digest"]["group"] == {}


def test_a_long_value_is_a_group_as_others_are_and_is_shown_in_part(telling: TellingWorld) -> None:
    worker = telling.worker()

    telling.match(*of_host(telling, 2, "x" * 200_000 + "a"), *of_host(telling, 1, "x" * 200_000 + "b"))
    telling.go_on(worker, minutes=1)

    assert sorted(counts(telling)) == [1, 2]
    assert {len(body["digest"]["group"]["context.host"]) for body in telling.posted("ana")} == {MAX_VALUE + 1}


def test_a_channel_is_told_of_a_group_once(telling: TellingWorld) -> None:
    telling.rules(group=GROUP, once=True)
    worker = telling.worker()

    telling.match(*of_host(telling, 5))
    telling.go_on(worker, minutes=1)

    assert len(telling.sinks.received("/webhook/x")) == 1
    assert telling.states() == {"joined": 5, "delivered": 1}


def test_the_story_says_why_it_waits(telling: TellingWorld) -> None:
    (event,) = of_host(telling, 1)

    telling.match(event)

    story = telling.story(event)
    assert story["rule"]["kept_back"] == {"group": 2}
    assert story["ana"]["state"] == "waiting"
    assert story["ana"]["why"] == (
        "joins what rule refunds tells together of context.host web-1: minutes=1 after the first,"
        " and minutes=30 after the message before"
    )


def test_a_test_of_the_rule_says_what_would_be_told_together(telling: TellingWorld) -> None:
    telling.rules(group=GROUP, once=True, transports=["hook", "mail"])
    event = {"action": "refund", "app": "shop", "context": {"host": "web-1"}}

    shown: dict[str, Any] = Api.of(telling.stack)("POST", "/rules/refunds/test", {"event": event}).body

    decided = {(each["user"], each["transport"]): each for each in shown["decisions"]}
    assert decided.keys() == {(None, "hook"), ("ana", "mail"), ("bob", "mail")}
    assert {each["cause"] for each in decided.values()} == {"group"}
    assert "of context.host web-1: minutes=1 after the first" in decided[None, "hook"]["reason"]
    assert telling.stack.items("deliveries") == []


def test_a_group_is_told_before_quiet_hours_begin_and_not_in_them(telling: TellingWorld) -> None:
    begin = telling.now.replace(second=0, microsecond=0) + timedelta(minutes=20)
    quiet = {"starts": f"{begin:%H:%M}", "ends": f"{begin + timedelta(hours=8):%H:%M}"}
    telling.say("ana", quiet_hours=[quiet])
    worker = telling.worker()
    telling.match(*of_host(telling, 2))
    telling.go_on(worker, minutes=2)

    telling.match(*of_host(telling, 3))  # its interval ends in the quiet hours
    telling.now = begin - timedelta(minutes=2)
    telling.go_on(worker)
    early = {name: counts(telling, name) for name in ("ana", "bob")}
    telling.match(*of_host(telling, 4))
    telling.now = begin + timedelta(hours=7)
    telling.go_on(worker)
    at_night = {name: counts(telling, name) for name in ("ana", "bob")}
    telling.go_on(worker, hours=1, minutes=1)

    assert early == {"ana": [2, 3], "bob": [2]}
    assert at_night == {"ana": [2, 3], "bob": [2, 7]}
    assert counts(telling) == [2, 3, 4]
    assert telling.posted("ana")[-1]["digest"]["cause"] == "quiet_hours"


def test_more_than_one_message_holds_is_in_the_next(telling: TellingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.deliveries.digests.MOST", 3)
    worker = telling.worker()

    telling.match(*of_host(telling, 7))
    for _ in range(4):
        telling.go_on(worker, minutes=1)

    assert counts(telling) == [3, 3, 1]


def test_what_is_matched_again_is_told_once(telling: TellingWorld) -> None:
    events, worker = of_host(telling, 2), telling.worker()

    telling.match(*events)
    telling.match(*events)
    telling.go_on(worker, minutes=1)
    telling.match(*events)
    telling.go_on(worker, minutes=30)

    assert counts(telling) == [2]


def test_what_waits_can_be_sent_by_hand_and_is_in_no_message_of_the_group_then(telling: TellingWorld) -> None:
    first, *others = of_host(telling, 3)
    telling.match(first, *others)
    api, worker = Api.of(telling.stack), telling.worker()

    answer = api("POST", f"/deliveries/{telling.story(first)['ana']['id']}/retry")
    telling.pump(worker)
    telling.go_on(worker, minutes=1)

    assert answer.status == 202, answer.text
    assert [body.get("digest", {}).get("count") for body in telling.posted("ana")] == [None, 2]


def test_a_rule_that_tells_each_by_itself_meanwhile_leaves_nothing_waiting(telling: TellingWorld) -> None:
    worker = telling.worker()
    telling.match(*of_host(telling, 2))

    telling.rules()
    telling.match(*of_host(telling, 1))
    telling.pump(worker)
    telling.go_on(worker, minutes=1)

    assert [body.get("digest", {}).get("count") for body in telling.posted("ana")] == [None, 2]


def test_what_is_left_of_a_group_is_tidied_away(telling: TellingWorld) -> None:
    worker = telling.worker()
    telling.match(*of_host(telling, 1))

    telling.go_on(worker, minutes=1)
    heads = len(telling.heads())
    telling.go_on(worker, minutes=30)
    telling.go_on(worker, seconds=LOOK_AGAIN.total_seconds())

    assert (heads, telling.heads()) == (2, [])


@pytest.mark.parametrize(
    ("group", "path"),
    [
        ({"by": ["a..b"]}, "group.by[0]"),
        ({"by": [f"p{number}" for number in range(9)]}, "group.by"),
        ({"wait": "seconds=9"}, "group.wait"),
        ({"wait": "days=2"}, "group.wait"),
        ({"interval": "soon"}, "group.interval"),
        ({"every": "hours=1"}, "group.every"),
    ],
)
def test_what_is_wrong_is_refused_at_its_field(telling: TellingWorld, group: dict[str, Any], path: str) -> None:
    rule = {"destination_group": "oncall", "bindings": [{"policy": "shop"}], "group": group}

    answer = Api.of(telling.stack)("PUT", "/rules/refunds", rule)

    assert (answer.status, [error["path"] for error in answer.body["errors"]]) == (422, [path])


def test_the_head_of_a_group_is_kept_as_long_as_stories_beyond_its_interval(telling: TellingWorld) -> None:
    """Without it nothing would say that the group is due."""
    group = {"by": ["context.host"], "wait": "minutes=1", "interval": "minutes=5"}
    telling.rules(group=group, once=True, settings={"notification_retention": "days=20"})

    telling.match(*telling.happened(1))

    (head,) = telling.heads()
    kept = telling.now + timedelta(minutes=1) + timedelta(minutes=5) + timedelta(days=21)
    assert head["expires_at"]["N"] == str(int(kept.timestamp()))
