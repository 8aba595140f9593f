"""Events as they come: each once, for as long as somebody reads.

`EventSource` is what `events --follow` and `listen` read. Today it is `PollingSource`; a source that is pushed to by
the API can take its place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

from tocsin_cli.api import Api
from tocsin_cli.errors import Unavailable
from tocsin_cli.shortfalls import Shortfalls
from tocsin_cli.times import iso, parse_iso
from tocsin_cli.types import JsonObject, objects, text

LATE = timedelta(minutes=5)
"""How much later than it happened an event may arrive and still be shown: producers buffer, and clocks differ."""
OVERLAP = timedelta(seconds=10)
"""How far most looks go back."""
DEEP_LOOK = timedelta(seconds=15)
"""How often a look goes back by LATE."""
_LONGEST_PAUSE = 30.0  # seconds between tries while the API does not answer


class EventSource(Protocol):
    """Where events come from."""

    def events(self) -> Iterator[JsonObject]:
        """Each event once, oldest first, for ever: it waits for the next one."""
        ...


class PollingSource:
    """Asks GET /events again and again, and remembers what it has seen.

    An event is told from others by its id and asked for by the time in it, so looks overlap: most by OVERLAP, some by
    LATE. What arrives more than LATE after it happened is not shown. Times are the API's own (its Date header).
    `trouble` is told when the API does not answer; it is asked again after a pause. `shortfalls` hears each page.
    """

    def __init__(
        self,
        api: Api,
        filters: Mapping[str, str],
        *,
        since: datetime | None = None,
        pause: float = 2.0,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        trouble: Callable[[str], object] = lambda _reason: None,
        shortfalls: Shortfalls | None = None,
    ) -> None:
        self._api = api
        self._filters = {name: value for name, value in filters.items() if name not in {"since", "order"}}
        self._since = since
        self._pause = pause
        self._sleep = sleep
        self._clock = clock
        self._trouble = trouble
        self._shortfalls = shortfalls or Shortfalls(trouble)
        self._seen: dict[str, datetime] = {}
        self._looked_at: datetime | None = None
        self._deep_at: datetime | None = None

    def events(self) -> Iterator[JsonObject]:
        """Each event once, for ever."""
        failures = 0
        while True:
            try:
                yield from self._look()
                failures = 0
            except Unavailable as error:
                failures += 1
                # What came late just before, or came meanwhile, lies further back than most looks go.
                self._deep_at = None
                self._trouble(str(error))
            self._sleep(min(self._pause * 2 ** min(failures, 10), _LONGEST_PAUSE) if failures else self._pause)

    def _look(self) -> Iterator[JsonObject]:
        """What is new."""
        if self._since is None:
            self._since = self._api_time()
        start, deep = self._start()
        asked_at: datetime | None = None
        for page in self._api.pages("/events", self._filters | {"order": "oldest", "since": iso(start)}):
            asked_at = asked_at or page.date
            self._shortfalls.hear(page.object)
            self._shortfalls.tell()
            for event in objects(page.object.get("items")):
                if self._is_new(event):
                    yield event
        # Only a look that came to its end moves on: one that fails is made again from the same place.
        self._looked_at = asked_at or self._clock()
        if deep:
            self._deep_at = self._looked_at
        horizon = self._looked_at - 2 * LATE
        self._seen = {event_id: at for event_id, at in self._seen.items() if at >= horizon}

    def _start(self) -> tuple[datetime, bool]:
        """From when on to look, and whether that is as far back as looks go."""
        since = self._since or self._clock()
        if self._looked_at is None:
            return since, True
        deep = self._deep_at is None or self._looked_at - self._deep_at >= DEEP_LOOK
        return max(since, self._looked_at - (LATE if deep else OVERLAP)), deep

    def _is_new(self, event: JsonObject) -> bool:
        event_id = text(event, "id")
        if event_id in self._seen:
            return False
        self._seen[event_id] = parse_iso(text(event, "created")) or self._clock()
        return True

    def _api_time(self) -> datetime:
        """What time it is at the API; its Date header has whole seconds."""
        return self._api.get("/health").date or self._clock()
