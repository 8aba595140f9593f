"""What a process's one client is made of, and who waits for it."""

import datetime
import threading

import pytest

from tests.unit.client.api_server import KEY
from tocsin_client import Event, configuration, log_deprecation, process


@pytest.fixture
def environment(api, configured, monkeypatch):
    """An environment that says where the API is, and nothing else. Clients leave this process's signals alone."""
    monkeypatch.setattr(process, "flush_at_sigterm", lambda: None)
    monkeypatch.setenv("TOCSIN_URL", api.url)
    monkeypatch.setenv("TOCSIN_KEY", KEY)
    for name in ("TOCSIN_APP", "TOCSIN_SPOOL", "TOCSIN_TRUSTED_PROXIES"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("said", [{}, {"spool": None}], ids=["nobody says otherwise", "none is asked for"])
def test_events_wait_where_the_environment_says_unless_the_caller_says_otherwise(
    environment, tmp_path, monkeypatch, said
):
    monkeypatch.setenv("TOCSIN_SPOOL", str(tmp_path / "spool"))
    configuration.configure(**said)

    Event.new("login").save()

    assert configuration.flush(timeout=120)
    assert (tmp_path / "spool").exists() is (not said)


def test_a_deprecation_is_said_by_the_client_of_the_environment(api, environment):
    log_deprecation("old-setting", "use new-setting", "settings.yml", 60, line=3)

    assert configuration.flush(timeout=120)
    (event,) = api.stored.values()
    assert event.context == {
        "deprecation": "old-setting",
        "message": "use new-setting",
        "cause": "settings.yml",
        "line": 3,
    }
    assert abs(event.expires - event.created - datetime.timedelta(days=60)) < datetime.timedelta(minutes=1)


class Watched:
    """A lock that tells who comes to it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.came = threading.Semaphore(0)

    def __enter__(self) -> None:
        self.came.release()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_a_thread_that_waits_while_another_makes_the_client_makes_no_second_one(environment, configured):
    configured.lock = lock = Watched()
    found = []
    waiting = threading.Thread(target=lambda: found.append(configuration.get_client()))

    with lock:
        assert lock.came.acquire(timeout=60)
        waiting.start()
        assert lock.came.acquire(timeout=60)
        made = configuration.get_client()
    waiting.join()

    assert made is not None
    assert found == [made]
    assert made.emit("login") is not None  # it was not closed for another
