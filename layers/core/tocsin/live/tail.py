"""The log as it grows, for connections that follow it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

import orjson

from tocsin.aws.logging import Code, logger, note
from tocsin.errors import Invalid, Unavailable
from tocsin.events.model import Event
from tocsin.events.summary import in_brief
from tocsin.live.model import Tail
from tocsin.live.push import Pusher
from tocsin.live.store import LiveStore
from tocsin.times import utc_now
from tocsin.ttl_cache import TTLCache
from tocsin.types import JsonObject

MAX_EVENTS = 50
"""Events that one message carries."""
MAX_BYTES = 100_000
"""Of a message's events; API Gateway takes 128 KB."""
LOOKING = timedelta(seconds=2)
"""How long a batch's events are looked at for all tails together: an expression may take milliseconds an event, and
whoever follows may not hold up the next batch."""
LOOKED_EVERY = timedelta(seconds=5)
"""How often the tails are read: all that following costs while nobody does."""


class TailFeed:
    """Tells tails of new events. Never raises: what matches events is not held up by who watches."""

    def __init__(self, store: LiveStore, pusher: Pusher, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._pusher = pusher
        self._clock = clock
        self._tails: TTLCache[str, list[Tail]] = TTLCache(LOOKED_EVERY, clock=clock)

    def feed(self, events: Sequence[Event]) -> None:
        """Send `events` to the tails that ask for them."""
        if not events:
            return
        try:
            tails = self._tails.get_or_read("", lambda: self._store.tails(now=self._clock()))
            for tail in tails:
                self._feed(tail, events, LOOKING / len(tails))
        except Unavailable as error:
            note(Code.TAIL_LEFT, error.detail, level=logging.WARNING, events=len(events))
        except Exception:  # noqa: BLE001 - nobody's watching may keep an event from its rules
            logger.exception("the tails could not be fed", extra={"code": Code.TAIL_FAILED.value})

    def _feed(self, tail: Tail, events: Sequence[Event], share: timedelta) -> None:
        """Send `events` to one tail. Those that there was no time to look at in its `share` count as skipped."""
        # Loaded with the first tail: expressions are more than a matcher needs to start with.
        from tocsin.events.search.query import SearchFilter, parse_search  # noqa: PLC0415

        try:
            admitted = SearchFilter(parse_search(tail.filters), self._clock()).admits
        except Invalid:
            return  # stored by another version
        until = self._clock() + share
        wanted: list[Event] = []
        left_out = 0
        for event in events:
            if self._clock() >= until:
                left_out += 1
            elif admitted(event):
                wanted.append(event)
        wanted.sort(key=lambda event: event.id)
        for shown in _messages(wanted):
            if shown is None:
                left_out += 1
                continue
            skipped = self._store.turn(tail.connection_id, events=len(shown) + left_out, now=self._clock())
            if skipped is not None:
                message: JsonObject = {
                    "message_type": "events.new",
                    "data": [*shown],
                    "skipped": skipped + left_out,
                    "filters": {**tail.filters},
                }
                self._pusher.send(tail.connection_id, orjson.dumps(message))
            left_out = 0
        if left_out:
            self._store.skip(tail.connection_id, left_out)


def _messages(events: Sequence[Event]) -> Iterator[list[JsonObject] | None]:
    """The events of one message after the other; None for an event that fits into none."""
    shown: list[JsonObject] = []
    size = 0
    for event in events:
        made = event.to_json() | {"summary": in_brief(event.summary)}
        length = len(orjson.dumps(made))
        if length > MAX_BYTES:
            yield None
            continue
        if len(shown) == MAX_EVENTS or size + length > MAX_BYTES:
            yield shown
            shown, size = [], 0
        shown.append(made)
        size += length
    if shown:
        yield shown
