"""Log records as events."""

import logging

import pytest

from tests.unit.client.api_server import drops
from tocsin_client.logging import EventHandler


@pytest.fixture
def log(make):
    """A logger whose records are events, and the client that they go through."""
    client = make()
    logger = logging.getLogger("billing.audit")
    handler = EventHandler(client=client)
    logger.addHandler(handler)
    yield logger, client
    logger.removeHandler(handler)


def stored(api, client) -> list[dict]:
    assert client.flush(timeout=120)
    return [event.to_json() for event in api.stored.values()]


def test_a_record_is_an_event(api, log):
    logger, client = log

    logger.warning("invoice %d was changed twice", 4711, extra={"action": "invoice_conflict", "invoice": 4711})

    (event,) = stored(api, client)
    source = event["context"].pop("source")
    assert (event["action"], event["app"]) == ("custom_invoice_conflict", "billing.audit")
    assert event["context"] == {
        "message": "invoice 4711 was changed twice",
        "level": "warning",
        "logger": "billing.audit",
        "invoice": 4711,
    }
    assert (source["file"], source["function"]) == (__file__, "test_a_record_is_an_event")


def test_a_record_below_the_level_is_none(api, log):
    logger, client = log

    logger.info("nothing of note")

    assert stored(api, client) == []


def test_a_record_of_an_exception_is_a_system_exception(api, log):
    logger, client = log

    try:
        {}["x"]
    except KeyError:
        logger.exception("it failed")

    (event,) = stored(api, client)
    assert event["action"] == "system_exception"
    assert event["context"]["message"] == "it failed"
    assert event["context"]["exception"]["type"] == "KeyError"


def test_a_records_request_and_user_are_the_events(api, log):
    logger, client = log
    request = {"REQUEST_METHOD": "GET", "PATH_INFO": "/a", "REMOTE_ADDR": "10.0.0.9"}

    logger.error("denied", extra={"request": request, "user": {"username": "alice"}})
    logger.error("denied", extra={"user": "bob"})

    first, second = stored(api, client)
    assert (first["client_ip"], first["user"]) == ("10.0.0.9", {"username": "alice"})
    assert first["context"]["http_request"]["path"] == "/a"
    assert "request" not in first["context"]
    assert second["user"] == {"username": "bob"}


def test_records_of_the_library_make_no_events(api, make):
    """A queue that is full says so, which would be one more event for it."""
    client = make(queue_size=1)
    handler = EventHandler(level=logging.DEBUG, client=client)
    logging.getLogger().addHandler(handler)
    api.faults.extend([drops] * 5)
    try:
        for _ in range(20):
            client.emit("x")
        logging.getLogger("tocsin_client.deeper").error("one of ours")
    finally:
        logging.getLogger().removeHandler(handler)

    assert stored_actions(api, client) <= {"custom_x"}


def stored_actions(api, client) -> set[str]:
    client.flush(timeout=120)
    return {event.action for event in api.stored.values()}


def test_what_an_event_logs_while_it_is_saved_makes_no_event(api, log):
    logger, client = log

    class Logging:
        def __str__(self):
            logger.error("asked for my text")
            return "text"

    logger.error("outer", extra={"value": Logging()})

    (event,) = stored(api, client)
    assert (event["context"]["message"], event["context"]["value"]) == ("outer", "text")


def test_a_record_that_is_wrong_is_handled_as_logging_does(log, capsys, monkeypatch):
    logger, _ = log
    monkeypatch.setattr(logger, "propagate", False)  # pytest's own handler raises

    logger.error("%d", "no number")

    assert "no number" in capsys.readouterr().err
