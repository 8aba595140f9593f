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


def test_what_was_dropped_is_lost_aloud_where_the_new_event_can_not_be_written(api, make, path, monkeypatch):
    """The fault: events that had gone for one that then could not be written either were not counted."""
    insert, put = spooling._insert, []

    def fills_up(database, line, after):
        if len(put) == 2:  # full at first; then, once there is room, in use by another process
            put.append("full")
            raise sqlite3.OperationalError("database or disk is full")
        if len(put) == 3:
            put.append("locked")
            raise sqlite3.OperationalError("database is locked")
        put.append("written")
        return insert(database, line, after)

    monkeypatch.setattr(spooling, "_insert", fills_up)
    # Another process sends: what is put stays in the file.
    another = Spool(path, LEAST_ROOM)
    assert another.leads()
    told = []
    client = make(spool=path, on_lost=lambda event, reason: told.append(event["action"]))

    for action in ("first", "second", "third"):
        client.emit(action)

    assert put == ["written", "written", "full", "locked"]
    assert (told, client.dropped) == (["first", "second"], 2)
    another.close()


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
    another.put(b"x" * 2 * LEAST_ROOM)

    spool.again(taken, last=True)

    assert lines(spool) == []
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
