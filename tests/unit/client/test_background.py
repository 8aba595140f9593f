"""Events that are queued, and sent by a thread."""

import datetime
import errno
import queue
import subprocess
import sys

import pytest

from local.waiting import until
from tests.unit.client.api_server import KEY, LIBRARY, Api, answers, drops, hangs, waits
from tocsin_client import Client, Session
from tocsin_client import sender as sending


def under_way(api: Api, sender: Client) -> None:
    """Emit an event, and wait until the API has it before it."""
    sender.emit("first")
    sender.flush(timeout=0)
    until(lambda: api.requests, 120, of="a request", pause_s=0.001)


def test_an_emitted_event_is_stored_soon(api, make):
    sender = make()

    event_id = sender.emit("login", context={"when": datetime.date(2026, 3, 1)})

    assert sender.flush()
    assert api.stored[event_id].context == {"when": "2026-03-01"}


def test_events_that_come_while_the_api_answers_go_together(api, make):
    api.faults.append(waits)
    sender = make()
    under_way(api, sender)
    for _ in range(20):
        sender.emit("later")

    api.released.set()

    assert sender.flush()
    assert [len(request.body.splitlines()) for request in api.requests] == [1, 20]


def test_what_is_too_much_for_a_proxy_is_not_lost(api, make):
    api.takes_at_most(3)
    sender = make()
    for _ in range(20):
        sender.emit("login")

    assert sender.flush(timeout=60)

    assert (len(api.stored), sender.lost) == (20, 0)


def test_nothing_to_send_is_flushed_at_once(make):
    assert make().flush(timeout=0)


def test_a_flush_that_takes_too_long_says_so(api, make):
    api.faults.append(hangs)
    sender = make()
    sender.emit("login")

    assert not sender.flush(timeout=0.01)


@pytest.mark.parametrize("status", [401, 403])
def test_events_wait_where_the_key_is_refused(api, make, patient, caplog, status):
    """The fault: a key that had expired cost all that was saved until somebody saw it."""
    api.faults.extend([answers(status, {"title": "No", "detail": "the key has expired"})] * 2)
    sender = make(linger=3600)
    sender.emit("login")

    flushed = [sender.flush(timeout=600) for _ in range(3)]

    assert flushed == [False, False, True]  # and nobody who flushes waits for what takes a person
    assert ([event.action for event in api.stored.values()], sender.lost) == (["login"], 0)
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warning.startswith("the API refuses the key; events wait until it takes one") and "expired" in warning


def test_what_waits_in_memory_for_a_key_is_lost_at_the_end_aloud(api, make):
    api.faults.extend([answers(401, {"title": "No"})] * 100)
    told = []
    sender = make(on_lost=lambda event, reason: told.append(event["action"]))
    sender.emit("login")

    sender.close(timeout=600)

    assert (told, sender.lost) == (["login"], 1)


def test_where_the_queue_is_full_the_oldest_events_are_dropped_aloud(api, make, caplog):
    api.faults.append(waits)
    told: list[tuple[str, str]] = []
    sender = make(queue_size=3, on_lost=lambda event, reason: told.append((event["action"], str(reason))))
    under_way(api, sender)

    ids = [sender.emit(f"e{number}") for number in range(5)]

    assert None not in ids
    assert told == [(f"e{number}", "the queue is full") for number in range(3)]
    assert (sender.lost, sender.dropped) == (3, 3)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    api.released.set()
    assert sender.flush()
    assert [event.action for event in api.stored.values()] == ["custom_first", "custom_e3", "custom_e4"]


def test_the_queue_is_full_by_its_bytes_too(api, make):
    api.faults.append(waits)
    sender = make(queue_bytes=10_000)
    under_way(api, sender)

    for _ in range(20):
        sender.emit("large", context={"text": "x" * 1_000})

    api.released.set()
    assert sender.flush()
    assert sender.dropped + len(api.stored) == 21
    assert sender.dropped == 11


def test_an_event_larger_than_the_queue_is_lost_and_nothing_else(api, make):
    api.faults.append(waits)
    sender = make(queue_bytes=5_000)
    under_way(api, sender)

    sender.emit("large", context={"text": "x" * 10_000})

    api.released.set()
    assert sender.flush()
    assert (sender.lost, sender.dropped, len(api.stored)) == (1, 1, 1)


def test_an_event_larger_than_the_queue_drops_none_that_wait(api, make):
    """The fault: all that waited was dropped first, and then the event, for which there is no room at all."""
    api.faults.append(waits)
    sender = make(queue_bytes=5_000)
    under_way(api, sender)
    waiting = sender.emit("waiting")

    sender.emit("large", context={"text": "x" * 10_000})

    api.released.set()
    assert sender.flush()
    assert waiting in api.stored
    assert (sender.lost, sender.dropped, len(api.stored)) == (1, 1, 2)


def test_losses_are_logged_once_a_minute_with_their_number(api, make, caplog, monkeypatch):
    api.faults.append(waits)
    sender = make(queue_size=2)
    under_way(api, sender)
    for number in range(1_001):
        sender.emit(f"e{number}")
    assert [record.getMessage() for record in caplog.records] == ["events lost: 1; in all: 1: the queue is full"]
    monkeypatch.setattr("tocsin_client.sender._QUIET", 0.0)  # as if a minute had passed

    sender.emit("last")

    assert caplog.records[-1].getMessage() == "events lost: 1000; in all: 1001: the queue is full"
    assert len(caplog.records) == 2


def test_an_event_that_does_not_fit_into_the_queue_raises_where_that_is_wished(api, make):
    api.faults.append(waits)
    sender = make(queue_size=1, when_full="raise")
    under_way(api, sender)

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
    monkeypatch.setattr(sending, "_LONGEST_PAUSE", 0.001)
    caplog.set_level("INFO")
    api.faults.extend([drops] * 20)
    sender = make(retries=1)

    sender.emit("login")
    sender.emit("logout")

    assert sender.flush()
    assert (len(api.stored), sender.lost) == (2, 0)
    assert "events that wait: 2" in caplog.text


def test_a_flush_ends_the_pause_after_a_failure(api, make, caplog, monkeypatch):
    monkeypatch.setattr(sending, "_pause_after", lambda _: 3_600.0)
    caplog.set_level("INFO")
    api.faults.append(drops)
    sender = make(retries=0)
    sender.emit("login")
    sender.flush(timeout=0)
    until(lambda: "events that wait: 1" in caplog.text, 120, of="a failure", pause_s=0.001)

    assert sender.flush(timeout=120)


def test_a_flush_makes_no_storm_of_requests_while_the_api_is_down(api, make, caplog, monkeypatch):
    monkeypatch.setattr(sending, "_pause_after", lambda _: 3_600.0)
    caplog.set_level("INFO")
    api.faults.extend([drops] * 1_000)
    sender = make(retries=0)
    sender.emit("login")
    sender.flush(timeout=0)
    until(lambda: "events that wait: 1" in caplog.text, 120, of="a failure", pause_s=0.001)

    assert not sender.flush(timeout=0.05)

    assert len(api.requests) <= 3


def test_an_event_that_the_api_always_fails_on_holds_up_no_others(api, make, monkeypatch):
    monkeypatch.setattr(sending, "_LONGEST_PAUSE", 0.001)
    api.always_fails_on(b"poison")
    sender = make(retries=0)
    sender.emit("poison")
    for _ in range(20):
        sender.emit("login")

    until(lambda: sender.flush(timeout=0.01) or len(api.stored) == 20, 120, of="the others", pause_s=0)

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


def test_what_the_system_has_no_room_for_now_is_tried_again(api, make, monkeypatch):
    """The fault: with too many files open no connection could be made, and that cost the events."""
    monkeypatch.setattr(sending, "_LONGEST_PAUSE", 0.001)

    class OutOfFiles(Session):
        left = 3

        def post(self, lines):
            self.left -= 1
            if self.left >= 0:
                raise OSError(errno.EMFILE, "Too many open files")
            return super().post(lines)

    sender = make(session=OutOfFiles(api.url, KEY))

    sender.emit("login")

    until(lambda: api.stored, 120, of="the event", pause_s=0.001)
    assert sender.lost == 0


def test_closing_sends_what_waits(api, make):
    sender = make()
    sender.emit("login")

    sender.close()

    assert len(api.stored) == 1


def test_closing_reports_what_could_not_be_sent(api, make):
    api.faults.append(hangs)
    told: list[str] = []
    sender = make(on_lost=lambda event, reason: told.append(event["action"]))
    under_way(api, sender)
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
    subprocess.run([sys.executable, "-S", "-W", "ignore", "-c", script], env=env, check=True, timeout=120)


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
