"""A log that is filled directly and asked through the handler."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from tocsin.api.answers import problem_response
from tocsin.api.events import add_routes
from tocsin.errors import TocsinError
from tocsin.events.model import Event
from tocsin.events.search.query import SearchFilter, parse_search
from tocsin.events.search.reader import LogReader
from tocsin.events.search.rollups import Rollups
from tocsin.events.store import EventStore, Submission
from tocsin.ids import new_id
from tocsin.matching.story import StoryStore

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
