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


async def nobody():
    return None


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


def test_whom_an_impersonator_acts_for_is_asked_when_the_event_is_awaited(api, make):
    """The fault: nobody was asked, and the event was on behalf of nobody."""
    request = HttpRequest(path="/", method="GET", impersonator={"pk": 1, "username": "admin"})
    request.user_later = alice

    receipt = asyncio.run(saved_of(request, make()))

    by = {"pk": 1, "username": "admin", "on_behalf_of": {"pk": 7, "username": "alice"}}
    assert api.stored[receipt.id].user == by


@pytest.mark.parametrize(
    ("pending", "expected"),
    [
        (
            {"pk": 9, "username": "bob"},
            {"pk": 9, "username": "bob", "authenticated_as": {"pk": 7, "username": "alice"}},
        ),
        ({"pk": 7, "username": "alice"}, {"pk": 7, "username": "alice"}),
    ],
)
def test_who_is_signed_in_beside_a_pending_user_is_asked_when_the_event_is_awaited(api, make, pending, expected):
    request = HttpRequest(path="/", method="GET", pending_user=pending)
    request.user_later = alice

    receipt = asyncio.run(saved_of(request, make()))

    assert api.stored[receipt.id].user == expected


def test_what_is_said_of_the_user_after_the_request_holds_beside_what_is_asked(api, make):
    """The fault: what was asked took its place."""
    request = HttpRequest(path="/", method="GET")
    request.user_later = alice
    client = make()

    async def saved():
        by_another = Event.new("login").from_http(request).set_user({"username": "bob"})
        for_another = Event.new("login").from_http(request).on_behalf_of({"username": "carol"})
        return await by_another.asave(client=client), await for_another.asave(client=client)

    by_another, for_another = asyncio.run(saved())

    assert api.stored[by_another.id].user == {"username": "bob"}
    on_behalf_of_carol = {"pk": 7, "username": "alice", "on_behalf_of": {"username": "carol"}}
    assert api.stored[for_another.id].user == on_behalf_of_carol


def test_a_request_that_turns_out_to_be_nobodys_leaves_the_user_that_was_set(api, make):
    """The fault: the user that was set was gone."""
    request = HttpRequest(path="/", method="GET")
    request.user_later = nobody

    receipt = asyncio.run(saved_of(request, make()))

    assert api.stored[receipt.id].user == {"username": "nobody"}


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
