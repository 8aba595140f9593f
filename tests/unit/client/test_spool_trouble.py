"""A spool whose file can't be written half-way, and clocks that are set back."""

import sqlite3

import pytest

from tocsin_client import spool as spooling
from tocsin_client.spool import LEAST_ROOM, Spool


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


def test_a_tilde_is_the_home_of_whoever_runs_the_process(tmp_path, monkeypatch):
    """The fault: where no shell has read it, as in a unit of systemd, it was a folder of that name."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    spool = Spool("~/state/spool", LEAST_ROOM)
    spool.put(b"a")
    spool.close()

    assert (tmp_path / "state" / "spool").exists()
