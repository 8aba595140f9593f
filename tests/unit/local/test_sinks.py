"""The server that takes webhooks and Slack posts, and misbehaves when told to."""

import contextlib
import time

import pytest
import requests

from local.sinks import Misbehaviour, Sinks


@pytest.fixture(scope="module")
def server():
    with Sinks.started() as sinks:
        yield sinks


@pytest.fixture
def sinks(server):
    yield server
    server.behave()
    server.forget()


def post(sinks, path, body="{}", **options):
    with requests.Session() as session:
        session.trust_env = False
        return session.post(sinks.url + path, data=body.encode(), timeout=120, **options)


def test_a_webhook_is_kept_as_it_came(sinks):
    answer = post(sinks, "/webhook/a?x=1", '{"body": "é"}', headers={"Webhook-Id": "7"})

    [kept] = sinks.received("/webhook/a")
    assert answer.json() == {"ok": True}
    assert (kept.body, kept.headers["webhook-id"], kept.target) == ('{"body": "é"}', "7", "/webhook/a?x=1")
    assert (kept.name, kept.status) == ("a", 200)
    assert abs(kept.at - time.time()) < 5


def test_slack_is_answered_as_slack_does(sinks):
    assert post(sinks, "/slack/a").text == "ok"


def test_what_came_can_be_asked_for_by_path(sinks):
    post(sinks, "/webhook/a")
    post(sinks, "/webhook/b")

    with requests.Session() as session:
        session.trust_env = False
        of_b = session.get(f"{sinks.url}/received", params={"path": "/webhook/b"}, timeout=120).json()
        of_all = session.get(f"{sinks.url}/received", timeout=120).json()

    assert [request["path"] for request in of_b["received"]] == ["/webhook/b"]
    assert [request["path"] for request in of_all["received"]] == ["/webhook/a", "/webhook/b"]


def test_what_came_after_the_first_ones_can_be_asked_for(sinks):
    for name in "abc":
        post(sinks, f"/webhook/{name}")

    assert [request.name for request in sinks.received(after=2)] == ["c"]


def test_a_path_misbehaves_as_often_as_it_was_told_to_and_no_other_does(sinks):
    post(sinks, "/_control", '{"path": "/webhook/a", "status": 503, "times": 2, "headers": {"Retry-After": "9"}}')

    answers = [post(sinks, "/webhook/a") for _ in range(3)]
    other = post(sinks, "/webhook/b")

    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].headers["Retry-After"] == "9"
    assert other.status_code == 200
    assert [request.status for request in sinks.received("/webhook/a")] == [503, 503, 200]


def test_garbage_is_answered_word_for_word(sinks):
    sinks.misbehave(Misbehaviour("/slack/a", status=299, body="<garbage\x00"))

    answer = post(sinks, "/slack/a")

    assert (answer.status_code, answer.text) == (299, "<garbage\x00")


def test_a_dropped_connection_has_no_answer_and_is_kept_as_such(sinks):
    sinks.misbehave(Misbehaviour("/webhook/a", drop=True))

    with pytest.raises(requests.ConnectionError):
        post(sinks, "/webhook/a")

    assert [request.status for request in sinks.received("/webhook/a")] == [0]


def test_an_answer_can_be_late(sinks):
    sinks.misbehave(Misbehaviour("/webhook/a", delay=0.2, times=1))

    start = time.monotonic()
    post(sinks, "/webhook/a")

    assert time.monotonic() - start >= 0.2


def test_the_latest_instruction_for_a_path_rules(sinks):
    sinks.misbehave(Misbehaviour("/webhook/a", status=500))
    sinks.misbehave(Misbehaviour("/webhook/a", status=410, times=1))

    assert [post(sinks, "/webhook/a").status_code for _ in range(2)] == [410, 500]


def test_an_instruction_that_makes_no_sense_is_refused(sinks):
    assert post(sinks, "/_control", '{"path": "/webhook/a", "mood": "bad"}').status_code == 422


def test_a_control_can_be_taken_back(sinks):
    sinks.misbehave(Misbehaviour("/webhook/a", status=500))

    with requests.Session() as session:
        session.trust_env = False
        session.delete(f"{sinks.url}/_control", timeout=120)

    assert post(sinks, "/webhook/a").status_code == 200


def test_the_server_ends_with_its_block():
    with Sinks.started() as sinks:
        url = sinks.url

    with contextlib.closing(requests.Session()) as session, pytest.raises(requests.ConnectionError):
        session.trust_env = False
        session.get(f"{url}/received", timeout=1)
