"""Events with a `once` key: of those with one key only the first within a window of time is stored."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import chain

from tocsin.errors import Conflict, Unavailable
from tocsin.events.model import Event, Once
from tocsin.events.store import Earlier, EventStore, Submission

_PARALLEL = 16

type Outcome = Event | Earlier | Conflict | Unavailable


class OnceStore:
    """Stores events with a `once` key. `owner` is an API key's id: each owner's `once` keys are separate."""

    def __init__(self, events: EventStore) -> None:
        self._events = events

    def add(self, owner: str, now: datetime, submissions: Sequence[tuple[Submission, Once]]) -> list[Outcome]:
        """Store each event that is the first with its key. Return their results in order, as `EventStore.add_first`.

        Events with one key are stored in their order.
        """
        by_key: dict[str, list[int]] = {}
        for position, (_, once) in enumerate(submissions):
            by_key.setdefault(once.key, []).append(position)

        def add_in_turn(positions: list[int]) -> list[tuple[int, Outcome]]:  # transactions on one marker conflict
            return [(position, self._events.add_first(owner, now, *submissions[position])) for position in positions]

        with ThreadPoolExecutor(_PARALLEL) as pool:
            outcomes = dict(chain.from_iterable(pool.map(add_in_turn, by_key.values())))
        return [outcomes[position] for position in range(len(submissions))]
