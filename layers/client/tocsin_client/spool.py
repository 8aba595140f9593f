"""Events that wait in a file, shared by the processes of a host: a SQLite database in WAL mode.

An event is in the operating system's hands when `put` returns: it outlives its process, in whatever way that ends, but
not the machine, for the disk is not waited for. Every process puts. One at a time takes and sends: the one that holds
the lock on the file's neighbour, which the system frees when that process ends.

https://www.sqlite.org/wal.html; https://www.sqlite.org/howtocorrupt.html (2.6: no connection is carried over a fork)
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tocsin_client.memory import Entry

LEAST_ROOM = 1 << 20
"""Bytes of the smallest spool."""

_PAGE = 2_048  # bytes: each put writes one, or two, and most events have less
_PATIENCE = 0.25  # seconds that a put waits for another process's write
_PATIENCE_OF_SENDER = 5.0
_SETUP_TRIES = 10
_DROPPED_AT_ONCE = 100  # events, of which each takes a page or less as a rule
_SPARE = 8  # pages that a put may take beside those of its line: for the tree
_LONGEST_LOG = 32 << 20  # bytes of the write-ahead log at which a put moves it into the database, if nobody has
_SETUP = f"""
    PRAGMA page_size = {_PAGE};
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS events (number INTEGER PRIMARY KEY, line BLOB NOT NULL);
"""
_INSERT = "INSERT INTO events (number, line) VALUES (?, ?)"
_ALL = "SELECT number, line FROM events ORDER BY number"
_OLDEST = "SELECT number, line FROM events ORDER BY number LIMIT ?"
_LAST = "SELECT max(number) FROM events"
_DELETE = "DELETE FROM events WHERE number = ?"


class SpoolError(OSError):
    """The spool's file can't be used now, as where the disk is full. Nothing that was in it has gone."""


class Spool:
    """The queue in the file at `path`, of at most `room` bytes beside its write-ahead log, for any thread.

    Methods are those of MemoryQueue; they raise SpoolError.
    """

    def __init__(self, path: str | os.PathLike[str], room: int) -> None:
        if room < LEAST_ROOM:
            raise ValueError(f"a spool has {LEAST_ROOM:,} bytes at least")
        self.path = Path(path).expanduser().absolute()
        self._room = room
        self._mark = 0
        self._closed = False
        self._lock: int | None = None
        self._putting: sqlite3.Connection | None = None
        self._taking: sqlite3.Connection | None = None
        self._renew_locks()

    def _renew_locks(self) -> None:
        # A connection each, so that putting waits for no one else's reading, deleting or checkpoint in this process.
        self._put_lock, self._take_lock = threading.RLock(), threading.RLock()

    def put(self, line: bytes, *, drop: bool = True) -> list[bytes] | None:
        """Add a line; the lines that were dropped for it. None, and nothing added, where that must not be."""
        with self._put_lock, _as_spool_error():
            if self._putting is None:
                self._putting = self._connected(_PATIENCE)
            try:
                self._mark = _insert(self._putting, line, self._mark)
            except sqlite3.OperationalError as error:
                # SQLITE_FULL: max_page_count, or the disk; 3.10 has no error codes
                if "full" not in str(error) or _has_room(self._putting, line):
                    raise
                if not drop:
                    return None
                return [line] if len(line) > self._room else self._put_for_oldest(self._putting, line)
            return []

    def _put_for_oldest(self, database: sqlite3.Connection, line: bytes) -> list[bytes]:
        """Add a line in place of the oldest, which are returned.

        It is one transaction: where the line can't be written all the same, as on a full disk, they stay.
        """
        with _transaction(database):
            oldest = _oldest(database, len(line) + _SPARE * _PAGE)
            database.executemany(_DELETE, [(number,) for number, _ in oldest])
            mark = _insert(database, line, self._mark)
        self._mark = mark
        return [each for _, each in oldest]

    def take(self, most: int, room: int) -> list[Entry]:
        """The oldest entries, one at least where there is one; none where another process takes."""
        with self._taker() as database:
            if not self._leads():
                return []
            taken: list[Entry] = []
            size = 0
            rows = database.execute(_OLDEST, (most,))
            for number, line in rows:  # as far as there is room, for lines may be large
                if taken and size + len(line) > room:
                    break
                taken.append((number, line))
                size += len(line) + 1
            rows.close()
            return taken

    def done(self, entries: Sequence[Entry]) -> None:
        """Delete entries that were taken."""
        with self._taker() as database, _transaction(database):
            database.executemany(_DELETE, [(number,) for number, _ in entries])

    def again(self, entries: Sequence[Entry], *, last: bool) -> None:
        """Leave entries that were taken where they are, or put them behind all others."""
        if not last:
            return
        with self._taker() as database, _transaction(database):
            for number, line in entries:
                (last,) = database.execute(_LAST).fetchone()
                if database.execute(_DELETE, (number,)).rowcount:  # 0 where another process has dropped it
                    _insert(database, line, last)

    def mark(self) -> int:
        """What `reached` tells of all that this process put so far."""
        return self._mark

    def reached(self, mark: int) -> bool:
        """Whether nothing is left of what any process put before the mark. A mark of nothing always is."""
        if mark == 0:
            return True
        with self._taker() as database:
            return database.execute("SELECT 1 FROM events WHERE number <= ? LIMIT 1", (mark,)).fetchone() is None

    def tidy(self) -> None:
        """Move what the write-ahead log holds into the database. Waits for the disk, so that no `put` has to."""
        with self._taker() as database:
            database.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> list[bytes]:
        """Leave the file to others; no line is lost by that."""
        self._closed = True
        self.before_fork()
        self._unlead()
        self.after_fork()
        return []

    def before_fork(self) -> None:
        """Close the connections, and let no thread open one until the fork is over."""
        self._put_lock.acquire()
        self._take_lock.acquire()
        for connection in (self._putting, self._taking):
            if connection is not None:
                with suppress(sqlite3.Error):
                    connection.close()
        self._putting = self._taking = None

    def after_fork(self) -> None:
        """Go on in the parent."""
        self._take_lock.release()
        self._put_lock.release()

    def forget(self) -> None:  # pragma: no cover - runs in forked children
        """Begin anew in a forked child. The lock that it has got with its parent's files stays the parent's."""
        self._unlead()
        self._mark = 0
        self._renew_locks()

    def leads(self) -> bool:
        """Whether it is for this process to take; tries to make it so."""
        with self._take_lock, _as_spool_error():
            return self._leads()

    def _leads(self) -> bool:
        if self._lock is not None:
            return True
        lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            return False
        self._lock = lock
        return True

    def _unlead(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _connected(self, patience: float) -> sqlite3.Connection:
        if self._closed:
            raise SpoolError("the spool is closed")
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives its other files the same rights. A file that is there is not opened: its closing would take away
        # the locks that this process's other connection has (https://www.sqlite.org/howtocorrupt.html, 2.2).
        with suppress(FileExistsError):
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        database = sqlite3.connect(
            self.path, timeout=_PATIENCE_OF_SENDER, isolation_level=None, check_same_thread=False
        )
        try:
            _set_up(database)
            database.execute(f"PRAGMA max_page_count = {self._room // _PAGE}")
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute(f"PRAGMA wal_autocheckpoint = {_LONGEST_LOG // _PAGE}")  # `tidy` does, before that
            database.execute(f"PRAGMA journal_size_limit = {_LONGEST_LOG}")
            database.execute(f"PRAGMA busy_timeout = {patience * 1000:.0f}")
        except BaseException:
            database.close()
            raise
        return database

    @contextmanager
    def _taker(self) -> Iterator[sqlite3.Connection]:
        with self._take_lock, _as_spool_error():
            if self._taking is None:
                self._taking = self._connected(_PATIENCE_OF_SENDER)
            yield self._taking


def _has_room(database: sqlite3.Connection, line: bytes) -> bool:
    """Whether the database may grow by what a line takes: what it has no room for then is the disk."""
    most, there, unused = (
        database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("max_page_count", "page_count", "freelist_count")
    )
    return bool(most - there + unused > len(line) // (_PAGE - 4) + _SPARE)


def _oldest(database: sqlite3.Connection, room: int) -> list[Entry]:
    """The oldest entries: as many as take that many bytes, and `_DROPPED_AT_ONCE` at least, where there are."""
    oldest: list[Entry] = []
    size = 0
    rows = database.execute(_ALL)
    for number, line in rows:
        oldest.append((number, line))
        size += len(line)
        if size >= room and len(oldest) >= _DROPPED_AT_ONCE:
            break
    rows.close()
    return oldest


def _insert(database: sqlite3.Connection, line: bytes, after: int) -> int:
    """Add a line behind all others; its number. That is the time, in nanoseconds, so none is ever used twice."""
    number = max(time.time_ns(), after + 1)
    while True:
        try:
            database.execute(_INSERT, (number, line))
        except sqlite3.IntegrityError:  # another process's, of the same moment
            number += 1
        else:
            return number


def _set_up(database: sqlite3.Connection) -> None:
    """Make the database what it is to be. To change its mode SQLite waits for no other connection: so we do.

    Where another process changes it at that moment, or is killed in it, SQLite says "locked" or "disk I/O error".
    """
    tries = 0
    while True:
        tries += 1
        try:
            database.executescript(_SETUP)
        except sqlite3.OperationalError as error:
            passes = "locked" in str(error) or "I/O" in str(error)
            if not passes or tries == _SETUP_TRIES:
                raise
            time.sleep(0.01 * tries)
        else:
            return


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:  # SQLite itself has ended one that the disk has no room for
            database.execute("ROLLBACK")
        raise


@contextmanager
def _as_spool_error() -> Iterator[None]:
    try:
        yield
    except SpoolError:
        raise
    except (sqlite3.Error, OSError) as error:
        raise SpoolError(f"{type(error).__name__}: {error}") from error
