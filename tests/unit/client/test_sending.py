"""Events that are stored when the call returns, against a real HTTP server that judges them with the API's own code."""

import datetime
import json
import threading
import uuid
from email.utils import format_datetime

import pytest

from tests.unit.client.api_server import Api, Handler, answers, drops, drops_after_storing, hangs
from tocsin.http.json_body import MAX_BODY
from tocsin.ids import new_id, parse_id
from tocsin_client import Refused, Unreachable, __version__

DAY = datetime.timedelta(days=1)


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
    own = uuid.UUID(new_id())

    receipt = make().send("login", id=own)

    assert receipt.id == str(own)


@pytest.mark.parametrize(("own", "expected"), [(None, "billing"), ("mail", "mail")])
def test_the_clients_app_is_that_of_events_which_name_none(api, make, own, expected):
    receipt = make(app="billing").send("login", app=own)

    assert api.stored[receipt.id].app == expected


def test_the_path_of_the_url_stands_before_the_apis(api, make):
    make(f"{api.url}/stage/$default/").send("login")

    assert api.requests[0].path == "/stage/$default/events"


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


def test_more_events_than_the_key_may_send_in_a_minute_are_sent_in_parts(api, make, naps):
    """The fault: all were sent at once again and again, and none of them was ever stored."""
    api.admits_at_most(5)

    receipts = make().send_many([{"action": "login", "app": f"n{number}"} for number in range(500)])

    assert [api.stored[receipt.id].app for receipt in receipts] == [f"n{number}" for number in range(500)]
    assert len(naps) < 100


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 409, 413, 415, 422])
def test_what_time_can_not_heal_is_refused_at_once(api, make, status):
    api.faults.append(answers(status, {"title": "No", "detail": "never", "status": status}, location="/elsewhere"))

    with pytest.raises(Refused) as caught:
        make().send("login")

    assert (caught.value.status, caught.value.title, caught.value.detail) == (status, "No", "never")
    assert len(api.requests) == 1


def test_what_is_too_much_for_a_proxy_goes_in_smaller_requests(api, make, naps):
    api.takes_at_most(3)

    outcomes = make().send_many([{"action": f"a{number}"} for number in range(12)])

    assert [outcome.id for outcome in outcomes] == list(api.stored)
    assert [len(request.body.splitlines()) for request in api.requests] == [12, 6, 3, 3, 3, 3]
    assert naps == []


def test_one_event_that_is_too_large_by_itself_is_refused_and_the_others_are_not(api, make, naps):
    api.takes_at_most(0)

    (first, second) = make().send_many([{"action": "a"}, {"action": "b"}])

    assert (first.status, second.status) == (413, 413)


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


@pytest.mark.parametrize("text", ["x" * MAX_BODY, "é" * MAX_BODY, '"' * MAX_BODY], ids=["ascii", "utf-8", "escaped"])
def test_an_event_too_large_to_be_stored_is_cut_and_says_so(api, make, text):
    (receipt,) = make().send_many([{"action": "login", "context": {"text": text, "kept": 1}}])

    context = api.stored[receipt.id].context
    assert "… [cut: " in context["text"]
    assert context["kept"] == 1


def test_a_body_that_is_worth_it_is_compressed(api, make):
    make().send_many({"action": "login", "context": {"n": number}} for number in range(50))

    assert len(api.requests[0].wire) < len(api.requests[0].body) / 4
    assert api.requests[0].headers["content-encoding"] == "gzip"
    assert len(api.stored) == 50


def test_a_single_event_that_is_compressed_is_no_json_body(api, make):
    """API Gateway hands a body of the type application/json over as text, which damages compressed ones."""
    make().send("login", context={"text": "x" * 10_000})

    assert api.requests[0].headers["content-type"] == "application/x-ndjson"
    assert len(api.stored) == 1


def test_an_api_that_takes_no_compressed_bodies_is_sent_none_again(api, make):
    sender = make()
    api.faults.append(answers(415, {"title": "no", "status": 415}))

    sender.send("login", context={"text": "x" * 10_000})
    sender.send("login", context={"text": "x" * 10_000})

    assert ["content-encoding" in request.headers for request in api.requests] == [True, False, False]
    assert len(api.stored) == 2


def test_the_user_agent_says_which_version_asks(api, make):
    make().send("login")

    assert api.requests[0].headers["user-agent"] == f"tocsin-client/{__version__}"


def test_only_what_was_not_stored_is_sent_again(api, make):
    ids = [new_id() for _ in range(4)]
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
