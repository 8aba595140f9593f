"""Read the parts of GET /status in parallel. If one can't be read, the report says why and has the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tocsin.deliveries.breaker import Breaker
from tocsin.errors import Unavailable
from tocsin.records import dataclass
from tocsin.status.ages import Age, latest
from tocsin.status.log_errors import SINCE, LoggedError, by_code, errors_of
from tocsin.status.queues import DeadLetter, Depth, by_reason, depth, look
from tocsin.times import iso
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_sqs import SQSClient

READERS = ("matcher", "rollup")
"""The functions that read the stream of the events table."""
FUNCTIONS = (
    "authorizer",
    "ingest",
    "matcher",
    "rollup",
    "webhook",
    "slack",
    "email",
    "feedback",
    "inbox",
    "redrive",
    "api",
    "console",
    "websocket",
    "jobs",
)
"""The functions whose logs are read: all functions of the template."""
PARALLEL = 16
"""Threads that ask AWS; each client keeps a connection for each of them."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What is read of a stack: queue URLs by name, and the stack's name, which is the prefix of functions' names."""

    queues: Mapping[str, str]
    dead_letters: Mapping[str, str]
    stack: str

    def log_group(self, function: str) -> str:
        """Return the name of a function's log group."""
        return f"/aws/lambda/{self.stack}-{function}"


@dataclass(frozen=True, slots=True)
class Clients:
    """The AWS clients that a report needs."""

    sqs: SQSClient
    logs: CloudWatchLogsClient
    cloudwatch: Any


class StatusReport:
    """Reads the current state of the stack."""

    def __init__(
        self, watched: Watched, clients: Callable[[], Clients], breakers: Callable[[], Sequence[Breaker]]
    ) -> None:
        """`clients` makes the AWS clients; `breakers` returns the breakers of configured transports."""
        self._watched = watched
        self._clients = clients
        self._breakers = breakers

    def read(self, *, now: datetime) -> JsonObject:
        """Return {at, queues, dead_letters, stream, breakers, errors, unknown}; null for a part that can't be read.

        `unknown` lists why, as {part, reason}. A part that only lacks details (ages, one queue's dead letters) is not
        null.
        """
        unknown: list[Json] = []
        with ThreadPoolExecutor(PARALLEL) as pool:
            clients = self._clients()
            depths = {name: pool.submit(depth, clients.sqs, url) for name, url in self._all_queues().items()}
            ages = pool.submit(latest, clients.cloudwatch, self._ages(), now=now)
            breakers = pool.submit(self._breakers)
            logs = {
                function: pool.submit(
                    errors_of, clients.logs, function, self._watched.log_group(function), since=now - SINCE
                )
                for function in FUNCTIONS
            }
            counted = _read("queues", lambda: {name: each.result() for name, each in depths.items()}, unknown)
            letters = None if counted is None else self._letters(pool, clients.sqs, counted, unknown)
            measured = _read("ages", ages.result, unknown)
            report: JsonObject = {
                "at": iso(now),
                "queues": None if counted is None else self._queues(counted, measured or {}),
                "dead_letters": letters,
                "stream": None if measured is None else self._lags(measured),
                "breakers": _read("breakers", lambda: _shown(breakers.result()), unknown),
                "errors": _errors(logs, now - SINCE, unknown),
            }
        return report | {"unknown": unknown}

    def _all_queues(self) -> dict[str, str]:
        """Return all URLs by name. Names of dead-letter queues get a prefix, since both kinds share names."""
        dead = {f"dead:{name}": url for name, url in self._watched.dead_letters.items()}
        return {f"queue:{name}": url for name, url in self._watched.queues.items()} | dead

    def _ages(self) -> list[Age]:
        return [*map(_queue_age, self._watched.queues.values()), *map(self._reader, READERS)]

    def _reader(self, function: str) -> Age:
        return Age.of_reader(f"{self._watched.stack}-{function}")

    def _lags(self, measured: Mapping[Age, float]) -> list[Json]:
        return [{"reader": name, "lag_seconds": measured.get(self._reader(name))} for name in READERS]

    def _queues(self, counted: Mapping[str, Depth], measured: Mapping[Age, float]) -> list[Json]:
        return [
            {
                "queue": name,
                "waiting": counted[f"queue:{name}"].waiting,
                "in_flight": counted[f"queue:{name}"].in_flight,
                "delayed": counted[f"queue:{name}"].delayed,
                "oldest_seconds": measured.get(_queue_age(url)),
            }
            for name, url in self._watched.queues.items()
        ]

    def _letters(
        self, pool: ThreadPoolExecutor, sqs: SQSClient, counted: Mapping[str, Depth], unknown: list[Json]
    ) -> list[Json]:
        urls = self._watched.dead_letters
        looks: dict[str, Future[list[DeadLetter]]] = {
            name: pool.submit(look, sqs, url) for name, url in urls.items() if counted[f"dead:{name}"].all
        }
        found: list[Json] = []
        for name in urls:
            looked = looks.get(name)
            letters = [] if looked is None else _read(f"dead_letters.{name}", looked.result, unknown)
            found.append(
                {
                    "queue": name,
                    "messages": counted[f"dead:{name}"].all,
                    "looked_at": len(letters or []),
                    "reasons": by_reason(letters or []),
                }
            )
        return found


def _shown(breakers: Sequence[Breaker]) -> list[Json]:
    return [breaker.to_json() for breaker in breakers]


def _queue_age(url: str) -> Age:
    return Age.of_queue(url.rpartition("/")[2])


def _errors(
    logs: Mapping[str, Future[tuple[list[LoggedError], bool]]], since: datetime, unknown: list[Json]
) -> JsonObject | None:
    """Return {since, complete, codes}. Functions whose logs can't be read are added to `unknown`."""
    found: list[LoggedError] = []
    complete = True
    for function, read in logs.items():
        errors = _read(f"errors.{function}", read.result, unknown)
        if errors is None:
            complete = False
            continue
        found += errors[0]
        complete &= errors[1]
    return {"since": iso(since), "complete": complete, "codes": by_code(found)}


def _read[T](part: str, read: Callable[[], T], unknown: list[Json]) -> T | None:
    """Return the result of `read`; None where it raises Unavailable, with the reason added to `unknown`."""
    try:
        return read()
    except Unavailable as error:
        unknown.append({"part": part, "reason": error.detail})
        return None
