"""A spool whose file can't be written half-way, and clocks that are set back."""

import sqlite3
from contextlib import closing

import pytest

from tocsin_client import spool as spooling
from tocsin_client.spool import LEAST_ROOM, Spool, SpoolError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "spool"


def lines(spool: Spool) -> list[bytes]:
    return [line for _, line in spool.take(10_000, 1 << 30)]


def test_what_comes_last_does_so_after_the_clock_was_set_back(path, monkeypatch):
    """The fault: an event that the API fails on every time went to the front of all, and held them up."""
    spool = Spool(path, LEAST_ROOM)
    for line in (b"poison", b"a", b"b"):
        spool.put(line)
    monkeypatch.setattr("time.time_ns", lambda: 1)

    spool.again(spool.take(1, 100), last=True)

    assert lines(spool) == [b"a", b"b", b"poison"]
    spool.close()


def full(spool: Spool) -> int:
    """Put as much as it takes, 3,000 bytes each; how many that are."""
    number = 0
    while spool.put(f"{number:04}".encode() + b"x" * 3_000, drop=False) is not None:
        number += 1
    return number


def test_a_spool_that_a_few_large_events_fill_has_room_for_the_next(path):
    spool = Spool(path, LEAST_ROOM)
    large = [f"{number:04}".encode() + b"x" * 100_000 for number in range(100)]
    dropped = [each for line in large for each in spool.put(line)]

    left = lines(spool)

    assert dropped
    assert dropped + left == large
    spool.close()


@pytest.mark.parametrize("why", ["database or disk is full", "database is locked"])
def test_a_full_spool_keeps_what_it_has_where_the_new_event_can_not_be_written(path, monkeypatch, why):
    """The fault: the oldest went for one that then could not be written either."""
    spool = Spool(path, LEAST_ROOM)
    before, tries = full(spool), []

    def fails(database, line, after):
        tries.append(line)
        raise sqlite3.OperationalError("database or disk is full" if len(tries) == 1 else why)

    monkeypatch.setattr(spooling, "_insert", fails)

    with pytest.raises(SpoolError, match=why):
        spool.put(b"new")

    assert (len(tries), len(lines(spool))) == (2, before)
    spool.close()


def test_a_full_disk_costs_nothing_that_the_spool_has_while_memory_has_room(api, make, path, monkeypatch, caplog):
    """The fault: the oldest hundred events of the spool were dropped for each new one before that waited in memory."""
    spool = Spool(path, LEAST_ROOM)
    assert spool.leads()
    told: list[tuple[str, str]] = []
    client = make(spool=path, queue_size=3, on_lost=lambda event, why: told.append((event["action"], str(why))))
    for number in range(150):
        client.emit(f"spooled{number}")
    insert = spooling._insert

    def on_a_full_disk(database, line, after):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(spooling, "_insert", on_a_full_disk)
    monkeypatch.setattr("tocsin_client.memory.MemoryQueue.take", lambda *_: [])  # as while the API does not answer

    for number in range(3):
        client.emit(f"e{number}")
    kept = (told[:], client.lost)
    client.emit("e3")

    assert kept == ([], 0)
    assert (told, client.lost) == ([("e0", "the queue is full")], 1)
    assert len(lines(spool)) == 150
    assert "the spool can't be used; events wait in memory: OperationalError: database or disk is full" in caplog.text
    assert "events lost: 1; in all: 1: the queue is full" in caplog.text
    monkeypatch.setattr(spooling, "_insert", insert)
    spool.close()


def test_a_full_disk_is_no_full_queue_where_that_is_to_raise(api, make, path, monkeypatch):
    """The fault: nothing may be dropped, so the event was refused, though memory had room."""

    def on_a_full_disk(database, line, after):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(spooling, "_insert", on_a_full_disk)
    client = make(spool=path, when_full="raise")

    event_id = client.emit("login")

    assert client.flush(timeout=120)
    assert list(api.stored) == [event_id]


def test_a_large_event_takes_the_place_of_as_many_old_ones_as_it_needs(path):
    spool = Spool(path, LEAST_ROOM)
    before = full(spool)

    dropped = spool.put(b"l" * 600_000)

    left = lines(spool)
    assert dropped is not None
    assert 200 <= len(dropped) < before
    assert (len(left), left[-1][:1]) == (before - len(dropped) + 1, b"l")
    assert [int(line[:4]) for line in [*dropped, *left[:-1]]] == list(range(before))
    spool.close()


def test_an_event_larger_than_the_spool_drops_none_that_wait(path):
    """The fault: all that waited was dropped first, and then the event, for which there is no room at all."""
    spool = Spool(path, LEAST_ROOM)
    spool.put(b"waiting")
    large = b"x" * 2 * LEAST_ROOM

    assert spool.put(large) == [large]
    assert lines(spool) == [b"waiting"]
    spool.close()


def test_a_full_disk_costs_no_event_where_the_spool_is_empty(api, make, path, monkeypatch, caplog):
    """The fault: with nothing in the spool to make room by, the new event was dropped, though memory had room."""

    def on_a_full_disk(database, line, after):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(spooling, "_insert", on_a_full_disk)
    client = make(spool=path)

    event_id = client.emit("login")

    assert client.flush(timeout=120)
    assert (list(api.stored), client.lost) == ([event_id], 0)
    assert "the spool can't be used; events wait in memory" in caplog.text


class Interrupted(Exception):
    """Whatever may come between two statements."""


def interrupts(database, line, after):
    raise Interrupted


def fills_the_spool(database, line, after, insert=spooling._insert):
    return insert(database, b"x" * 2 * LEAST_ROOM, after)


@pytest.mark.parametrize(
    ("insert", "error", "why"),
    [(interrupts, Interrupted, ""), (fills_the_spool, SpoolError, "OperationalError: database or disk is full")],
)
def test_what_can_not_come_last_stays_where_it_is(path, monkeypatch, insert, error, why):
    """The fault: SQLite itself takes back what a full disk ends, and that there was nothing left to take back was all
    that the log said."""
    spool = Spool(path, LEAST_ROOM)
    for line in (b"poison", b"a"):
        spool.put(line)
    monkeypatch.setattr(spooling, "_insert", insert)

    with pytest.raises(error, match=f"^{why}$"):
        spool.again(spool.take(1, 100), last=True)

    assert lines(spool) == [b"poison", b"a"]
    spool.close()


def test_what_another_process_has_dropped_does_not_come_back(path):
    spool, another = Spool(path, LEAST_ROOM), Spool(path, LEAST_ROOM)
    spool.put(b"poison")
    taken = spool.take(1, 100)
    full(another)
    dropped = another.put(b"x" * 3_000)

    spool.again(taken, last=True)

    assert dropped is not None
    assert b"poison" in dropped
    assert b"poison" not in lines(spool)
    spool.close()
    another.close()


def is_a_folder(path):
    path.mkdir()


def is_a_database_of_another_program(path):
    with closing(sqlite3.connect(path)) as database:
        database.executescript("CREATE TABLE logins (at); CREATE INDEX events ON logins (at);")


@pytest.mark.parametrize(
    ("prepare", "why"),
    [
        (is_a_folder, "unable to open database file"),
        (is_a_database_of_another_program, "there is already an index named events"),
    ],
)
def test_a_path_that_can_never_be_a_spools_is_an_error_at_once(path, monkeypatch, prepare, why):
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("no second try can succeed"))
    prepare(path)

    with pytest.raises(SpoolError, match=why):
        Spool(path, LEAST_ROOM).put(b"a")


@pytest.mark.parametrize(("tries", "succeeds"), [(3, True), (1_000, False)])
def test_a_spool_that_another_process_is_setting_up_is_waited_for_a_while(path, monkeypatch, tries, succeeds):
    monkeypatch.setattr(spooling, "_PATIENCE_OF_SENDER", 0)  # as where SQLite changes its mode, which waits for nobody
    another = sqlite3.connect(path, isolation_level=None)
    another.execute("BEGIN EXCLUSIVE")
    pauses: list[float] = []

    def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == tries:
            another.execute("ROLLBACK")

    monkeypatch.setattr("time.sleep", pause)
    spool = Spool(path, LEAST_ROOM)

    if succeeds:
        assert spool.put(b"a") == []
        assert pauses == [0.01, 0.02, 0.03]
    else:
        with pytest.raises(SpoolError, match="locked"):
            spool.put(b"a")
        assert sum(pauses) < 1
    spool.close()
    another.close()


def test_a_tilde_is_the_home_of_whoever_runs_the_process(tmp_path, monkeypatch):
    """The fault: where no shell has read it, as in a unit of systemd, it was a folder of that name."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    spool = Spool("~/state/spool", LEAST_ROOM)
    spool.put(b"a")
    spool.close()

    assert (tmp_path / "state" / "spool").exists()
