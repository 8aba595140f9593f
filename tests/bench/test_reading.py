"""What a read costs with 10,000 and with 100,000 events of one week in the table: items read, queries, time.

DynamoDB is the emulator's, in this process, without HTTP. Its numbers of items and queries are AWS's, since they
depend on keys and limits only. Its time is not: it looks through a whole partition for each query. So what passes
while none of its answers is awaited is told apart: that is our own code's.
"""

import asyncio
import io
import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from ministack.services import dynamodb as emulated

from tests.bench.spans import covered
from tests.integration.conftest import REGION, _make_table
from tocsin.events.model import Event
from tocsin.events.search.query import parse_search
from tocsin.events.search.reader import LogReader, counting_budget
from tocsin.events.search.rollups import Rollups
from tocsin.events.search.timeline import Budget
from tocsin.events.store import EventStore, Submission
from tocsin.ids import new_id
from tocsin.times import iso

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
WEEK = timedelta(days=7)
USERS = 2_000
TIMES = 20
PATIENCE = 20.0
"""Seconds that one read may be repeated for, once it was measured five times."""

PAGES: dict[str, dict[str, str]] = {
    "newest": {},
    "a user": {"user_pk": "7"},
    "a client IP": {"client_ip": "10.0.0.7"},
    "an action (60 %)": {"action": "login"},
    "a rare action (20 in all)": {"action": "rare"},
    "an app and an action": {"app": "wiki", "action": "logout"},
    "a model": {"model_name": "user"},
    "a text": {"search": "broken"},
    "an expression": {"filter": "event.context.n > 90"},
    "a network": {"client_ip": "10.0.1.0/24"},
    "a text that is nowhere": {"search": "nowheretobefound"},
    "an hour, three days ago": {
        "since": iso(NOW - timedelta(hours=73)),
        "until": iso(NOW - timedelta(hours=72)),
        "username": "user7",
    },
}

WHOLE_HOURS = {"a rare action (20 in all)", "an hour, three days ago"}


@dataclass(frozen=True)
class Cost:
    """What one read took."""

    answered: int
    """Events in the answer."""
    items: int
    """Items that DynamoDB read."""
    calls: int


class _Body(io.BytesIO):
    """An answer's body as botocore reads it."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()


def _emulate(request: AWSPreparedRequest, **_: object) -> AWSResponse:
    """Answer a call in this process."""
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
    }
    status, answered, body = asyncio.run(emulated.handle_request("POST", "/", headers, request.body, {}))
    return AWSResponse(request.url, status, answered, _Body(body))


class Counted:
    """A client that adds up how many items its queries and batch reads brought."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.queries = 0
        self.items = 0
        self._awaited: list[tuple[float, float]] = []

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)

        def counted(**arguments: Any) -> Any:
            began = time.perf_counter()
            answer = call(**arguments)
            self._awaited.append((began, time.perf_counter()))
            self.queries += 1
            self.items += answer.get("ScannedCount", 0)
            self.items += sum(len(items) for items in answer.get("Responses", {}).values())
            return answer

        return counted

    @property
    def awaited(self) -> float:
        """Seconds in which at least one answer was awaited."""
        return covered(self._awaited)


def _fill(client: Any, count: int) -> None:
    chance = random.Random(count)
    events = []
    rare = set(chance.sample(range(count), 20))
    for number in range(count):
        moment = NOW - WEEK * chance.random()
        pk = chance.randrange(USERS * count // 10_000)
        events.append(
            Event(
                id=new_id(moment),
                action="custom_rare" if number in rare else chance.choice(["login"] * 6 + ["logout", "user_write"] * 2),
                app=chance.choice(["shop", "wiki", "mail", "sso"]),
                user={"username": f"user{pk}", "pk": pk},
                context={
                    "message": "broken pipe" if chance.random() < 0.02 else "as it should be",
                    "model": {
                        "app": "auth",
                        "model_name": chance.choice(["user", "group", "role", "flow"]),
                        "pk": number,
                    },
                    "n": chance.randrange(100),
                },
                client_ip=f"10.0.{chance.randrange(4)}.{chance.randrange(250)}",
                brand="default",
                expires=None,
            )
        )
    EventStore(client, "events").add([Submission(event, None) for event in events])


@pytest.fixture(scope="module")
def costs() -> Iterator[dict[int, dict[str, Cost]]]:
    measured: dict[int, dict[str, Cost]] = {}
    with pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "testing")
        client = boto3.client("dynamodb", region_name=REGION)
        client.meta.events.register_first("before-send.dynamodb", _emulate)
        for count in (10_000, 100_000):
            _make_table(client, "EventsTable", "events")
            _fill(client, count)
            rollups = Rollups(client, "events")
            began = time.perf_counter()
            rollups._note_earliest((NOW - WEEK).replace(minute=0))
            run = rollups.catch_up(NOW, has_time=lambda: True, history=WEEK)
            print(f"\n{count:,} events: {run.hours} hours counted in {time.perf_counter() - began:.1f} s")
            measured[count] = _measure(client)
            client.delete_table(TableName="events")
    yield measured


def _measure(client: Any) -> dict[str, Cost]:
    """What each read costs, by its name."""
    reads: dict[str, Callable[[LogReader], int]] = {}
    for name, query in PAGES.items():
        reads[name] = lambda log, query=query: len(  # type: ignore[misc]
            log.page(parse_search(query), now=NOW, limit=50, budget=Budget(seconds=600)).events
        )
    start = (NOW - WEEK).replace(minute=0)

    def volume(**query: str) -> Callable[[LogReader], int]:
        budget = counting_budget()
        return lambda log: (
            log.tally(
                parse_search(query),
                start,
                NOW,
                now=NOW,
                budget=Budget(budget.items, budget.size, budget.queries, seconds=600),
            ).total
        )

    reads |= {
        "volume": volume(),
        "volume of an action": volume(action="logout"),
        "volume of a user": volume(user_pk="7"),
    }
    found: dict[str, Cost] = {}
    for name, read in reads.items():
        took: list[float] = []
        own: list[float] = []
        while len(took) < TIMES and (len(took) < 5 or sum(took) < PATIENCE * 1000):
            counted = Counted(client)
            began = time.perf_counter()
            answered = read(LogReader(counted, "events"))  # type: ignore[arg-type]
            took.append((time.perf_counter() - began) * 1000)
            own.append(took[-1] - counted.awaited * 1000)
        found[name] = Cost(answered, counted.items, counted.queries)
        print(
            f"{name:28} answered {answered:7,}  read {counted.items:6,}  calls {counted.queries:4}  "
            f"p50 {statistics.median(took):8.1f}  p95 {_p95(took):8.1f} ms, "
            f"own p50 {statistics.median(own):6.1f}  p95 {_p95(own):6.1f} ms"
        )
    return found


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


@pytest.mark.parametrize("name", [*PAGES, "volume", "volume of an action", "volume of a user"])
def test_ten_times_the_events_cost_a_read_no_more(costs: dict[int, dict[str, Cost]], name: str) -> None:
    small, large = costs[10_000][name], costs[100_000][name]

    # Of twenty events in all, the hours that hold them are read whole, and so is an hour that is asked for: these
    # have ten times the events, and the budget bounds that. Matches that grow with the log cost the same.
    bounded = Budget().items + 16 * 1000
    assert large.items <= (bounded if name in WHOLE_HOURS else small.items * 1.5 + 200), (small, large)
    assert large.items <= bounded


def test_a_page_without_filters_reads_little_more_than_it_answers(costs: dict[int, dict[str, Cost]]) -> None:
    newest = costs[100_000]["newest"]

    assert newest.answered == 50
    assert newest.items <= 3 * newest.answered
