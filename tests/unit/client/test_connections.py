"""Connections to the API: kept open, and closed."""

import socket
from concurrent.futures import ThreadPoolExecutor

from tests.unit.client.api_server import Handler
from tocsin_client import session as sessions
from tocsin_client.session import Session


def test_a_connection_is_used_again(api, make):
    sender = make()

    sender.send("login")
    sender.send("logout")

    assert api.requests[0].peer == api.requests[1].peer


def test_a_connection_that_was_idle_for_long_is_closed_and_not_used_again(api, make, monkeypatch):
    """Of a Lambda function that slept meanwhile, the other side has probably ended it without a word."""
    monkeypatch.setattr(sessions, "_KEPT_OPEN", 0.0)
    sender = make(retries=0)

    sender.send("login")
    sender.send("logout")

    assert api.requests[0].peer != api.requests[1].peer
    assert len(sender._session._idle) == 1


def test_a_connection_that_the_api_closed_in_between_costs_no_event(api, make):
    def answers_and_closes(handler: Handler) -> None:
        handler.reply(*handler.api.ingest(handler))
        handler.close_connection = True

    sender = make()
    api.faults.append(answers_and_closes)

    sender.send("login")
    sender.send("logout")

    assert [event.action for event in api.stored.values()] == ["login", "logout"]


def test_a_connection_whose_answer_comes_after_the_close_is_closed_too():
    """The fault: it stayed open until the session was collected, since it was none of those that were closed."""
    answer = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:
        session = Session(f"http://127.0.0.1:{listening.getsockname()[1]}", "key")
        posted = pool.submit(session.post, [b"{}"])
        there, _ = listening.accept()
        with there:
            there.settimeout(30)
            request = b""
            while not request.endswith(b"\r\n\r\n{}"):
                request += there.recv(65_536)
            session.close()
            there.sendall(answer)

            assert posted.result(30).answered
            assert there.recv(1) == b""
