"""WebSockets on the deployed stack, by a real client: what is told, and that a connection ends with its key."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest
import websocket

from local.api import TocsinApi
from local.stack import LocalStack
from tests.stack.conftest import SCHEDULE_SPEED

WITHIN_S = 40
"""How long a message may take here: a machine that is busy starts functions slowly."""


class Socket:
    """One connection."""

    def __init__(self, stack: LocalStack, ticket: str) -> None:
        api = stack.deployed.outputs["LiveApiId"]
        base = stack.emulator.endpoint_url.replace("http://", "ws://")
        url = f"{base}/_aws/execute-api/{api}/live?ticket={ticket}"
        self._socket = websocket.create_connection(url, timeout=WITHIN_S)

    def say(self, **message: Any) -> None:
        self._socket.send(json.dumps(message))

    def hear(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """The next message of that kind with those members; what comes between is let go."""
        deadline = time.monotonic() + WITHIN_S
        while time.monotonic() < deadline:
            message: dict[str, Any] = json.loads(self._socket.recv())
            if message["message_type"] == kind and wanted.items() <= message.items():
                return message
        raise AssertionError(f"no {kind} came")

    def wait_for_end(self, within_s: float) -> float:
        """Seconds until the connection was closed by the other side."""
        began = time.monotonic()
        self._socket.settimeout(within_s)
        while True:
            try:
                if not self._socket.recv():
                    return time.monotonic() - began
            except websocket.WebSocketConnectionClosedException:
                return time.monotonic() - began

    def close(self) -> None:
        self._socket.close()
        self._socket.shutdown()  # after the other side has closed, `close` leaves the socket open


@pytest.fixture
def farah(api: TocsinApi, stack: LocalStack) -> Iterator[tuple[str, TocsinApi]]:
    """A key that stands for farah: its name, and the API with it."""
    name = f"live-{uuid4()}"
    made = api.ask("POST", "/keys", json={"name": name, "scopes": ["notifications"], "user": "farah"})
    assert made.status_code == 201, made.text
    yield name, stack.api(made.json()["key"])
    api.ask("DELETE", f"/keys/{name}")


def connect(stack: LocalStack, api: TocsinApi) -> Socket:
    answer = api.ask("POST", "/tickets")
    assert answer.status_code == 201, answer.text
    return Socket(stack, answer.json()["ticket"])


def test_a_ticket_opens_one_connection_which_is_answered(stack: LocalStack, api: TocsinApi) -> None:
    ticket = api.ask("POST", "/tickets").json()["ticket"]

    with closing(Socket(stack, ticket)) as socket:
        socket.say(action="ping")
        assert socket.hear("pong") == {"message_type": "pong"}
    with pytest.raises(websocket.WebSocketBadStatusException):
        Socket(stack, ticket)


def test_the_log_is_followed_with_the_filters_of_its_list(stack: LocalStack, api: TocsinApi) -> None:
    app = f"tailed-{uuid4()}"
    with closing(connect(stack, api)) as socket:
        socket.say(action="events.tail", filters={"app": app, "filter": "event.context.n > 0"})
        socket.hear("events.tailing")

        # The matcher looks for who follows every few seconds: what happened before it looked is in the list.
        heard: dict[str, Any] | None = None
        deadline = time.monotonic() + WITHIN_S
        socket._socket.settimeout(2)
        while heard is None and time.monotonic() < deadline:
            for n in (0, 1):
                api.ask("POST", "/events", json={"action": "probe", "app": app, "context": {"n": n}})
            try:
                heard = socket.hear("events.new")
            except websocket.WebSocketTimeoutException:
                continue

        assert heard is not None
        assert {(event["app"], event["context"]["n"]) for event in heard["data"]} == {(app, 1)}
        assert heard["skipped"] == 0


def test_a_notification_is_pushed_as_the_inbox_has_it_and_so_is_its_mark(
    stack: LocalStack, api: TocsinApi, farah: tuple[str, TocsinApi]
) -> None:
    _, mine = farah
    with closing(connect(stack, mine)) as socket:
        message = f"pushed {uuid4()}"
        event = api.ask(
            "POST", "/events", json={"action": "custom_probe", "app": "large", "context": {"message": message}}
        )

        pushed = socket.hear("notification.new")

        assert pushed["data"]["event_id"] == event.json()["id"]
        assert pushed["data"]["body"] == message
        assert pushed["data"] == mine.ask("GET", f"/notifications/{pushed['id']}").json()
        assert mine.ask("POST", "/notifications/seen", json={"ids": [pushed["id"]]}).ok
        assert socket.hear("notification.seen")["data"] == {"ids": [pushed["id"]], "seen": True}


def test_a_connection_ends_within_a_minute_of_its_key(
    stack: LocalStack, api: TocsinApi, farah: tuple[str, TocsinApi]
) -> None:
    name, mine = farah
    with closing(connect(stack, mine)) as socket:
        assert api.ask("DELETE", f"/keys/{name}").ok

        # the schedule's minute, as long as it is here, and the time in which a busy machine runs a function
        assert socket.wait_for_end(within_s=90) <= 60 / SCHEDULE_SPEED + 15
