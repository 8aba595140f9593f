"""Events of some hours, what roll-ups count of them, and a client that interrupts."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.conftest import RECORDER
from tocsin.errors import Unavailable
from tocsin.events.model import Event
from tocsin.events.search.rollup_hours import HOUR, hour_of
from tocsin.events.search.rollups import Rollups
from tocsin.events.store import EventStore, Submission
from tocsin.ids import id_time, new_id

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
FIRST = NOW - timedelta(hours=2)
SHORT = timedelta(hours=2)


class Crash(Exception):
    """The process ends here."""


class Tapped:
    """A DynamoDB client that does something before or after its n-th call (or write); all else is moto's."""

    def __init__(
        self, client: Any, act: Callable[[], None], at: int, *, after: bool = False, writes: bool = False
    ) -> None:
        self._client = client
        self._act = act
        self._at = at
        self._after = after
        self._writes = writes
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if self._writes and name in {"query", "get_item"}:
            return call

        def tapped(**arguments: Any) -> Any:
            self.calls += 1
            mine = self.calls
            if mine == self._at and not self._after:
                self._act()
            answer = call(**arguments)
            if mine == self._at and self._after:
                self._act()
            return answer

        return tapped


class Overtaken:
    """A DynamoDB client with something that happens before each of its updates of one kind; all else is moto's."""

    def __init__(self, client: Any, update: str, act: Callable[[], None], *, sk: str | None = None) -> None:
        """`update` is what the expressions of these updates begin with, `sk` the item that they are of, if of one."""
        self._client = client
        self._update = update
        self._act = act
        self._sk = sk
        self.times = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def update_item(self, **arguments: Any) -> Any:
        if arguments["UpdateExpression"].startswith(self._update) and self._sk in {None, arguments["Key"]["sk"]["S"]}:
            self.times += 1
            self._act()
        return self._client.update_item(**arguments)


def crash() -> None:
    raise Crash


def event_at(moment: datetime, action: str = "login", app: str = "shop", expires: datetime | None = None) -> Event:
    return Event(new_id(moment), action, app, {}, {}, None, "default", expires)


def some_events(count: int, seed: int = 1) -> list[Event]:
    chance = random.Random(seed)
    span = (NOW - FIRST).total_seconds()
    return [
        event_at(
            FIRST + timedelta(seconds=chance.random() * span),
            chance.choice(["login", "logout", "custom_x"]),
            chance.choice(["shop", "wiki"]),
        )
        for _ in range(count)
    ]


def store(stack: Any, events: list[Event]) -> None:
    results = EventStore(stack.dynamodb, "events").add([Submission(each, None) for each in events])
    assert not [result for result in results if isinstance(result, Unavailable)]


def catch_up(client: Any, now: datetime = NOW, history: timedelta = SHORT) -> None:
    run = RECORDER.in_role_of("rollup", Rollups(client, "events").catch_up)
    run(now, has_time=lambda: True, history=history)


def counted(stack: Any) -> Counter[tuple[datetime, str, str]]:
    """What the roll-ups say, of hours and the parts of hours that they know."""
    known = Rollups(stack.dynamodb, "events").known(NOW - SHORT, NOW + HOUR)
    found: Counter[tuple[datetime, str, str]] = Counter()
    hour = hour_of(NOW - SHORT)
    while hour <= NOW:
        for action, by_app in known.of(hour).counts.items():
            for app, number in by_app.items():
                found[hour, action, app] = number
        hour += HOUR
    return found


def there(stack: Any) -> Counter[tuple[datetime, str, str]]:
    """What is in the table, of the time that is counted at NOW."""
    until = NOW - timedelta(minutes=2)
    return Counter(
        (hour_of(id_time(each["id"])), each["action"], each["app"])
        for each in stack.events()
        if id_time(each["id"]) < until
    )


def wrong_hours(stack: Any) -> list[datetime]:
    """Hours whose counts are said to hold and do not."""
    known = Rollups(stack.dynamodb, "events").known(NOW - SHORT, NOW + HOUR)
    ids = [each["id"] for each in stack.events()]
    hour, wrong = hour_of(NOW - SHORT), []
    while hour <= NOW:
        count = known.of(hour)
        held = sum(hour <= id_time(each) < count.covered for each in ids)
        if sum(sum(by_app.values()) for by_app in count.counts.values()) != held:
            wrong.append(hour)
        hour += HOUR
    return wrong
