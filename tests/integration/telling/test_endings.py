"""What ends what a rule told of: those who were told hear, once, that it is over."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.sinks import Sinks
from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import work
from tests.integration.telling.telling_world import TellingWorld, dying
from tests.integration.telling.test_deaths import SHARE, a_minute, match_until_done, nobody_dies_any_more
from tocsin.events.model import Cause, Event
from tocsin.ids import new_id
from tocsin.matching.ending import about_of
from tocsin.matching.open_store import OpenStore
from tocsin.telling.decision import MAX_VALUE

RESOLVE = {"action": "service_up", "by": ["context.host"], "within": "hours=12"}


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> TellingWorld:
    world = TellingWorld(stack, monkeypatch, sinks)
    world.rules(resolve=RESOLVE)
    return world


def down(telling: TellingWorld, host: str = "web-1") -> Event:
    telling.later(seconds=1)
    return telling.event(app="shop", action="custom_service_down", context={"host": host})


def up(telling: TellingWorld, host: str = "web-1") -> Event:
    telling.later(seconds=1)
    return telling.event(app="monitor", action="custom_service_up", context={"host": host})


def told(telling: TellingWorld, username: str | None = "ana") -> list[bool]:
    """Whether each message to a person told of an end, those of an end last: a queue has no order."""
    posted = telling.posted(username)
    return sorted(body.get("over", False) or body.get("digest", {}).get("over", False) for body in posted)


def done(telling: TellingWorld, *events: Event) -> None:
    telling.match(*events)
    telling.pump(telling.worker())


def test_those_who_were_told_hear_once_that_it_is_over(telling: TellingWorld) -> None:
    done(telling, down(telling), down(telling))
    end = up(telling)

    done(telling, end)
    done(telling, end, up(telling))

    assert {name: told(telling, name) for name in ("ana", "bob")} == {
        name: [False, False, True] for name in ("ana", "bob")
    }
    assert telling.story(end)["rule"]["ends"] is True


def test_an_end_without_a_beginning_tells_nobody(telling: TellingWorld) -> None:
    done(telling, up(telling))
    done(telling, down(telling, "web-2"), up(telling, "web-1"))

    assert told(telling) == [False]


def test_a_new_beginning_opens_it_anew_also_within_one_batch(telling: TellingWorld) -> None:
    events = [make(telling) for make in (down, up, up, down, up, down)]

    done(telling, *reversed(events))

    assert told(telling) == [False, False, False, True, True]


def test_an_end_that_is_matched_again_after_a_new_beginning_ends_nothing_more(telling: TellingWorld) -> None:
    begin, end = down(telling), up(telling)
    done(telling, begin)
    done(telling, end)
    done(telling, down(telling))

    done(telling, begin, end)
    before = told(telling)
    done(telling, up(telling))

    assert (before, told(telling)) == ([False, False, True], [False, False, True, True])


def test_who_joins_the_group_meanwhile_does_not_hear_of_the_end(telling: TellingWorld) -> None:
    telling.say("bob", rules={"refunds": {"muted": True}})
    done(telling, down(telling))

    telling.say("bob")
    done(telling, up(telling))

    assert (told(telling), told(telling, "bob")) == ([False, True], [])


def test_nobody_waits_for_an_end_longer_than_the_rule_says(telling: TellingWorld) -> None:
    done(telling, down(telling))
    telling.later(hours=13)

    done(telling, up(telling))
    late = told(telling)
    done(telling, down(telling), up(telling))

    assert (late, told(telling)) == ([False], [False, False, True])


def test_a_channel_hears_once(telling: TellingWorld) -> None:
    telling.rules(resolve=RESOLVE, once=True)

    done(telling, down(telling), up(telling), up(telling))

    assert told(telling) + told(telling, "bob") == [False, True]


def test_the_end_of_a_group_joins_it(telling: TellingWorld) -> None:
    resolve = {"action": "service_up"}
    telling.rules(group={"by": ["context.host"], "wait": "minutes=1", "interval": "minutes=5"}, resolve=resolve)
    worker = telling.worker()
    telling.match(down(telling), down(telling))
    telling.go_on(worker, minutes=2)

    telling.match(up(telling))
    telling.go_on(worker, minutes=6)

    assert told(telling) == [False, True]


def test_a_group_goes_by_the_key_of_what_it_tells_of_also_where_its_values_are_long(telling: TellingWorld) -> None:
    """The fault: the message's key was made anew of the values in its item, which has long ones cut."""
    group = {"by": ["context.host"], "wait": "minutes=1", "interval": "minutes=5"}
    telling.rules(group=group, resolve={"action": "service_up"})
    began = down(telling, "web-" * MAX_VALUE)

    telling.match(began)
    telling.go_on(telling.worker(), minutes=2)

    keys = {item["about"]["S"] for item in telling.all() if "digest" in item}
    assert keys == {about_of(telling.configuration.current()[1].rules_by_name["refunds"], began)}


def test_a_test_of_the_rule_says_that_an_event_ends_it(telling: TellingWorld) -> None:
    api = Api.of(telling.stack)

    def ends(action: str) -> Any:
        return api("POST", "/rules/refunds/test", {"event": {"action": action, "app": "monitor"}}).body["ends"]

    assert (ends("service_up"), ends("service_down")) == (True, False)


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("event.context.state == 'up'", "state"),
        ("event.(", "its end could not be loaded: "),
        ("event.action == 'custom_service_up'", ""),
    ],
)
def test_a_test_of_the_rule_says_why_its_end_can_not_be_told(telling: TellingWorld, query: str, error: str) -> None:
    """The fault: `ends` was false, and nothing said that the query had failed."""
    telling.rules(resolve={"query": query})

    said = Api.of(telling.stack)("POST", "/rules/refunds/test", {"event": {"action": "service_up", "app": "m"}}).body

    assert said["ends"] is not bool(error)
    assert error in (said["ends_error"] or "")
    assert bool(said["ends_error"]) is bool(error)


@pytest.mark.parametrize(("query", "broken"), [("event.context.state == 'up'", False), ("event.(", True)])
def test_of_what_fires_the_rule_only_an_end_that_could_not_be_loaded_is_said(
    telling: TellingWorld, query: str, broken: bool
) -> None:
    """It is no end, whatever the query says of it."""
    telling.rules(resolve={"query": query})

    said = Api.of(telling.stack)("POST", "/rules/refunds/test", {"event": {"action": "x", "app": "shop"}}).body

    assert (said["fires"], said["ends"], bool(said["ends_error"])) == (True, False, broken)


def test_a_test_of_the_rule_says_it_also_on_what_tocsin_itself_reports(telling: TellingWorld) -> None:
    telling.rules(resolve={"query": "event.context.state == 'up'"})
    made = telling.event(action="configuration_error", app="tocsin", cause=Cause("other", None, 1))

    said = Api.of(telling.stack)("POST", "/rules/refunds/test", {"event_id": made.id}).body

    assert said["ends"] is False
    assert "state" in said["ends_error"]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"resolve": {}}, "resolve"),
        ({"resolve": {"action": "up", "within": "seconds=1"}}, "resolve.within"),
        ({"resolve": {"action": "up", "query": "event.("}}, "resolve.query"),
        ({"resolve": {"action": "up", "by": ["app"]}, "group": {}}, ""),
    ],
)
def test_what_can_not_end_is_refused_when_it_is_saved(telling: TellingWorld, fields: dict[str, Any], path: str) -> None:
    rule = {"transports": ["inbox"], "bindings": [{"policy": "shop"}], **fields}

    answer = Api.of(telling.stack)("PUT", "/rules/ends", rule)

    assert answer.status == 422
    assert path in {each["path"] for each in answer.body["errors"]}


def test_many_people_hear_page_by_page(telling: TellingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tocsin.matching.recipients.PAGE", "tocsin.matching.recipients.PAGES_AT_ONCE"):
        monkeypatch.setattr(name, 1)
    monkeypatch.setattr("tocsin.matching.ending.ITEMS_AT_ONCE", 1)
    begin, end = down(telling), up(telling)

    reasons: dict[str, set[str]] = {}
    for event in (begin, end):
        telling.match(event)
        rest = telling.stack.messages("Match")
        while rest:
            reasons.setdefault(event.id, set()).update(each["reason"] for each in rest)
            answer = telling.matcher().queue([work(each) for each in rest])
            assert answer == {"batchItemFailures": []}
            rest = telling.stack.messages("Match")
    telling.pump(telling.worker())

    assert (told(telling), told(telling, "bob")) == ([False, True], [False, True])
    assert reasons == {begin.id: {"the group has more members"}, end.id: {"more people hear that it is over"}}


def test_the_end_before_is_found_by_its_event_also_where_it_was_opened_anew_meanwhile(stack: Stack) -> None:
    store, now = OpenStore(stack.dynamodb, "deliveries"), datetime(2026, 3, 1, tzinfo=UTC)
    ids = [new_id(now + timedelta(seconds=number)) for number in range(4)]
    told, ends = {("hook", "ana"), ("hook", "")}, now + timedelta(days=1)

    def begin(event_id: str) -> None:
        store.begin("r", "a", 0, event_id, told, now=now, ends=ends)

    def end(event_id: str) -> set[tuple[str, str]]:
        return {*store.end("r", "a", event_id, after=None, now=now, most=3).told}

    store.begin("r", "a", 0, ids[0], (), now=now, ends=ends)
    nobody = end(ids[1])
    begin(ids[0])
    first = end(ids[1])
    begin(ids[2])

    assert (nobody, first, end(ids[1]), end(ids[3]), end(new_id(ends))) == (set(), told, told, told, set())


@pytest.mark.parametrize("seed", range(2))
def test_an_end_is_told_once_whoever_dies(telling: TellingWorld, seed: int) -> None:
    hosts = [f"web-{number}" for number in range(4)]

    batches = [[make(telling, host) for host in hosts] for make in (down, up, up)]

    with dying(telling, seed, SHARE) as died:
        for batch in batches:
            match_until_done(telling, batch)
            a_minute(telling)
    nobody_dies_any_more(telling, runs=6)

    assert died
    for name in ("ana", "bob"):
        posted = {body["id"]: body.get("over", False) for body in telling.posted(name)}
        assert sorted(posted.values()) == [False] * len(hosts) + [True] * len(hosts)
