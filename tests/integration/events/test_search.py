"""GET /events and its kin, through the handler, on moto."""

import base64
import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from tocsin.api.answers import problem_response
from tocsin.api.events import add_routes
from tocsin.errors import TocsinError
from tocsin.events.model import Event
from tocsin.events.search.query import Search, SearchFilter, parse_search
from tocsin.events.search.reader import LogReader
from tocsin.events.search.rollup_hours import hour_of
from tocsin.events.search.rollups import Rollups
from tocsin.events.search.timeline import Budget
from tocsin.events.store import EventStore, Submission
from tocsin.ids import id_time, new_id
from tocsin.matching.story import StoryStore
from tocsin.times import iso

NOW = datetime.now(UTC).replace(microsecond=0)


def some_events(count: int, days: float = 0.4, seed: int = 1) -> list[Event]:
    chance = random.Random(seed)
    return [
        Event(
            id=new_id(NOW - timedelta(days=days) * chance.random()),
            action=chance.choice(["login", "login", "login", "logout", "custom_rare"]),
            app=chance.choice(["shop", "wiki"]),
            user={"username": f"user{(pk := chance.randrange(9))}", "pk": pk},
            context={"message": chance.choice(["fine", "Broken pipe"]), "n": chance.randrange(100)},
            client_ip=f"10.0.{chance.randrange(2)}.{chance.randrange(30)}",
            brand="default",
            expires=None,
        )
        for _ in range(count)
    ]


@pytest.fixture
def log(stack: Any) -> Iterator["Log"]:
    yield Log(stack)


def api_of_events(stack: Any, reading: LogReader) -> Callable[[dict[str, Any], Any], Any]:
    """The routes of events alone."""
    app = APIGatewayHttpResolver()
    add_routes(app, EventStore(stack.dynamodb, "events"), StoryStore(stack.dynamodb, "deliveries"), reading)
    app.exception_handler(TocsinError)(lambda error: problem_response(error, None))
    return app.resolve


class Log:
    """The log of a stack: filled directly, asked through the handler."""

    def __init__(self, stack: Any) -> None:
        self.stack = stack
        self.reading = LogReader(stack.dynamodb, "events")
        self.events: list[Event] = []
        self.api = api_of_events(stack, self.reading)

    def fill(self, events: list[Event], *, rolled_up: bool = True) -> None:
        self.events += events
        EventStore(self.stack.dynamodb, "events").add([Submission(each, None) for each in events])
        if rolled_up:
            self.roll_up([each.id for each in events])

    def roll_up(self, ids: list[str]) -> None:
        rollups = Rollups(self.stack.dynamodb, "events")
        rollups.mark(ids)
        rollups.catch_up(NOW, has_time=lambda: True, history=timedelta(hours=11))

    def get(self, path: str, scopes: str = "events:read", **query: str) -> tuple[int, Any]:
        answer = self.api(
            {
                "version": "2.0",
                "routeKey": "$default",
                "rawPath": path,
                "rawQueryString": "",
                "queryStringParameters": query,
                "headers": {},
                "requestContext": {
                    "http": {"method": "GET", "path": path, "sourceIp": "203.0.113.7"},
                    "requestId": "r",
                    "stage": "$default",
                    "authorizer": {"lambda": {"key_id": "k", "key_name": "k", "scopes": scopes}},
                },
            },
            self.stack.context,
        )
        return answer["statusCode"], orjson.loads(answer["body"])

    def ids(self, **query: str) -> list[str]:
        """The ids of all pages."""
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            status, page = self.get("/events", **query, **cursor)
            assert status == 200, page
            found += [each["id"] for each in page["items"]]
            if page["cursor"] is None:
                assert page["scanned_until"] is None
                return found
            cursor = {"cursor": page["cursor"]}

    def expected(self, **query: str) -> list[str]:
        """The same by looking at each event, newest first."""
        search = parse_search(query)
        screening = SearchFilter(search, NOW)
        return sorted(
            (
                each.id
                for each in self.events
                if screening.admits(each)
                and (search.since is None or each.created >= search.since)
                and (search.until is None or each.created < search.until)
            ),
            reverse=True,
        )


FILTERS: list[dict[str, str]] = [
    {},
    {"username": "user3"},
    {"user_pk": "3"},
    {"user_pk": "3", "action": "login"},
    {"user_pk": "99"},
    {"action": "custom_rare"},
    {"actions": "logout,custom_rare", "app": "wiki"},
    {"action": "suspicious_request"},
    {"client_ip": "10.0.0.7"},
    {"client_ip": "10.0.0.0/28"},
    {"client_ip": "10.0.1.0/24", "action": "logout"},
    {"client_ip": "10.0.0.7", "user_pk": "3"},
    {"search": "broken LOGOUT"},
    {"filter": "event.context.n > 90"},
    {"since": iso(NOW - timedelta(hours=5)), "until": iso(NOW - timedelta(hours=1, minutes=11))},
    {"since": iso(NOW - timedelta(hours=5)), "user_pk": "4"},
    {"until": iso(NOW - timedelta(hours=5)), "action": "logout"},
]


@pytest.mark.parametrize(("rolled_up", "days"), [(True, 0.4), (False, 0.4), (False, 2.5)])
@pytest.mark.no_cover
def test_every_way_finds_what_looking_at_each_event_finds(log: Log, rolled_up: bool, days: float) -> None:
    log.fill(some_events(200, days), rolled_up=rolled_up)
    since = {"since": iso(NOW - timedelta(days=3))}  # without roll-ups nobody knows where the log begins

    for query in FILTERS:
        for limit in ("9",) if rolled_up else ("1000",):
            wanted = log.expected(**query)

            newest = log.ids(**since | query, limit=limit)
            oldest = log.ids(**since | query, limit=limit, order="oldest")

            assert newest == wanted, query
            assert oldest == wanted[::-1], query


def test_pages_are_right_while_events_arrive(log: Log) -> None:
    log.fill(some_events(60))
    before = log.expected()
    _, first = log.get("/events", limit="20")
    newer = [each for each in some_events(20, days=0.01, seed=2) if each.id > before[0]]
    log.fill(newer)

    found = [each["id"] for each in first["items"]]
    while first["cursor"]:
        _, first = log.get("/events", limit="20", cursor=first["cursor"])
        found += [each["id"] for each in first["items"]]

    assert newer
    assert found == before


def test_ids_of_one_millisecond_are_paged_apart(log: Log) -> None:
    moment = NOW - timedelta(hours=1)
    log.fill([Event(new_id(moment), "login", "shop", {}, {}, None, "default", None) for _ in range(25)])

    assert log.ids(limit="1") == log.expected()
    assert log.ids(limit="1", order="oldest") == log.expected()[::-1]


def test_an_event_is_shown_with_its_summary(log: Log) -> None:
    log.fill(some_events(1))

    _, page = log.get("/events")

    assert page["items"] == [log.events[0].to_json() | {"summary": log.events[0].summary}]


def test_an_expired_event_is_not_shown(log: Log) -> None:
    gone = Event(
        new_id(NOW - timedelta(hours=1)), "login", "shop", {"pk": 1}, {}, None, "default", NOW - timedelta(minutes=1)
    )
    log.fill([gone])

    assert log.ids() == []
    assert log.ids(user_pk="1") == []


def test_a_bounded_read_says_how_far_it_looked_and_goes_on_from_there(log: Log) -> None:
    log.fill(some_events(400, days=3.5), rolled_up=False)
    search = parse_search({"username": "nobody", "since": iso(NOW - timedelta(days=4))})
    position, looked = None, []

    while True:
        page = log.reading.page(search, now=NOW, position=position, budget=Budget(items=40))
        looked.append(page.scanned_until)
        position = page.position
        if position is None:
            break

    moments = [moment for moment in looked if moment is not None]
    assert not page.events
    assert len(moments) >= 2
    assert moments == sorted(moments, reverse=True)
    assert len(set(moments)) == len(moments)


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("budget", [{"items": 1}, {"queries": 1}, {"size": 1}, {"seconds": 0.0}])
def test_the_smallest_budget_still_finds_everything_in_the_end(
    log: Log, budget: dict[str, Any], newest_first: bool
) -> None:
    log.fill(some_events(30, days=0.1))
    for query in ({}, {"action": "logout"}, {"user_pk": "3"}):
        search, position, found = parse_search(query), None, []
        for _ in range(400):
            page = log.reading.page(
                search, now=NOW, position=position, budget=Budget(**budget), newest_first=newest_first
            )
            found += [str(each["id"]) for each in page.events]
            position = page.position
            if position is None:
                break

        assert found == log.expected(**query)[:: 1 if newest_first else -1]


def test_a_page_of_large_events_ends_before_lambdas_limit(log: Log) -> None:
    large = [
        Event(new_id(NOW - timedelta(minutes=n)), "login", "shop", {}, {"x": "y" * 190_000}, None, "default", None)
        for n in range(30)
    ]
    log.fill(large)

    _, page = log.get("/events", limit="1000")

    assert len(orjson.dumps(page)) < 5_000_000
    assert page["cursor"]
    assert len(log.ids(limit="1000")) == 30


def test_hours_without_the_action_are_not_read(log: Log) -> None:
    log.fill(some_events(60))
    hours = {hour_of(each.created) for each in log.events if each.action == "custom_rare" and each.app == "wiki"}
    there = sum(hour_of(each.created) in hours | {hour_of(NOW)} for each in log.events)

    page = log.reading.page(parse_search({"action": "custom_rare", "app": "wiki"}), now=NOW, limit=1000)

    assert page.events
    assert page.position is None
    assert page.budget.spent_items <= there
    assert there < 60


def test_a_late_event_is_found_in_an_hour_that_was_skipped_before(log: Log) -> None:
    log.fill(some_events(100))
    late = Event(new_id(NOW - timedelta(hours=8)), "system_exception", "shop", {}, {}, None, "default", None)
    log.fill([late], rolled_up=False)

    Rollups(log.stack.dynamodb, "events").mark([late.id])

    assert log.ids(action="system_exception") == [late.id]


def test_where_an_expression_fails_is_said(log: Log) -> None:
    log.fill(some_events(20))

    _, page = log.get("/events", filter="event.context.amount > 5")

    assert page["items"] == []
    assert page["filter_failed"]["events"] == 20
    assert page["filter_failed"]["first"]


def test_a_cursor_of_another_search_is_refused(log: Log) -> None:
    log.fill(some_events(20))
    _, page = log.get("/events", limit="5")

    others = [{"app": "shop"}, {"order": "oldest"}]

    for other in others:
        status, problem = log.get("/events", cursor=page["cursor"], **other)
        assert status == 422
        assert problem["errors"][0]["path"] == "cursor"


@pytest.mark.parametrize("text", ["", "x", "newest", "newest  ", "newest d", "newest 0 0", "\x00", "💥"])
def test_a_made_up_cursor_is_refused(log: Log, text: str) -> None:
    digest = parse_search({}).digest
    made_up = base64.urlsafe_b64encode(orjson.dumps(f"{text} {digest} {text}")).decode()

    for cursor in (made_up, text):
        status, problem = log.get("/events", cursor=cursor)
        assert status == 422
        assert problem["errors"][0]["path"] == "cursor"


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/events", {"limit": "1001"}, "limit"),
        ("/events", {"order": "random"}, "order"),
        ("/events", {"client_ip": "x"}, "client_ip"),
        ("/events", {"nope": "1"}, "nope"),
        ("/events/volume", {"interval": "minutes=30"}, "interval"),
        ("/events/volume", {"interval": "six"}, "interval"),
        ("/events/volume", {"history_days": "91"}, "history_days"),
        ("/events/volume", {"history_days": "1", "since": iso(NOW - timedelta(days=1))}, "history_days"),
        ("/events/volume", {"since": iso(NOW - timedelta(days=91))}, "since"),
        ("/events/top_per_user", {"top": "0"}, "top"),
        ("/events/stats", {"steps": "hours=24,x"}, "steps"),
        ("/events/stats", {"steps": "days=91"}, "steps"),
        ("/events/stats", {"since": iso(NOW)}, "since"),
        ("/events/actions", {"app": "x"}, "app"),
    ],
)
def test_a_wrong_parameter_is_named(log: Log, path: str, query: dict[str, str], field: str) -> None:
    status, problem = log.get(path, **query)

    assert status == 422
    assert [error["path"] for error in problem["errors"]] == [field]


@pytest.mark.parametrize("path", ["/events", *(f"/events/{n}" for n in ("actions", "volume", "top_per_user", "stats"))])
def test_reading_needs_its_scope(log: Log, path: str) -> None:
    assert log.get(path, scopes="events:write config:read")[0] == 403


@pytest.mark.parametrize("rolled_up", [True, False])
@pytest.mark.parametrize("query", [{}, {"action": "logout"}, {"app": "wiki"}, {"user_pk": "3"}, {"search": "broken"}])
def test_volume_counts_each_bucket(log: Log, query: dict[str, str], rolled_up: bool) -> None:
    log.fill(some_events(200), rolled_up=rolled_up)

    status, volume = log.get("/events/volume", history_days="1", **query)

    start = datetime.fromisoformat(volume["since"])
    wanted = [id_time(each) for each in log.expected(**query) if id_time(each) >= start]
    shown = Counter(
        {bucket["start"]: bucket["events"] for bucket in volume["buckets"] if bucket["events"]},
    )
    assert status == 200
    assert start.hour % 6 == 0
    assert volume["total"] == len(wanted)
    assert volume["complete_from"] is None
    assert shown == Counter(
        iso(moment.replace(hour=moment.hour // 6 * 6, minute=0, second=0, microsecond=0)) for moment in wanted
    )


def test_volume_of_seven_days_has_buckets_of_six_hours(log: Log) -> None:
    log.fill(some_events(5))

    _, volume = log.get("/events/volume")

    assert volume["interval_seconds"] == 21_600
    assert len(volume["buckets"]) in {28, 29}
    assert all(bucket["complete"] for bucket in volume["buckets"])


def test_volume_of_a_range_that_cuts_hours_counts_only_what_is_in_it(log: Log) -> None:
    log.fill(some_events(300))
    query = {"since": iso(NOW - timedelta(hours=9, minutes=13)), "until": iso(NOW - timedelta(hours=1, minutes=7))}

    _, volume = log.get("/events/volume", interval="hours=1", **query)

    assert volume["total"] == len(log.expected(**query))


def test_a_count_that_met_its_bound_says_from_when_on_it_is_complete(log: Log) -> None:
    log.fill(some_events(300, days=1.8), rolled_up=False)
    start = hour_of(NOW - timedelta(days=2))

    tally = log.reading.tally(Search(), start, NOW, now=NOW, budget=Budget(items=100))

    assert tally.complete_from is not None
    at_least = sum(each.created > tally.complete_from for each in log.events)
    assert at_least <= tally.total < 300


def test_stats_count_each_step(log: Log) -> None:
    log.fill(some_events(300))
    before = datetime.now(UTC)

    _, stats = log.get("/events/stats", steps="hours=1;minutes=30,hours=24,days=7", action="login")

    lengths = [timedelta(minutes=90), timedelta(hours=24), timedelta(days=7)]
    assert [item["step"] for item in stats["items"]] == ["hours=1;minutes=30", "hours=24", "days=7"]
    for item, length in zip(stats["items"], lengths, strict=True):
        exact = sum(each.action == "login" and each.created >= before - length for each in log.events)
        assert exact - 1 <= item["events"] <= exact  # an event may have left the step's range meanwhile


def test_top_applications_are_ranked_with_their_users(log: Log) -> None:
    def use(name: str, user: int) -> Event:
        context: dict[str, Any] = {"authorized_application": {"pk": name[0], "name": name}}
        moment = NOW - timedelta(hours=user + 1)
        return Event(new_id(moment), "authorize_application", "sso", {"pk": user}, context, None, "default", None)

    log.fill([use("wiki", 1), use("wiki", 1), use("wiki", 2), use("mail", 1), *some_events(20)])

    _, top = log.get("/events/top_per_user")
    _, one = log.get("/events/top_per_user", top="1")

    assert top["items"] == [
        {"application": {"pk": "w", "name": "wiki"}, "events": 3, "unique_users": 2},
        {"application": {"pk": "m", "name": "mail"}, "events": 1, "unique_users": 1},
    ]
    assert top["complete_from"] is None
    assert one["items"] == top["items"][:1]


def test_top_of_another_action_counts_by_app(log: Log) -> None:
    log.fill(some_events(100))

    _, top = log.get("/events/top_per_user", action="login")

    wanted = Counter(each.app for each in log.events if each.action == "login")
    assert {item["application"]["name"]: item["events"] for item in top["items"]} == wanted


def test_actions_are_the_known_and_those_that_came(log: Log) -> None:
    log.fill(some_events(100))

    _, answer = log.get("/events/actions")

    items = {item["action"]: item for item in answer["items"]}
    assert items["export_ready"] == {"action": "export_ready", "known": True, "events": 0}
    assert items["custom_rare"]["known"] is False
    assert sum(item["events"] for item in items.values()) >= 95


def test_an_empty_log_answers_everything(log: Log) -> None:
    log.roll_up([])

    for path in ("/events/volume", "/events/top_per_user", "/events/stats", "/events/actions"):
        assert log.get(path)[0] == 200
    assert log.get("/events", since=iso(NOW - timedelta(days=2)))[1]["items"] == []


@pytest.mark.parametrize("case", ["list", "search", "volume", "stats", "top", "actions", "wrong-cursor"])
def test_each_sample_payload_is_answered(log: Log, load: Any, case: str) -> None:
    answer = log.api(load(f"api-events-{case}"), log.stack.context)

    assert answer["statusCode"] == (422 if case == "wrong-cursor" else 200), answer["body"]
