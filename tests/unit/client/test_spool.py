"""Events that wait in a file, shared by the processes of a host."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from local.waiting import until
from tests.unit.client.api_server import answers, drops, waits
from tocsin_client import sender as sending
from tocsin_client.spool import LEAST_ROOM, Spool, SpoolError

FILES = Path("/proc/self/fd")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "spool"


@pytest.fixture
def spool(path):
    made = Spool(path, LEAST_ROOM)
    yield made
    made.close()


@pytest.fixture
def spooling(make, path):
    """Makes clients that spool."""
    return lambda **options: make(spool=path, **options)


def lines(spool: Spool) -> list[bytes]:
    return [line for _, line in spool.take(10_000, 1 << 30)]


def put(spool: Spool, *texts: str) -> None:
    for text in texts:
        assert spool.put(text.encode()) == []


def test_what_was_put_is_taken_in_order_until_it_is_done(spool):
    put(spool, "a", "b", "c")

    first = spool.take(2, 100)
    spool.done(first[:1])

    assert [line for _, line in first] == [b"a", b"b"]
    assert lines(spool) == [b"b", b"c"]


def test_what_is_taken_has_room_in_a_request(spool):
    put(spool, "x" * 60, "y" * 60, "z" * 200)

    assert [len(line) for _, line in spool.take(10, 100)] == [60]
    spool.done(spool.take(2, 200))
    assert [len(line) for _, line in spool.take(10, 100)] == [200]


def test_what_is_to_come_last_does(spool):
    put(spool, "a", "b", "c")

    spool.again(spool.take(1, 100), last=True)
    spool.again(spool.take(1, 100), last=False)

    assert lines(spool) == [b"b", b"c", b"a"]


def test_a_mark_is_reached_when_all_before_it_is_done(spool):
    put(spool, "a", "b")
    mark = spool.mark()
    put(spool, "c")

    assert not spool.reached(mark)
    spool.done(spool.take(2, 100))
    assert spool.reached(mark)
    assert not spool.reached(spool.mark())


def test_what_is_left_is_there_for_the_next(path):
    first = Spool(path, LEAST_ROOM)
    put(first, "a")
    assert first.close() == []

    second = Spool(path, LEAST_ROOM)

    assert lines(second) == [b"a"]
    second.close()


def test_one_of_two_takes_and_the_other_when_that_is_gone(path):
    first, second = Spool(path, LEAST_ROOM), Spool(path, LEAST_ROOM)
    put(first, "a")
    put(second, "b")

    assert lines(first) == [b"a", b"b"]
    assert lines(second) == []
    first.close()
    assert lines(second) == [b"a", b"b"]
    second.close()


def test_where_it_is_full_the_oldest_go(spool):
    text = "x" * 3_000
    dropped: list[bytes] = []
    for number in range(1_000):
        dropped += spool.put(f"{number:04} {text}".encode()) or []

    left = lines(spool)
    assert [int(line[:4]) for line in dropped + left] == list(range(1_000))
    assert 100 <= len(left) < 400
    assert len(dropped) > 0


def test_where_nothing_may_be_dropped_a_full_one_takes_nothing(spool):
    text = b"x" * 3_000
    while spool.put(text, drop=False) is not None:
        pass
    count = len(lines(spool))

    assert spool.put(text, drop=False) is None
    assert len(lines(spool)) == count


def test_an_event_larger_than_all_of_it_is_dropped_itself(spool):
    put(spool, "a")
    large = b"x" * 2 * LEAST_ROOM

    dropped = spool.put(large)

    assert dropped is not None
    assert dropped[-1] == large


def test_it_does_not_grow_by_what_is_done(spool, path):
    for _ in range(200):
        put(spool, *["x" * 1_000] * 20)
        spool.done(spool.take(100, 1 << 20))
        spool.tidy()

    size = sum(file.stat().st_size for file in path.parent.iterdir())
    assert size < LEAST_ROOM


def test_its_log_does_not_grow_without_end_while_nothing_is_sent(spool, path):
    """1,000,000 events while the server was down left a log of 10 GB."""
    log = path.with_name("spool-wal")

    for _ in range(600):
        put(spool, "x" * 500)
    spool.tidy()
    before = log.stat().st_size
    for _ in range(600):
        put(spool, "x" * 500)

    assert log.stat().st_size <= before * 1.1


def test_a_put_ends_the_logs_growth_where_nobody_tidies(spool, path, monkeypatch):
    monkeypatch.setattr("tocsin_client.spool._LONGEST_LOG", 100 * 2_048)

    for _ in range(600):
        put(spool, "x" * 500)

    assert path.with_name("spool-wal").stat().st_size < 200 * 2_048


def test_a_clock_that_is_set_back_changes_no_order(spool, monkeypatch):
    put(spool, "a")
    monkeypatch.setattr("time.time_ns", lambda: 1)

    put(spool, "b", "c")

    assert lines(spool) == [b"a", b"b", b"c"]


def test_events_of_one_moment_are_all_kept(path, monkeypatch):
    monkeypatch.setattr("time.time_ns", lambda: 1)
    first, second = Spool(path, LEAST_ROOM), Spool(path, LEAST_ROOM)

    for spool in (first, second, first, second):
        put(spool, "a")

    assert len(lines(first)) == 4
    first.close()
    second.close()


def test_only_its_owner_may_read_it(spool, path):
    put(spool, "a")
    spool.take(1, 100)

    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert {"spool", "spool-wal", "spool.lock"} <= modes.keys()
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_threads_share_it(spool):
    threads = [threading.Thread(target=put, args=(spool, *[f"{n}"] * 50)) for n in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(lines(spool)) == 400


def test_a_size_that_is_too_small_to_be_one_is_refused(path):
    with pytest.raises(ValueError, match="1,048,576"):
        Spool(path, LEAST_ROOM - 1)


def test_a_file_that_is_no_database_is_an_error(path):
    path.parent.mkdir()
    path.write_text("something else " * 1_000)

    with pytest.raises(SpoolError):
        Spool(path, LEAST_ROOM).put(b"a")


# Clients


def test_events_go_through_the_spool(api, spooling, path):
    client = spooling()

    event_id = client.emit("login")

    assert client.flush(timeout=120)
    assert list(api.stored) == [event_id]
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM events").fetchone() == (0,)


def test_what_waits_for_a_key_is_sent_by_the_next_client(api, spooling):
    """The fault: what was saved with a key that had expired was taken out of the spool, and lost."""
    api.faults.extend([answers(401, {"title": "No"})] * 100)
    first = spooling(linger=3600)
    event_id = first.emit("login")
    first.close()
    api.faults.clear()

    spooling()

    until(lambda: list(api.stored) == [event_id], 120, of="what was left")
    assert first.lost == 0


def test_what_one_client_has_left_the_next_one_sends(api, spooling, caplog):
    api.faults.extend([drops] * 1_000)
    first = spooling()
    ids = [first.emit("login") for _ in range(30)]
    first.close(timeout=0.05)
    assert first.lost == 0
    api.faults.clear()

    spooling()

    until(lambda: len(api.stored) == 30, 120, of="what was left")
    assert sorted(api.stored) == sorted(ids)


def test_clients_that_share_a_spool_send_each_event_once(api, spooling):
    clients = [spooling() for _ in range(4)]

    ids = [client.emit("login") for _ in range(25) for client in clients]

    assert all(client.flush(timeout=120) for client in clients)
    sent = [json.loads(line)["id"] for request in api.requests for line in request.body.splitlines()]
    assert sorted(sent) == sorted(ids)


def test_a_client_whose_spool_can_not_be_used_keeps_events_in_memory(api, make, path, caplog):
    path.parent.mkdir()
    path.write_text("something else " * 1_000)
    client = make(spool=path)

    ids = [client.emit("login") for _ in range(20)]

    assert client.flush(timeout=120)
    assert sorted(api.stored) == sorted(ids)
    assert client.lost == 0
    assert [record.getMessage()[:24] for record in caplog.records] == ["the spool can't be used;"]


def test_an_event_that_is_refused_leaves_the_spool(api, spooling):
    told = []
    client = spooling(on_lost=lambda event, reason: told.append(reason.status))

    client.emit("b a d")

    assert client.flush(timeout=120)
    assert (told, client.lost) == ([422], 1)


def test_what_was_sent_and_can_not_be_deleted_is_not_sent_again(api, spooling, monkeypatch):
    """The fault: on a full disk the same events went out again and again, and a refused one was lost each time."""
    monkeypatch.setattr(sending, "_POLL", 0.001)
    tries, done = [], Spool.done

    def on_a_full_disk(spool, entries):
        tries.append(entries)
        if len(tries) < 10:
            raise SpoolError("OperationalError: database or disk is full")
        done(spool, entries)

    monkeypatch.setattr(Spool, "done", on_a_full_disk)
    client = spooling()

    ids = [client.emit("login"), client.emit("b a d")]

    assert client.flush(timeout=120)
    sent = [json.loads(line)["id"] for request in api.requests for line in request.body.splitlines()]
    assert (sorted(sent), client.lost) == (sorted(ids), 1)


def test_events_of_a_full_spool_are_dropped_and_counted(api, spooling):
    api.faults.append(waits)
    told = []
    client = spooling(spool_bytes=LEAST_ROOM, on_lost=lambda event, reason: told.append(event["context"]["n"]))

    for number in range(600):
        client.emit("large", context={"n": number, "text": "x" * 3_000})

    assert client.dropped == client.lost == len(told) > 200
    api.released.set()
    assert client.flush(timeout=120)
    stored = [event.context["n"] for event in api.stored.values()]
    assert set(told) | set(stored) == set(range(600))


def test_an_event_that_the_api_always_fails_on_holds_up_no_others(api, spooling, monkeypatch):
    monkeypatch.setattr(sending, "_LONGEST_PAUSE", 0.001)
    api.always_fails_on(b"poison")
    client = spooling()
    client.emit("poison")
    for _ in range(20):
        client.emit("login")

    until(lambda: client.flush(timeout=0.01) or len(api.stored) == 20, 120, of="the others", pause_s=0)


@pytest.mark.skipif(not FILES.exists(), reason="there is no /proc here")
def test_a_fork_carries_no_connection_over(spooling, path):
    client = spooling()
    client.emit("login")
    client.flush(timeout=120)
    reading, writing = os.pipe()

    child = os.fork()
    if child == 0:
        found = [str(file.readlink()) for file in FILES.iterdir() if file.exists()]
        os.write(writing, json.dumps([file for file in found if file.startswith(str(path))]).encode())
        os._exit(0)
    os.waitpid(child, 0)

    assert json.loads(os.read(reading, 10_000)) == []
    os.close(reading)
    os.close(writing)


def test_a_process_that_comes_and_goes_leaves_what_another_puts_afterwards(tmp_path):
    """The fault: each connection opened and closed the file beside SQLite, which took the process's locks away.

    https://www.sqlite.org/howtocorrupt.html (2.2)
    """
    path = tmp_path / "spool"
    count = (
        f"import sqlite3; print(sqlite3.connect({str(path)!r}).execute('SELECT count(*) FROM events').fetchone()[0])"
    )

    def seen_by_another() -> int:
        return int(subprocess.run([sys.executable, "-c", count], check=True, capture_output=True, text=True).stdout)

    spool = Spool(path, LEAST_ROOM)
    spool.put(b"a")
    assert [line for _, line in spool.take(1, 100)] == [b"a"]
    before = seen_by_another()
    spool.put(b"b")

    assert (before, seen_by_another()) == (1, 2)
    spool.close()
