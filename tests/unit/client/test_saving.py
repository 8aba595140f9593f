"""Events that are saved: whom they are by may be known only then, and what goes wrong."""

import asyncio
import queue

import pytest

from tests.unit.client.api_server import under_way, waits
from tocsin_client import Event, faults
from tocsin_client.http_request import HttpRequest


@pytest.fixture
def unreported(monkeypatch) -> None:
    """As if nothing had been reported in the last minute."""
    monkeypatch.setattr(faults, "_reported", {})


async def saved_of(request, client, **said):
    return await Event.new("login").set_user({"username": "nobody"}).from_http(request, **said).asave(client=client)


async def alice():
    return {"pk": 7, "username": "alice"}


async def a_database_that_fails():
    raise OSError("the database is gone")


@pytest.mark.parametrize(
    ("said", "expected"),
    [({}, {"pk": 7, "username": "alice"}), ({"user": {"username": "bob"}}, {"username": "bob"})],
)
def test_whom_a_request_is_by_is_asked_when_its_event_is_awaited_unless_it_is_said(api, make, said, expected):
    request = HttpRequest(path="/", method="GET")
    request.user_later = alice

    receipt = asyncio.run(saved_of(request, make(), **said))

    assert api.stored[receipt.id].user == expected


def test_an_event_whose_user_can_not_be_asked_says_the_rest(api, make, unreported, caplog):
    request = HttpRequest(path="/", method="GET")
    request.user_later = a_database_that_fails

    receipt = asyncio.run(saved_of(request, make()))

    assert api.stored[receipt.id].user == {"username": "nobody"}
    (record,) = caplog.records
    assert record.getMessage() == "the user of a request can't be told"
    assert str(record.exc_info[1]) == "the database is gone"


def test_a_full_queue_is_the_callers_where_that_is_wished(api, make):
    api.faults.append(waits)
    client = make(queue_size=1, when_full="raise")
    under_way(api, client)

    with pytest.raises(queue.Full):
        Event.new("second").save(client=client)


def test_a_client_that_fails_hurts_no_caller(make, unreported, caplog, monkeypatch):
    def broken(line):
        raise RuntimeError("a bug")

    monkeypatch.setattr("tocsin_client.lines.line", broken)

    assert Event.new("login").save(client=make()) is None

    (record,) = caplog.records
    assert (record.getMessage(), str(record.exc_info[1])) == ("an event can't be saved", "a bug")
