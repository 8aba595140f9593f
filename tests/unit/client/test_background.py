"""Events that are queued, and sent by a thread."""

import datetime
import errno
import subprocess
import sys

import pytest

from local.waiting import until
from tests.unit.client.api_server import KEY, LIBRARY, Api, answers, drops, hangs, under_way, waits
from tocsin_client import Session
from tocsin_client import sender as sending
from tocsin_client.memory import MemoryQueue
from tocsin_client.session import Reply


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


def raises(lines):
    raise RuntimeError("a bug")


@pytest.mark.parametrize(
    ("fails", "why"),
    [
        (raises, "0 The client failed: RuntimeError: a bug"),
        (lambda lines: Reply([], ""), "0 The client failed: 0 outcomes for 1 events"),
    ],
    ids=["raises", "says too little"],
)
def test_a_session_that_fails_costs_its_events_only(api, make, fails, why):
    class Broken(Session):
        def post(self, lines):
            return fails(lines) if b"first" in lines[0] else super().post(lines)

    told = []
    sender = make(
        session=Broken(api.url, KEY), on_lost=lambda event, reason: told.append((event["action"], str(reason)))
    )

    sender.emit("first")
    assert sender.flush()
    sender.emit("login")
    assert sender.flush()

    assert (len(api.stored), told) == (1, [("first", why)])


def test_a_fault_of_the_thread_is_logged_and_ends_no_sending(api, make, monkeypatch, caplog):
    """The fault: what waited was not looked at again before another event came."""
    faults, take = [RuntimeError("a bug")], MemoryQueue.take

    def breaks_once(queue, most, room):
        if faults:
            raise faults.pop()
        return take(queue, most, room)

    monkeypatch.setattr(MemoryQueue, "take", breaks_once)
    sender = make()

    sender.emit("login")

    assert sender.flush(timeout=120)
    assert len(api.stored) == 1
    (record,) = caplog.records
    assert (record.getMessage(), str(record.exc_info[1])) == ("a batch could not be sent", "a bug")


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
