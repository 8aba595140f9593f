"""The producers' library, against a real HTTP server on 127.0.0.1 that judges events with the API's own code."""

import ast
import dataclasses
import datetime
import decimal
import enum
import ipaddress
import json
import logging
import queue
import ssl
import subprocess
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

import tocsin_client
from tocsin.errors import Conflict, Invalid, TocsinError, Unauthenticated, Unavailable
from tocsin.events.draft import Terms, finish
from tocsin.events.model import Event
from tocsin.events.redact import Secrets
from tocsin.events.store import digest_of
from tocsin.http import response
from tocsin.http.json_body import JSON_TYPE, MAX_BODY
from tocsin.ids import parse_id
from tocsin.ingest.body import read_body
from tocsin.ingest.service import event_result
from tocsin_client import Client, Refused, Session, Unreachable, buffer, client, json_safe

KEY = "tocsin_0123456789abcdef_the-secret-of-the-key-that-nobody-may-see"
LIBRARY = Path(tocsin_client.__file__).parent
DAY = datetime.timedelta(days=1)

type Fault = Callable[[Handler], None]


@dataclasses.dataclass
class Received:
    """A request as it came in."""

    path: str
    peer: tuple[str, int]
    user_agent: str | None
    body: bytes


class Handler(BaseHTTPRequestHandler):
    """Serves `Api`: a fault of its script if one is left, else as the API does."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    api: "Api"
    body: bytes

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers["content-length"]))
        self.api.requests.append(Received(self.path, self.client_address, self.headers["user-agent"], self.body))
        fault = self.api.faults.popleft() if self.api.faults else None
        if fault is None:
            self.reply(*self.api.ingest(self))
        else:
            fault(self)

    def reply(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"content-length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing: pytest's output is for failures."""


class Api:
    """POST /events with the API's reading, checking and comparing, and a dict where it has DynamoDB."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.faults: deque[Fault | None] = deque()
        self.stored: dict[str, Event] = {}
        self.unavailable: set[str] = set()
        self.released = threading.Event()
        self._digests: dict[str, str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"api": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.002})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Api":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def serve_tls(self, context: ssl.SSLContext) -> None:
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def ingest(self, handler: Handler) -> tuple[int, object]:
        if handler.headers["authorization"] != f"Bearer {KEY}":
            return _problem(Unauthenticated("no such key"))
        terms = Terms(
            now=datetime.datetime.now(datetime.UTC),
            app="the-key",
            brand="default",
            retention=365 * DAY,
            secrets=Secrets(),
            source_ip="127.0.0.1",
        )
        try:
            body = read_body(handler.body, handler.headers["content-type"])
        except TocsinError as error:
            return _problem(error)
        results = [item if isinstance(item, TocsinError) else self._store(item, terms) for item in body.items]
        if body.single:
            (result,) = results
            return (201, event_result(result)) if isinstance(result, Event) else _problem(result)
        shown = [{"status": 201, **event_result(r)} if isinstance(r, Event) else r.problem() for r in results]
        if any(isinstance(result, Unavailable) for result in results):
            return 503, {**Unavailable("some are not stored").problem(), "results": shown}
        if not any(isinstance(result, Event) for result in results):
            return 422, {**Invalid([], "none is accepted").problem(), "results": shown}
        return 200, {"accepted": 0, "rejected": 0, "results": shown}

    def _store(self, item: dict[str, object], terms: Terms) -> Event | TocsinError:
        try:
            event = finish(item, terms)
        except TocsinError as error:
            return error
        if event.id in self.unavailable:
            self.unavailable.remove(event.id)
            return Unavailable("DynamoDB is throttling")
        if self._digests.setdefault(event.id, digest_of(item)) != digest_of(item):
            return Conflict("there is another event with this id")
        return self.stored.setdefault(event.id, event)


def _problem(error: TocsinError) -> tuple[int, object]:
    return error.status, json.loads(response.problem(error)["body"])


def answers(status: int, body: object = b"", **headers: str) -> Fault:
    return lambda handler: handler.reply(
        status, body, {name.replace("_", "-"): value for name, value in headers.items()}
    )


def drops(handler: Handler) -> None:
    """Closes the connection without having read the events."""
    handler.close_connection = True


def drops_after_storing(handler: Handler) -> None:
    """Stores the events, and closes the connection instead of answering."""
    handler.api.ingest(handler)
    handler.close_connection = True


def hangs(handler: Handler) -> None:
    """Does not answer before the test's end."""
    handler.api.released.wait(10)
    handler.close_connection = True


def waits(handler: Handler) -> None:
    """Answers as the API does, once the test has released it."""
    handler.api.released.wait(10)
    handler.reply(*handler.api.ingest(handler))


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as running:
        yield running


@pytest.fixture
def naps() -> list[float]:
    """The pauses that clients of `make` would have made, in seconds."""
    return []


@pytest.fixture
def make(api: Api, naps: list[float]) -> Iterator[Callable[..., Client]]:
    """Makes clients of `api` that do not sleep."""
    made: list[Client] = []

    def one(url: str = "", key: str = KEY, **options: object) -> Client:
        made.append(Client(url or api.url, key, **{"sleep": naps.append, **options}))
        return made[-1]

    yield one
    api.released.set()
    for each in made:
        each.close(timeout=0.05)


# One event


def test_a_sent_event_is_stored_as_the_receipt_says(api, make):
    receipt = make().send("login", user={"username": "alice"}, client_ip="10.0.0.1")

    event = api.stored[receipt.id]
    assert (event.action, event.user, event.client_ip) == ("login", {"username": "alice"}, "10.0.0.1")
    assert (event.created, event.app) == (receipt.created, "the-key")
    assert receipt.expires - receipt.created > 364 * DAY


def test_an_event_says_how_long_it_is_kept(api, make):
    until = datetime.datetime(2100, 1, 2, 3, 4, 5, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))

    receipts = make().send_many(
        [
            {"action": "login", "expires": until},
            {"action": "login", "expiring": False},
            {"action": "login", "retention": "days=2"},
        ]
    )

    assert receipts[0].expires == until
    assert receipts[1].expires is None
    assert DAY < receipts[2].expires - receipts[2].created < 3 * DAY


def test_the_id_is_a_uuid_of_version_7_with_the_time_of_the_event(api, make):
    before = datetime.datetime.now(datetime.UTC).replace(microsecond=0)

    receipt = make().send("login")

    assert parse_id(receipt.id) == receipt.id
    assert before <= receipt.created <= datetime.datetime.now(datetime.UTC)


def test_an_id_of_the_callers_own_is_kept(api, make):
    own = uuid.UUID("01890a5d-ac96-774b-bcce-b302099a8057")

    receipt = make().send("login", id=own)

    assert receipt.id == str(own)


@pytest.mark.parametrize(("own", "expected"), [(None, "billing"), ("mail", "mail")])
def test_the_clients_app_is_that_of_events_which_name_none(api, make, own, expected):
    receipt = make(app="billing").send("login", app=own)

    assert api.stored[receipt.id].app == expected


def test_the_path_of_the_url_stands_before_the_apis(api, make):
    make(f"{api.url}/stage/$default/").send("login")

    assert api.requests[0].path == "/stage/$default/events"


def test_a_request_says_which_client_it_comes_from(api, make):
    make().send("login")

    (request,) = api.requests
    assert request.user_agent == f"tocsin-client/{tocsin_client.__version__}"


def test_a_repeat_after_a_lost_answer_stores_nothing_twice(api, make):
    api.faults.append(drops_after_storing)

    receipt = make().send("login")

    assert list(api.stored) == [receipt.id]
    assert len(api.requests) == 2


@pytest.mark.parametrize(
    "fault",
    [drops, answers(200, b"<html>Welcome</html>"), answers(200, {"id": 1}), answers(503, b"[" * 100_000)]
    + [answers(status, {"message": "not now"}) for status in (408, 425, 429, 500, 502, 503, 504)],
)
def test_what_time_can_heal_is_tried_again(api, make, naps, fault):
    api.faults.extend([fault, fault])

    receipt = make().send("login")

    assert list(api.stored) == [receipt.id]
    assert len(naps) == 2


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 409, 413, 415, 422])
def test_what_time_can_not_heal_is_refused_at_once(api, make, status):
    api.faults.append(answers(status, {"title": "No", "detail": "never", "status": status}, location="/elsewhere"))

    with pytest.raises(Refused) as caught:
        make().send("login")

    assert (caught.value.status, caught.value.title, caught.value.detail) == (status, "No", "never")
    assert len(api.requests) == 1


def test_a_refusal_names_the_fields_that_are_wrong(api, make):
    with pytest.raises(Refused, match="422 Some fields are wrong: client_ip") as caught:
        make().send("login", client_ip="here")

    assert [error["path"] for error in caught.value.errors] == ["client_ip"]


def test_a_refusal_by_the_gateway_has_its_message(api, make):
    api.faults.append(answers(403, {"message": "Forbidden"}))

    with pytest.raises(Refused, match="403 Forbidden"):
        make().send("login")


def test_a_body_that_does_not_come_to_its_end_is_no_acknowledgement(api, make, naps):
    def half(handler: Handler) -> None:
        handler.reply(201, b'{"id": "', {"content-length": "1000"})
        handler.close_connection = True

    api.faults.append(half)

    make().send("login")

    assert (len(api.requests), len(naps)) == (2, 1)


def test_pauses_double_and_vary(api, make, naps):
    api.faults.extend([drops] * 7)

    make(retries=7).send("login")

    longest = [0.25, 0.5, 1, 2, 4, 8, 8]
    assert all(most / 2 <= nap <= most for nap, most in zip(naps, longest, strict=True))
    assert len({nap / most for nap, most in zip(naps, longest, strict=True)}) > 1


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_waited_for(api, make, naps, status):
    api.faults.append(answers(status, {}, retry_after="7"))

    make().send("login")

    assert 7 <= naps[0] <= 8


def test_retry_after_may_be_a_date(api, make, naps):
    then = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=30)
    api.faults.append(answers(503, {}, retry_after=format_datetime(then, usegmt=True)))

    make().send("login")

    assert 28 <= naps[0] <= 31


@pytest.mark.parametrize("value", ["soon", "-5", "1e9", "Wed, 99 Foo 99999999999999999999 00:00:00 GMT", "²"])
def test_a_retry_after_that_is_none_counts_for_nothing(api, make, naps, value):
    def odd(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nretry-after: " + value.encode() + b"\r\n\r\n")

    api.faults.append(odd)

    make().send("login")

    assert naps[0] < 1


@pytest.mark.parametrize("value", ["61", "9" * 400])
def test_a_retry_after_that_is_too_long_ends_the_tries(api, make, naps, value):
    api.faults.append(answers(429, {"detail": "the key may send 5 events a minute"}, retry_after=value))

    with pytest.raises(Unreachable, match="429 the key may send 5 events a minute"):
        make().send("login")

    assert naps == []


def test_a_send_whose_retries_are_used_up_says_what_was_not_stored(api, make):
    api.faults.extend([answers(503, {"detail": "DynamoDB is throttling"})] * 3)

    with pytest.raises(Unreachable, match="1 of 1 events not stored: HTTP 503 DynamoDB is throttling") as caught:
        make(retries=2).send("login")

    assert caught.value.results == [None]
    assert [event["action"] for event in caught.value.unsent] == ["login"]
    assert len(api.requests) == 3


def test_an_api_that_hangs_is_unreachable_after_the_timeout(api, make):
    api.faults.append(hangs)

    with pytest.raises(Unreachable, match="timed out"):
        make(timeout=0.05, retries=0).send("login")


def test_an_api_that_is_down_is_unreachable(make):
    with Api() as gone:
        url = gone.url

    with pytest.raises(Unreachable, match="ConnectionRefusedError"):
        make(url).send("login")


def test_a_connection_is_used_again(api, make):
    sender = make()

    sender.send("login")
    sender.send("logout")

    assert api.requests[0].peer == api.requests[1].peer


def test_a_connection_that_the_api_closed_in_between_costs_no_event(api, make):
    def answers_and_closes(handler: Handler) -> None:
        handler.reply(*handler.api.ingest(handler))
        handler.close_connection = True

    sender = make()
    api.faults.append(answers_and_closes)

    sender.send("login")
    sender.send("logout")

    assert [event.action for event in api.stored.values()] == ["login", "logout"]


def test_threads_share_a_client(api, make):
    sender = make()
    threads = [threading.Thread(target=sender.send, args=("login",)) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(api.stored) == 8


# Several events


def test_results_come_in_the_order_of_the_events(api, make):
    results = make().send_many([{"action": "login"}, {"action": "b a d"}, {"action": "logout"}])

    assert [getattr(result, "status", 201) for result in results] == [201, 422, 201]
    assert [event.action for event in api.stored.values()] == ["login", "logout"]


def test_no_events_make_no_request(api, make):
    assert make().send_many([]) == []
    assert api.requests == []


def test_more_than_500_events_go_in_several_requests(api, make):
    results = make().send_many({"action": f"a{number}"} for number in range(1_001))

    assert [request.body.count(b"\n") + 1 for request in api.requests] == [500, 500, 1]
    assert [api.stored[result.id].action for result in results] == [f"custom_a{n}" for n in range(1_001)]


def test_requests_stay_below_1_mib(api, make):
    results = make().send_many({"action": "login", "context": {"text": "é" * 90_000}} for _ in range(12))

    assert len(results) == len(api.stored) == 12
    assert [len(request.body) <= MAX_BODY for request in api.requests] == [True] * 3


def test_an_event_too_large_for_any_request_is_refused_without_one(api, make):
    results = make().send_many([{"action": "login", "context": {"text": "x" * MAX_BODY}}, {"action": "logout"}])

    assert results[0].status == 413
    assert len(api.requests) == len(api.stored) == 1


def test_only_what_was_not_stored_is_sent_again(api, make):
    ids = [str(uuid.UUID(int=(0x0190 << 112) | (7 << 76) | (2 << 62) | number)) for number in range(4)]
    api.unavailable = set(ids[1:3])

    results = make().send_many({"action": "login", "id": each} for each in ids)

    assert [result.id for result in results] == ids
    assert [json.loads(line)["id"] for line in api.requests[1].body.splitlines()] == ids[1:3]


def test_a_request_refused_as_a_whole_refuses_each_of_its_events(make):
    results = make(key="another-key").send_many([{"action": "login"}, {"action": "logout"}])

    assert [result.status for result in results] == [401, 401]


def test_what_could_not_be_sent_is_told_and_can_be_sent_later_without_a_double(api, make):
    api.faults.extend([None, drops_after_storing])
    sender = make(retries=0)
    with pytest.raises(Unreachable) as caught:
        sender.send_many({"action": f"a{number}"} for number in range(1_200))

    sender.send_many(caught.value.unsent)

    assert [result is None for result in caught.value.results] == [False] * 500 + [True] * 700
    assert [event["action"] for event in caught.value.unsent] == [f"a{number}" for number in range(500, 1_200)]
    assert len(api.stored) == 1_200


# Any value


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Invoice:
    number: int
    tags: set[str]


class Hostile(dict):
    """Whatever is asked of it, it raises."""

    def __getattribute__(self, name):
        raise RuntimeError("no")

    def __str__(self):
        raise RuntimeError("no")

    __iter__ = __len__ = __hash__ = __repr__ = __eq__ = __str__


class Unprintable:
    def __str__(self):
        raise ValueError("no")


def itself() -> dict[str, object]:
    value: dict[str, object] = {"a": 1}
    value["self"] = value
    return value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (Level.HIGH, 3),
        (2**63 - 1, 2**63 - 1),
        (2**63, "9223372036854775808"),
        (-(10**5_000), "-1" + "0" * 5_000),
        (float("nan"), None),
        (float("-inf"), None),
        ("a\0b\ud800c\U0001f600", "abc\U0001f600"),
        ("\ud83d\ude00", "\U0001f600"),
        (datetime.datetime(2026, 3, 1, 12), "2026-03-01T12:00:00Z"),
        (datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.timezone(DAY / 24)), "2026-03-01T11:00:00Z"),
        (datetime.date(2026, 3, 1), "2026-03-01"),
        (datetime.time(1, 2), "01:02:00"),
        (datetime.timedelta(minutes=1), 60.0),
        (uuid.UUID(int=255), "000000000000000000000000000000ff"),
        (decimal.Decimal("1.50"), "1.50"),
        (Colour.RED, "red"),
        (b"text", "text"),
        (b"\xff\x00", "/wA="),
        ({3, 1, 2}, [1, 2, 3]),
        ((1, [2]), [1, [2]]),
        (Invoice(4711, {"b", "a"}), {"number": 4711, "tags": ["a", "b"]}),
        (KeyError("x"), {"type": "builtins.KeyError", "message": "'x'"}),
        (ipaddress.ip_address("10.0.0.1"), "10.0.0.1"),
        ({1: "a", "1": "b", None: "c", Colour.RED: "d"}, {"1": "a", "1 (2)": "b", "null": "c", "red": "d"}),
        (itself(), {"a": 1, "self": "… [cut: contains itself, or is nested too deeply]"}),
        (Unprintable(), f"<class '{__name__}.Unprintable'>"),
        (Invoice, f"<class '{__name__}.Invoice'>"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_become_json(value, expected):
    assert json_safe(value) == expected


def test_a_value_that_raises_whatever_is_asked_of_it_does_no_harm():
    assert "Hostile" in json.dumps(json_safe({"a": Hostile(), "b": 1}))


def test_values_are_nested_at_most_60_levels_deep():
    value: object = "bottom"
    for _ in range(2_000):
        value = [value]

    text = json.dumps(json_safe(value))

    assert text.startswith("[" * 60 + '"')


def test_a_value_that_would_unfold_without_end_is_cut():
    value: object = []
    for _ in range(59):
        value = [value, value]

    assert len(json.dumps(json_safe(value))) < 1_000_000


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.binary()
    | st.datetimes(timezones=st.none() | st.timezones())
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.uuids()
    | st.decimals()
    | st.complex_numbers()
    | st.sampled_from([Colour.RED, Level.HIGH, Unprintable(), itself(), ValueError("\0\ud800"), int, object])
    | st.builds(Hostile)
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(st.characters(exclude_categories=())) | st.integers() | st.none(), inner)
        | st.builds(Invoice, inner, inner)
    ),
    max_leaves=8,
)


@settings(max_examples=120, deadline=None)
@given(values)
def test_the_api_takes_any_value(value):
    line = json.dumps(json_safe({"action": "login", "context": {"value": value}}), ensure_ascii=False).encode()

    (item,) = read_body(line, JSON_TYPE).items

    assert item["action"] == "login"


# In the background


def test_an_emitted_event_is_stored_soon(api, make):
    sender = make()

    event_id = sender.emit("login", context={"when": datetime.date(2026, 3, 1)})

    assert sender.flush()
    assert api.stored[event_id].context == {"when": "2026-03-01"}


def test_events_that_come_while_the_api_answers_go_together(api, make):
    api.faults.append(waits)
    sender = make()
    sender.emit("first")
    while not api.requests:
        time.sleep(0)
    for _ in range(20):
        sender.emit("later")

    api.released.set()

    assert sender.flush()
    assert [len(request.body.splitlines()) for request in api.requests] == [1, 20]


def test_nothing_to_send_is_flushed_at_once(make):
    assert make().flush(timeout=0)


def test_a_flush_that_takes_too_long_says_so(api, make):
    api.faults.append(hangs)
    sender = make()
    sender.emit("login")

    assert not sender.flush(timeout=0.01)


def test_an_event_that_does_not_fit_into_the_queue_is_dropped_aloud(api, make, caplog):
    api.faults.append(waits)
    told: list[tuple[str, str]] = []
    sender = make(queue_size=2, on_lost=lambda event, reason: told.append((event["action"], str(reason))))

    ids = [sender.emit(action) for action in ("first", "second", "third")]

    assert [each is None for each in ids] == [False, False, True]
    assert told == [("third", "2 events wait already")]
    assert sender.lost == 1
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_an_event_that_does_not_fit_into_the_queue_raises_where_that_is_wished(api, make):
    api.faults.append(waits)
    sender = make(queue_size=1, when_full="raise")
    sender.emit("first")

    with pytest.raises(queue.Full):
        sender.emit("second")

    assert sender.lost == 0


def test_an_emitted_event_that_is_refused_is_lost_aloud(api, make, caplog):
    told: list[Exception] = []
    sender = make(on_lost=lambda event, reason: told.append(reason))

    sender.emit("b a d")
    sender.emit("login")

    assert sender.flush()
    assert [reason.status for reason in told] == [422]
    assert "Some fields are wrong" in caplog.text
    assert len(api.stored) == 1


def test_emitted_events_wait_out_a_failure_that_outlasts_the_retries(api, make, monkeypatch, caplog):
    monkeypatch.setattr(buffer, "_PAUSE", 0.001)
    api.faults.extend([drops] * 20)
    sender = make(retries=1)

    sender.emit("login")
    sender.emit("logout")

    assert sender.flush()
    assert (len(api.stored), sender.lost) == (2, 0)
    assert "they wait" in caplog.text


def test_a_flush_ends_the_pause_after_a_failure(api, make, caplog):
    api.faults.append(drops)
    sender = make(retries=0)
    sender.emit("login")
    while "they wait" not in caplog.text:
        time.sleep(0)

    assert sender.flush(timeout=buffer._PAUSE / 2)


def test_a_flush_makes_no_storm_of_requests_while_the_api_is_down(api, make, caplog):
    api.faults.extend([drops] * 1_000)
    sender = make(retries=0)
    sender.emit("login")
    while "they wait" not in caplog.text:
        time.sleep(0)

    assert not sender.flush(timeout=0.05)

    assert len(api.requests) <= 3


def test_an_event_that_the_api_always_fails_on_holds_up_no_others(api, make, monkeypatch):
    def fails_on_poison(handler: Handler) -> None:
        api.faults.append(fails_on_poison)
        if b"poison" in handler.body:
            handler.reply(500, {"message": "Internal Server Error"})
        else:
            handler.reply(*api.ingest(handler))

    monkeypatch.setattr(buffer, "_PAUSE", 0.001)
    api.faults.append(fails_on_poison)
    sender = make(retries=0)
    sender.emit("poison")
    for _ in range(20):
        sender.emit("login")

    deadline = time.monotonic() + 5
    while len(api.stored) < 20 and time.monotonic() < deadline:
        sender.flush(timeout=0.01)

    assert len(api.stored) == 20


def test_a_callback_that_raises_ends_nothing(api, make):
    def broken(event, reason):
        raise RuntimeError("no")

    sender = make(on_lost=broken)

    sender.emit("b a d")
    assert sender.flush()
    sender.emit("login")
    assert sender.flush()

    assert (len(api.stored), sender.lost) == (1, 1)


def test_a_session_that_raises_costs_its_events_only(api, make):
    class Broken(Session):
        def post(self, lines):
            if b"first" in lines[0]:
                raise RuntimeError("a bug")
            return super().post(lines)

    sender = make(session=Broken(api.url, KEY))

    sender.emit("first")
    assert sender.flush()
    sender.emit("login")
    assert sender.flush()

    assert (len(api.stored), sender.lost) == (1, 1)


def test_closing_sends_what_waits(api, make):
    sender = make()
    sender.emit("login")

    sender.close()

    assert len(api.stored) == 1


def test_closing_reports_what_could_not_be_sent(api, make):
    api.faults.append(hangs)
    told: list[str] = []
    sender = make(on_lost=lambda event, reason: told.append(event["action"]))
    sender.emit("first")
    while not api.requests:
        time.sleep(0)
    sender.emit("second")

    sender.close(timeout=0.01)

    assert told == ["first", "second"]


def test_an_event_after_the_close_is_lost_aloud(make, caplog):
    sender = make()
    sender.close()

    sender.emit("login")

    assert sender.lost == 1
    assert "the client is closed" in caplog.text


def run(api: Api, script: str) -> None:
    """Runs a producer of its own, with the environment that `from_environment` reads."""
    env = {"PYTHONPATH": str(LIBRARY.parent), "TOCSIN_URL": api.url, "TOCSIN_KEY": KEY}
    subprocess.run([sys.executable, "-S", "-W", "ignore", "-c", script], env=env, check=True, timeout=20)


def test_the_end_of_a_process_sends_what_waits(api):
    run(
        api,
        "from tocsin_client import Client\n"
        "client = Client.from_environment()\n"
        "for _ in range(50): client.emit('login')\n",
    )

    assert len(api.stored) == 50


def test_a_forked_process_sends_its_own_events_and_its_parents_only_once(api):
    run(
        api,
        "import os\n"
        "from tocsin_client import Client\n"
        "client = Client.from_environment(app='forking')\n"
        "client.send('before')\n"
        "client.emit('parent')\n"
        "child = os.fork()\n"
        "client.emit('child' if child == 0 else 'parent')\n"
        "assert client.flush()\n"
        "if child: assert os.waitpid(child, 0)[1] == 0\n",
    )

    assert sorted(event.action for event in api.stored.values()) == [
        "custom_before",
        "custom_child",
        "custom_parent",
        "custom_parent",
    ]


# Deprecations


def test_a_deprecation_is_a_configuration_warning_kept_for_30_days(api, make):
    sender = make()

    sender.log_deprecation("old-setting", "use new-setting", "settings.yml", line=3)

    assert sender.flush()
    (event,) = api.stored.values()
    assert event.action == "configuration_warning"
    assert event.context == {
        "deprecation": "old-setting",
        "message": "use new-setting",
        "cause": "settings.yml",
        "line": 3,
    }
    assert abs(event.expires - datetime.datetime.now(datetime.UTC) - 30 * DAY) < datetime.timedelta(minutes=1)


def test_a_repeated_deprecation_writes_nothing(api, make):
    sender = make()
    sender.log_deprecation("old-setting", "use new-setting")
    sender.flush()

    sender.log_deprecation("old-setting", "use new-setting")

    assert sender.flush()
    assert len(api.requests) == 1


@pytest.mark.parametrize("message", ["use new-setting", "now in other words"])
def test_a_deprecation_that_another_process_has_said_counts_as_said(api, make, message):
    first, second = make(), make()
    first.log_deprecation("old-setting", "use new-setting")
    first.flush()

    second.log_deprecation("old-setting", message)

    assert second.flush()
    assert len(api.requests) == 2
    assert (len(api.stored), second.lost) == (1, 0)


def test_each_cause_of_a_deprecation_is_said(api, make):
    sender = make()

    for cause in (None, "settings.yml", "environment"):
        sender.log_deprecation("old-setting", "use new-setting", cause)

    assert sender.flush()
    assert len(api.stored) == 3


def test_a_deprecation_is_said_again_after_30_days(api, make, monkeypatch):
    sender = make()
    sender.log_deprecation("old-setting", "use new-setting")
    sender.flush()
    now = time.time()
    monkeypatch.setattr(client, "_WINDOW", 86_400)  # another window, as in 30 days

    sender.log_deprecation("old-setting", "use new-setting")

    assert sender.flush()
    assert len(api.stored) == 2
    assert all(event.created.timestamp() <= now for event in api.stored.values())


def test_a_deprecation_that_was_lost_is_said_again(api, make):
    api.faults.append(answers(403, {"message": "Forbidden"}))
    sender = make()
    sender.log_deprecation("old-setting", "use new-setting")
    sender.flush()

    sender.log_deprecation("old-setting", "use new-setting")

    assert sender.flush()
    assert len(api.stored) == 1


# Safety


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://10.0.0.1",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "ftp://127.0.0.1",
        "https://user:pass@example.com",
        "https://example.com?x=y",
        "https://example.com/ü",
        "https://",
        "example.com",
        "",
    ],
)
def test_a_url_that_would_show_the_key_is_refused(url):
    with pytest.raises(ValueError, match="URL"):
        Client(url, KEY)


@pytest.mark.parametrize(
    "url",
    ["https://example.com/prod", "http://localhost:3000", "http://127.0.0.1", "http://[::1]:80", "http://a.localhost"],
)
def test_a_url_that_is_https_or_loopback_is_taken(url):
    Client(url, KEY).close()


@pytest.mark.parametrize("key", ["", "a key", "a\r\nhost: evil", "schlüssel"])
def test_a_key_that_no_header_carries_is_refused_without_being_shown(key):
    with pytest.raises(ValueError, match="the key must be") as caught:
        Client("https://example.com", key)

    assert not key or key not in str(caught.value)


def babbles(handler: Handler) -> None:
    """Answers with what is no HTTP: the key."""
    handler.wfile.write(KEY.encode() + b"\r\n")
    handler.close_connection = True


def test_the_key_is_shown_nowhere(api, make, caplog):
    caplog.set_level(logging.DEBUG)
    api.faults.extend([answers(403, {"title": KEY, "detail": KEY, "errors": [{"path": KEY}]})] * 2)
    api.faults.extend([answers(503, {"detail": f"key {KEY}"}), babbles])
    sender = make(retries=0, key=KEY + "\n")
    shown = [repr(sender), repr(vars(sender)), repr(vars(sender._session))]

    sender.emit("login")
    sender.flush()
    for _ in range(3):
        with pytest.raises((Refused, Unreachable)) as caught:
            sender.send("login")
        shown += [str(caught.value), repr(caught.value), str(caught.getrepr(showlocals=True, chain=True))]

    assert len(api.requests) == 4
    assert all(KEY not in text for text in [*shown, caplog.text])


def test_the_key_is_not_among_the_variables_of_a_failed_call(make, monkeypatch):
    def broken(result: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("tocsin_client.session._outcome", broken)

    with pytest.raises(RuntimeError) as caught:
        make().send("login")

    assert KEY not in str(caught.getrepr(showlocals=True))


def test_the_environment_names_the_api_and_the_key(api, monkeypatch):
    monkeypatch.setenv("TOCSIN_URL", api.url)
    monkeypatch.setenv("TOCSIN_KEY", KEY)
    sender = Client.from_environment(app="billing")

    receipt = sender.send("login")

    sender.close()
    assert api.stored[receipt.id].app == "billing"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 and its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tocsin test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - DAY, now + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


def tls_url(api: Api, certificate: Path) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    api.serve_tls(context)
    return api.url.replace("http:", "https:")


def test_a_private_authority_is_trusted_where_the_session_is_told(api, make, certificate):
    url = tls_url(api, certificate)
    session = Session(url, KEY, ssl_context=ssl.create_default_context(cafile=str(certificate)))

    make(url, session=session).send("login")

    assert len(api.stored) == 1


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(api, make, certificate):
    url = tls_url(api, certificate)

    with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
        make(url, retries=0).send("login")

    assert api.requests == []


# The package


@pytest.mark.parametrize("module", sorted(LIBRARY.glob("*.py")), ids=lambda path: path.name)
def test_the_library_is_python_3_9_and_imports_the_standard_library_only(module):
    tree = ast.parse(module.read_text(), feature_version=(3, 9))

    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names | {"tocsin_client"}


# What is remembered


def test_a_deprecation_that_found_the_queue_full_is_said_again(api, make):
    sender = make(queue_size=0)
    sender.log_deprecation("old-setting", "use new-setting")

    sender.log_deprecation("old-setting", "use new-setting")

    assert sender.lost == 2


def test_deprecations_beyond_what_is_remembered_are_said_again(api, make, monkeypatch):
    monkeypatch.setattr(client, "_MAX_REMEMBERED", 2)
    sender = make()
    for identifier in ("first", "second", "third"):
        sender.log_deprecation(identifier, "use another")
    sender.flush()

    for identifier in ("fourth", "first"):
        sender.log_deprecation(identifier, "use another")

    assert sender.flush()
    said = [json.loads(line)["context"]["deprecation"] for each in api.requests for line in each.body.splitlines()]
    assert said.count("first") == 2


def test_a_connection_that_was_idle_for_long_is_replaced(api, make, monkeypatch):
    sender = make()
    sender.send("login")
    monkeypatch.setattr(tocsin_client.session, "_KEPT_OPEN", 0.0)

    sender.send("logout")

    assert api.requests[0].peer != api.requests[1].peer


def test_objects_of_too_many_values_in_all_are_cut():
    value = [{f"{at}": {"a": at, "b": at} for at in range(1_000)} for _ in range(1_000)]

    assert len(json.dumps(json_safe(value))) < 2_000_000
