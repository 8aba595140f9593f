"""What was saved arrives once, in whatever way its process ends, and whatever becomes of the server meanwhile."""

import json
import os
import queue
import signal
import threading
import weakref
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from local.waiting import until
from tests.unit.client.api_process import KillableApi, killable_api
from tests.unit.client.api_server import drops, hangs
from tests.unit.client.producer import actions, arrivals
from tocsin_client import process
from tocsin_client.spool import LEAST_ROOM, Spool


@pytest.fixture
def killable(tmp_path) -> Iterator[KillableApi]:
    with killable_api(tmp_path / "taken") as api:
        yield api


# The end of a process

ENDS = {
    "by itself": ("", 0),
    "by sys.exit": ("sys.exit(3)", 3),
    "by an exception": ("raise SystemExit('no')", 1),
    "by SIGTERM": ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)", -signal.SIGTERM),
    "by SIGTERM while it waits": ("print('waits', flush=True); input()", -signal.SIGTERM),
    "by SIGTERM that it handles": (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(4)); os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)",
        4,
    ),
    "by SIGINT": ("try:\n  signal.raise_signal(signal.SIGINT)\nexcept KeyboardInterrupt:\n  sys.exit(5)", 5),
}


@pytest.mark.parametrize("spooled", [False, True], ids=["memory", "spool"])
@pytest.mark.parametrize(("end", "status"), ENDS.values(), ids=ENDS)
def test_a_process_that_ends_delivers_once(api, produce, tmp_path, end, status, spooled):
    producer = produce(
        f"for n in range(50): Event.new('saved', n=n).save()\n{end}\n",
        api.url,
        str(tmp_path / "spool") if spooled else "",
    )
    if "waits" in end:
        producer.says("waits")
        producer.terminate()

    producer.ends(by=status)

    assert actions(api) == {"saved": 50}
    assert arrivals(api) == 50


def test_sigterm_tells_of_what_could_not_be_sent(api, produce):
    """The fault: only `exit` did; by SIGTERM the rest was lost without a word, to the log and to on_lost."""
    api.faults.extend([drops] * 1_000)
    producer = produce(
        "from tocsin_client import process\n"
        "process.AT_EXIT = 0.1\n"
        "configure(on_lost=lambda event, reason: print('lost', event['action'], flush=True))\n"
        "Event.new('saved').save()\n"
        "os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)\n",
        api.url,
    )

    producer.says("lost saved")
    producer.ends(by=-signal.SIGTERM)


def test_a_process_that_is_killed_delivers_once_with_a_spool(api, produce, tmp_path):
    spool = str(tmp_path / "spool")
    killed = produce(
        "configure(linger=3600)\n"
        "for n in range(50): Event.new('saved', n=n).save()\n"
        "print('saved', flush=True)\n"
        "input()\n",
        api.url,
        spool,
    )
    killed.says("saved")
    killed.process.kill()
    killed.ends(by=-signal.SIGKILL)
    before = len(api.stored)

    produce("configure()\nEvent.new('next').save()\nassert flush(30)", api.url, spool).ends()

    assert before == 0
    assert actions(api) == {"saved": 50, "next": 1}


def test_a_process_that_is_killed_while_it_sends_delivers_once_with_a_spool(api, produce, tmp_path):
    spool = str(tmp_path / "spool")
    killed = produce(
        "configure(linger=0)\nn = 0\nwhile True:\n  Event.new('saved', n=n).save()\n  n += 1\n  print(n, flush=True)\n",
        api.url,
        spool,
    )
    until(lambda: len(api.stored) > 100, 180, of="events under way")
    killed.process.kill()
    assert killed.process.stdout is not None
    saved = int(killed.process.stdout.read().split()[-1])
    killed.ends(by=-signal.SIGKILL)

    produce("configure()\nassert flush(60)\nEvent.new('next').save()\nassert flush(60)", api.url, spool).ends()

    numbers = [event.context["n"] for event in api.stored.values() if "n" in event.context]
    assert len(numbers) == len(set(numbers))
    # The last line may have been cut by the kill, and its event saved.
    assert saved <= len(numbers) <= saved + 1 or set(range(saved)) <= set(numbers)


def test_of_processes_that_share_a_spool_the_others_send_what_a_killed_one_has_left(api, produce, tmp_path):
    spool = str(tmp_path / "spool")
    script = "configure()\nfor n in range(20): Event.new('saved').save()\nprint('saved', flush=True)\ninput()"
    producers = [produce(script, api.url, spool) for _ in range(3)]
    for producer in producers:
        producer.says("saved")
    producers[0].process.kill()

    until(lambda: actions(api) == {"saved": 60}, 180, of="all events")
    for producer in producers[1:]:
        producer.go_on()
        producer.ends()


# A signal, in this process: SIGURG ends none, so that what was done before the end can be looked at


@pytest.fixture
def end_by_signal(monkeypatch) -> Iterator:
    """Does what SIGTERM would do to the clients that a test makes."""
    monkeypatch.setattr(process, "_senders", weakref.WeakSet())

    def end() -> None:
        signal.signal(signal.SIGURG, process._end)
        signal.raise_signal(signal.SIGURG)

    yield end
    signal.signal(signal.SIGURG, signal.SIG_DFL)


def test_before_a_signal_ends_a_process_all_its_clients_send_what_waits(api, make, end_by_signal):
    for client in (make(linger=3600), make(linger=3600)):
        client.emit("saved")

    end_by_signal()

    assert actions(api) == {"saved": 2}
    assert signal.getsignal(signal.SIGURG) is signal.SIG_DFL  # and then the signal does what it did without the client


def test_what_is_not_sent_before_a_signal_ends_a_process_is_told(api, make, end_by_signal, monkeypatch):
    monkeypatch.setattr(process, "AT_EXIT", 0.01)
    api.faults.append(hangs)
    told = []
    make(on_lost=lambda event, reason: told.append(event["action"])).emit("saved")

    end_by_signal()

    assert told == ["saved"]


def test_a_containers_first_process_goes_on_saving_after_a_signal(api, make, end_by_signal, monkeypatch):
    """The kernel keeps SIGTERM from it, now that it has no handler: closed, its client would lose all that follows."""
    kills = []
    monkeypatch.setattr(os, "getpid", lambda: 1)
    monkeypatch.setattr(os, "kill", lambda *signalled: kills.append(signalled))
    client = make()

    end_by_signal()
    client.emit("after")

    assert client.flush(timeout=120)
    assert (actions(api), client.lost) == ({"after": 1}, 0)
    assert kills == [(1, signal.SIGURG)]


# An interpreter that is ending, and starts no thread any more


@pytest.fixture
def no_thread(monkeypatch) -> threading.Event:
    """No client can start its thread until this is set."""
    start, possible = threading.Thread.start, threading.Event()

    def refuses(thread: threading.Thread) -> None:
        if thread.name == "tocsin-client" and not possible.is_set():
            raise RuntimeError("can't create new thread at interpreter shutdown")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuses)
    return possible


def test_what_is_saved_too_late_for_a_thread_is_lost_aloud(make, no_thread, caplog):
    told = []
    client = make(on_lost=lambda event, reason: told.append((event["action"], str(reason))))

    event_id = client.emit("saved")

    assert (event_id, client.lost) == (None, 1)
    assert told == [("saved", "no thread can be started any more")]
    assert "events lost: 1" in caplog.text


def test_what_is_saved_too_late_for_a_thread_raises_where_that_is_wished(make, no_thread):
    client = make(when_full="raise")

    with pytest.raises(queue.Full, match="no thread"):
        client.emit("saved")


def test_what_is_saved_too_late_for_a_thread_waits_in_the_spool_for_the_next_process(make, tmp_path, no_thread):
    late = make(spool=tmp_path / "spool")
    event_id = late.emit("saved")
    late.close()

    spool = Spool(tmp_path / "spool", LEAST_ROOM)

    ((_, line),) = spool.take(10, 1 << 20)
    assert (json.loads(line)["id"], late.lost) == (event_id, 0)
    spool.close()


@pytest.mark.parametrize("spooled", [False, True], ids=["memory", "spool"])
def test_where_a_thread_can_be_started_again_events_are_sent_again(api, make, tmp_path, no_thread, spooled):
    """As where a machine had no room for one more thread for a while."""
    client = make(spool=tmp_path / "spool" if spooled else None)
    client.emit("before")

    no_thread.set()
    client.emit("after")

    assert client.flush(timeout=120)
    assert actions(api) == {"after": 1, **({"before": 1} if spooled else {})}


# A Lambda function that freezes

LAMBDA = """
from tocsin_client import aws_lambda

class Context:
    function_name = "billing"
    aws_request_id = "r-1"
    def get_remaining_time_in_millis(self): return 30_000

@aws_lambda.audited
def handler(event, context):
    for n in range(20): Event.new("invoked", app="billing", n=n).save()
    return {"statusCode": 200}

while True:
    input()
    handler({}, Context())
    print("answered", flush=True)
"""


def test_a_function_that_freezes_after_its_answer_has_delivered_before(api, produce):
    function = produce(LAMBDA, api.url)

    for invocation in (1, 2, 3):
        function.go_on()
        function.says("answered")
        function.process.send_signal(signal.SIGSTOP)

        assert actions(api) == {"invoked": 20 * invocation}
        function.process.send_signal(signal.SIGCONT)


# A server that is killed and started again, under 200 events a second

UNDER_LOAD = """
lost = []
client = configure(queue_size=int(sys.argv[1]), on_lost=lambda event, reason: lost.append(event["id"]), linger=0.1)
began = time.monotonic()
saved = []
for n in range(1_000):
    event = Event.new("load", n=n)
    saved.append(event.id)
    event.save()
    if n in (200, 600): print("reached", flush=True)
    time.sleep(max(0, began + (n + 1) / 200 - time.monotonic()))
print("saved", flush=True)
input()
flush(60)
print(json.dumps([client.dropped, client.lost, saved, lost]), flush=True)
"""


class UnderLoad(NamedTuple):
    """What became of the events; ids of those that were saved, told as lost, and taken before the server was killed."""

    dropped: int
    lost: int
    saved: list[str]
    told: list[str]
    taken_before: list[str]


def under_load(killable, produce, queue_size: int, spool: str = "") -> UnderLoad:
    """Kills the server at the 200th event, and starts it again at the 600th."""
    killable.start()
    producer = produce(UNDER_LOAD, killable.url, spool, str(queue_size))
    producer.says("reached")
    killable.kill()
    taken_before = killable.taken
    producer.says("reached")
    killable.start()
    producer.says("saved")
    producer.go_on()
    said = json.loads(producer.line())
    producer.ends()
    return UnderLoad(*said, taken_before)


def test_a_server_that_is_killed_costs_nothing_with_a_spool(killable, produce, tmp_path):
    found = under_load(killable, produce, 10, str(tmp_path / "spool"))

    assert (found.dropped, found.lost) == (0, 0)
    assert len(set(killable.taken)) == 1_000


def test_a_server_that_is_killed_costs_exactly_what_was_dropped_without_a_spool(killable, produce):
    found = under_load(killable, produce, 100)

    assert found.dropped == found.lost == len(set(found.told)) > 0
    taken = set(killable.taken)
    assert taken | set(found.told) == set(found.saved)
    # What the server took, and was killed before it said so, waits again, and may then be dropped as any other.
    assert taken & set(found.told) <= set(found.taken_before)


def test_a_server_that_is_killed_costs_nothing_where_the_queue_has_room(killable, produce):
    found = under_load(killable, produce, 10_000)

    assert (found.dropped, found.lost) == (0, 0)
    assert len(set(killable.taken)) == 1_000
