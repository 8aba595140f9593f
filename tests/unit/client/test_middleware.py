"""WSGI and ASGI middleware around applications of no framework."""

import asyncio
import contextvars

import pytest

from tests.unit.client.api_server import hangs, under_way
from tocsin_client import Event, asgi, configuration, exceptions, faults, wsgi
from tocsin_client.current import request_id


@pytest.fixture
def stored(api, make, monkeypatch):
    """The events that the API has, once what was saved is there."""
    monkeypatch.setattr(configuration, "current", configuration._Configuration())
    client = configuration.configure(client=make())

    def events():
        assert client.flush(timeout=120)
        return [event.to_json() for event in api.stored.values()]

    return events


ENVIRON = {"REQUEST_METHOD": "GET", "PATH_INFO": "/a", "REMOTE_ADDR": "10.0.0.9"}


class Server:
    """A WSGI server, as far as one request needs it."""

    def __init__(self, application, **environ):
        self.headers = {}
        self.body = b""
        body = application(ENVIRON | environ, self.start)
        try:
            for part in body:
                self.body += part
        finally:
            close = getattr(body, "close", lambda: None)
            close()

    def start(self, status, headers, exc_info=None):
        self.status = status
        self.headers = dict(headers)


class SuspiciousOperation(Exception):
    """As Django's."""


class DisallowedHost(SuspiciousOperation):
    """One of its kinds."""


def ok(environ, start_response):
    Event.new("inside").save()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"fine"]


def test_events_of_a_wsgi_request_and_its_response_have_one_id(stored):
    server = Server(wsgi.Middleware(ok))

    (event,) = stored()
    assert (server.status, server.body) == ("200 OK", b"fine")
    assert len(server.headers["X-Request-ID"]) == 32
    assert event["context"] == {"http_request": {"request_id": server.headers["X-Request-ID"]}}
    assert request_id() is None


def test_the_id_that_a_request_came_with_is_kept(stored):
    server = Server(wsgi.Middleware(ok), HTTP_X_REQUEST_ID="r-1")

    assert server.headers["X-Request-ID"] == "r-1"
    assert stored()[0]["context"]["http_request"]["request_id"] == "r-1"


def test_an_id_that_the_application_answers_itself_is_left(stored):
    def own(environ, start_response):
        start_response("200 OK", [("x-request-id", "own")])
        return []

    assert Server(wsgi.Middleware(own)).headers == {"x-request-id": "own"}


def test_what_a_wsgi_application_raises_is_told_and_raised(stored):
    def fails(environ, start_response):
        raise KeyError("x")

    with pytest.raises(KeyError):
        Server(wsgi.Middleware(fails, app="shop"))

    (event,) = stored()
    assert (event["action"], event["app"], event["client_ip"]) == ("system_exception", "shop", "10.0.0.9")
    assert event["context"]["message"] == "KeyError: 'x'"
    assert event["context"]["http_request"]["path"] == "/a"
    assert request_id() is None


def test_what_is_raised_while_a_body_is_read_is_told(stored):
    def fails_later(environ, start_response):
        start_response("200 OK", [])
        yield b"first"
        Event.new("inside").save()
        raise KeyError("x")

    with pytest.raises(KeyError):
        Server(wsgi.Middleware(fails_later))

    inside, raised = stored()
    assert raised["action"] == "system_exception"
    assert inside["context"]["http_request"]["request_id"] == raised["context"]["http_request"]["request_id"]
    assert request_id() is None


def test_a_body_is_closed(stored):
    closed = []

    class Body:
        def __iter__(self):
            return iter([b"a"])

        def close(self):
            closed.append(True)

    def application(environ, start_response):
        start_response("200 OK", [])
        return Body()

    Server(wsgi.Middleware(application))

    assert closed == [True]


def test_a_body_need_not_be_one_that_can_be_closed(stored):
    class Body:
        def __iter__(self):
            yield b"a"

    def application(environ, start_response):
        start_response("200 OK", [])
        return Body()

    assert Server(wsgi.Middleware(application)).body == b"a"
    assert request_id() is None


def test_a_body_that_another_task_closes_leaves_that_no_request_id(stored):
    """As servers do that read a body elsewhere than where they called the application."""

    def application(environ, start_response):
        start_response("200 OK", [])
        yield b"a"

    called = contextvars.copy_context()
    body = called.run(wsgi.Middleware(application), ENVIRON, lambda *_: None)
    reading = called.copy()

    reading.run(body.close)

    assert called.run(request_id) is not None
    assert reading.run(request_id) is None


def test_a_file_that_the_server_can_send_by_itself_is_left_to_it(stored):
    class FileWrapper:
        def __iter__(self):
            return iter([b"a"])

    def application(environ, start_response):
        start_response("200 OK", [])
        return FileWrapper()

    body = wsgi.Middleware(application)(ENVIRON | {"wsgi.file_wrapper": FileWrapper}, lambda *_: None)

    assert isinstance(body, FileWrapper)


@pytest.mark.parametrize("error", [SuspiciousOperation("it asked for x"), DisallowedHost("evil.example")])
def test_a_suspicious_request_is_one(stored, error):
    def suspicious(environ, start_response):
        raise error

    with pytest.raises(SuspiciousOperation):
        Server(wsgi.Middleware(suspicious))

    (event,) = stored()
    assert event["action"] == "suspicious_request"
    assert event["context"]["reason"] == type(error).__name__
    assert event["context"]["message"] == str(error)
    assert "exception" not in event["context"]


def test_an_exception_that_passes_several_is_told_once(stored):
    def fails(environ, start_response):
        raise KeyError("x")

    with pytest.raises(KeyError):
        Server(wsgi.Middleware(wsgi.Middleware(fails)))

    assert len(stored()) == 1


def test_what_is_raised_stays_what_it_is_where_it_can_not_be_told(api, make, monkeypatch, caplog):
    monkeypatch.setattr(configuration, "current", configuration._Configuration())
    monkeypatch.setattr(faults, "_reported", {})
    api.faults.append(hangs)
    client = configuration.configure(client=make(queue_size=1, when_full="raise"))
    under_way(api, client)

    def fails(environ, start_response):
        raise KeyError("x")

    with pytest.raises(KeyError):
        Server(wsgi.Middleware(fails))

    (record,) = caplog.records
    assert record.getMessage() == "tocsin_client.exceptions.tell failed"
    assert str(record.exc_info[1]) == "the queue is full"


def test_an_exception_with_slots_hurts_nobody(stored):
    class Slotted(Exception):
        __slots__ = ()

        def __setattr__(self, name, value):
            raise AttributeError(name)

    exceptions.tell(Slotted("x"), app="a")

    assert len(stored()) == 1


# ASGI

SCOPE = {
    "type": "http",
    "method": "GET",
    "path": "/a",
    "query_string": b"",
    "headers": [],
    "client": ("10.0.0.9", 1),
}


def call(application, **scope) -> list[dict]:
    """The messages that an ASGI application sends."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request"}

    asyncio.run(application(SCOPE | scope, receive, send))
    return sent


async def asgi_ok(scope, receive, send):
    Event.new("inside").save()
    await asyncio.gather(*[in_a_task() for _ in range(2)])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": scope["state"]["request_id"].encode()})


async def in_a_task():
    await asyncio.sleep(0)
    Event.new("inside_a_task").save()


def test_an_answer_whose_headers_are_read_once_keeps_them(stored):
    """The fault: headers that are no list, as ASGI allows, were gone where a request id was among them."""

    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": iter([(b"x-request-id", b"own")])})

    (start,) = call(asgi.Middleware(application))

    assert list(start["headers"]) == [(b"x-request-id", b"own")]


def test_events_of_an_asgi_request_and_its_response_have_one_id(stored):
    start, body = call(asgi.Middleware(asgi_ok))

    ids = {event["context"]["http_request"]["request_id"] for event in stored()}
    assert ids == {dict(start["headers"])[b"x-request-id"].decode()} == {body["body"].decode()}
    assert len(stored()) == 3


def test_requests_that_are_answered_at_once_keep_their_ids_apart(stored):
    application = asgi.Middleware(asgi_ok)

    async def both():
        async def one(name):
            async def send(message):
                await asyncio.sleep(0)

            await application(SCOPE | {"headers": [(b"x-request-id", name)]}, None, send)

        await asyncio.gather(one(b"first"), one(b"second"))

    asyncio.run(both())

    ids = sorted(event["context"]["http_request"]["request_id"] for event in stored())
    assert ids == ["first"] * 3 + ["second"] * 3


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_what_an_asgi_application_raises_is_told_and_raised(stored, kind):
    async def fails(scope, receive, send):
        raise KeyError("x")

    with pytest.raises(KeyError):
        call(asgi.Middleware(fails, app="shop"), type=kind)

    (event,) = stored()
    assert (event["action"], event["app"], event["client_ip"]) == ("system_exception", "shop", "10.0.0.9")


def test_a_server_that_shuts_down_waits_for_what_was_saved(api, stored):
    async def lifespan(scope, receive, send):
        Event.new("last").save()
        await send({"type": "lifespan.shutdown.complete"})

    call(asgi.Middleware(lifespan), type="lifespan")

    assert [event.action for event in api.stored.values()] == ["custom_last"]


def test_a_server_that_shuts_down_before_all_is_sent_says_so(api, stored, monkeypatch, caplog):
    """The fault: Uvicorn ends by its signal, so that what the API took too long for was lost without a word."""

    async def lifespan(scope, receive, send):
        Event.new("last").save()
        await send({"type": "lifespan.shutdown.complete"})

    monkeypatch.setattr(asgi, "FLUSH", 0.01)
    monkeypatch.setattr(faults, "_reported", {})
    api.faults.append(hangs)

    assert call(asgi.Middleware(lifespan), type="lifespan") == [{"type": "lifespan.shutdown.complete"}]

    assert "not all events are sent" in caplog.text
    api.released.set()


def test_other_kinds_of_scopes_pass(stored):
    async def other(scope, receive, send):
        await send({"type": scope["type"]})

    assert call(asgi.Middleware(other), type="another") == [{"type": "another"}]
