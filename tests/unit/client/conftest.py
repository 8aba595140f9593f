"""The API's server, clients of it that do not sleep, and processes that have one."""

from collections.abc import Callable, Iterator

import pytest

from tests.unit.client.api_server import KEY, Api
from tests.unit.client.producer import Producer
from tocsin_client import Client, configuration, sender


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as running:
        yield running


@pytest.fixture
def naps() -> list[float]:
    """The pauses that clients of `make` would have made, in seconds."""
    return []


@pytest.fixture
def make(api: Api, naps: list[float]) -> Iterator[Callable[..., Client]]:
    """Makes clients of `api` that do not sleep, wait for a busy machine, and leave this process's signals alone."""
    made: list[Client] = []

    def one(url: str = "", key: str = KEY, **options: object) -> Client:
        made.append(
            Client(url or api.url, key, **{"sleep": naps.append, "flush_on_sigterm": False, "timeout": 60, **options})
        )
        return made[-1]

    yield one
    api.released.set()
    for each in made:
        each.close(timeout=0.05)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that try again when they are asked to, and not by themselves, however long a test takes."""
    monkeypatch.setattr(sender, "_pause_after", lambda _failures: 3600.0)


@pytest.fixture
def produce() -> Iterator:
    """Starts producers, and leaves none behind."""
    started: list[Producer] = []

    def start(*arguments: str) -> Producer:
        started.append(Producer(*arguments))
        return started[-1]

    yield start
    for producer in started:
        if producer.process.returncode is None:
            producer.forget()


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """The configuration of a process in which nobody has said anything yet."""
    monkeypatch.setattr(configuration, "current", configuration._Configuration())
    yield configuration.current
    if configuration.current.client is not None:
        configuration.current.client.close(timeout=0.05)
