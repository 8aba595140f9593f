"""Following events by asking again and again: each event once, whenever it arrives."""

import contextlib
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.cli.serving import Reply, in_turn, serving
from tocsin_cli.api import Answer, Api
from tocsin_cli.errors import Unavailable
from tocsin_cli.tail import LATE, PollingSource
from tocsin_cli.times import iso

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAUSE = 2.0


class End(Exception):
    """The test has seen enough."""


class Clocked:
    """An API whose log fills as its clock goes on: events are (arrives at, happened at) in seconds from START.

    It answers in pages of three, and not at all while it is `down`.
    """

    def __init__(self, events, until, down=()):
        self.events = events
        self.until = until
        self.down = down
        self.now = 0.0

    def sleep(self, seconds):
        self.now += seconds
        if self.now > self.until:
            raise End

    def get(self, _path):
        return self.answer([])

    def pages(self, path, query):
        if any(start <= self.now < end for start, end in self.down):
            raise Unavailable("down")
        since = datetime.fromisoformat(query["since"])
        there = sorted(
            (START + timedelta(seconds=happened), number)
            for number, (arrives, happened) in enumerate(self.events)
            if arrives <= self.now
        )
        items = [{"id": str(number), "created": iso(at)} for at, number in there if at >= since]
        for start in range(0, max(1, len(items)), 3):
            yield self.answer(items[start : start + 3])

    def answer(self, items):
        # A Date header has whole seconds.
        date = START + timedelta(seconds=int(self.now))
        return Answer(200, {"items": items}, None, date, "")


def followed(api):
    source = PollingSource(api, {}, since=START, pause=PAUSE, sleep=api.sleep)
    seen = []
    with contextlib.suppress(End):
        for event in source.events():
            seen.append(event["id"])
    return seen


late = st.tuples(st.floats(0, 900), st.floats(0, LATE.total_seconds() - 20)).map(
    lambda pair: (pair[0], pair[0] - pair[1])
)
early = st.tuples(st.floats(0, 900), st.floats(0, 300)).map(lambda pair: (pair[0], pair[0] + pair[1]))
events = st.lists((late | early).filter(lambda event: event[1] >= 0), max_size=60)


@given(events)
def test_each_event_is_shown_once_whenever_it_arrives(events):
    seen = followed(Clocked(events, until=900 + 60))

    assert sorted(seen, key=int) == [str(number) for number in range(len(events))]


@example([(253.0, 163.0)], 255.0, 180.0)  # late, and come after the last deep look before nobody answered
@given(events, st.floats(0, 500), st.floats(1, 200))
def test_nothing_is_lost_while_the_api_does_not_answer(events, start, length):
    seen = followed(Clocked(events, until=900 + 400, down=[(start, start + length)]))

    assert sorted(seen, key=int) == [str(number) for number in range(len(events))]


def test_without_a_beginning_it_is_now_by_the_apis_clock():
    date = "Sun, 01 Mar 2026 12:00:00 GMT"

    def answer(asked):
        return Reply(200, {"items": [], "cursor": None}, {"Date": date})

    def stop(_seconds):
        raise End

    with serving(answer) as site:
        source = PollingSource(Api(site.url, "key"), {"app": "shop"}, sleep=stop)
        with contextlib.suppress(End):
            next(source.events())

    query = parse_qs(urlsplit(site.asked[-1].path).query)
    assert query["app"] == ["shop"]
    assert query["order"] == ["oldest"]


def test_what_was_seen_is_forgotten_after_a_while():
    api = Clocked([(number, number) for number in range(1200)], until=1200)
    source = PollingSource(api, {}, since=START, pause=PAUSE, sleep=api.sleep)

    with contextlib.suppress(End):
        for _ in source.events():
            pass

    assert len(source._seen) < 3 * LATE.total_seconds()


def test_an_api_that_does_not_answer_is_told_of_and_asked_again():
    told = []
    page = Reply(200, {"items": [{"id": "1", "created": iso(START)}], "cursor": None})
    busy = Reply(503, {"title": "busy"}, {"Retry-After": "3600"})

    with serving(in_turn(busy, page)) as site:
        api = Api(site.url, "key", sleep=lambda _: None)
        source = PollingSource(api, {}, since=START, sleep=lambda _: None, trouble=told.append)
        event = next(source.events())

    assert event["id"] == "1"
    assert len(told) == 1


def test_an_api_that_is_away_for_a_day_is_still_asked():
    """The fault: OverflowError after eight and a half hours: the pause was doubled without end, and then cut."""
    api = Clocked([(90_000, 90_000)], until=100_000, down=[(10, 90_000)])
    told = []
    source = PollingSource(api, {}, since=START, sleep=api.sleep, trouble=told.append)
    shown = []

    with contextlib.suppress(End):
        shown += (event["id"] for event in source.events())

    assert len(told) > 1_100
    assert shown == ["0"]
