"""Follows events to the places where people are told: event → rule → transport → recipient, in milliseconds.

That something arrived is never taken from the stack's word; which rule sent it is, where the thing itself
does not say: a mail and a Slack post are matched with a delivery of their event's story.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from local.api import Delivery, TocsinApi, UnexpectedAnswerError
from local.arrivals import Arrival, Directory, Places
from local.samples import ONCE, Expected, Sample, marked_sample

_STORY_PAUSE_S = 0.3
# A story of which all deliveries are done may still grow: other rules, further pages of a group.
_SETTLED_PAUSE_S = 2.0
_INBOX_PAUSE_S = 0.5
# How long after an event somebody may still be told of it, as far as we follow.
_FOLLOWED_FOR_S = 120


@dataclass(frozen=True, slots=True)
class Seen:
    """A delivery that arrived, as it is shown."""

    label: str  # the event
    rule: str
    transport: str
    recipient: str
    took_ms: float | None  # from the POST (or the event's id, for events of others) to the arrival
    good: bool = True  # False for a delivery that should not have been


@dataclass(slots=True)
class _Event:
    id: str
    label: str
    posted_at: float  # seconds since 1970
    sample: int | None = None
    story: tuple[Delivery, ...] = ()
    told: set[str] = field(default_factory=set)  # ids of deliveries that have been shown
    asked_at: float = -1e9


class Watch:
    """Knows the events that are followed, and tells what became of them."""

    def __init__(self, places: Places, api: TocsinApi, directory: Directory) -> None:
        """Follows nothing yet."""
        self._places = places
        self._api = api
        self._directory = directory
        self._events: dict[str, _Event] = {}
        self._samples: dict[int, _Event] = {}
        self._waiting: list[Arrival] = []
        self._expected: set[Expected] = set()
        self._arrived: set[Expected] = set()
        self._inboxes_at = -1e9

    def expect(self, sample: Sample, event_id: str, label: str, posted_at: float) -> None:
        """Follows a sample's event, whose deliveries are known beforehand."""
        self._samples[sample.number] = self._events[event_id] = _Event(event_id, label, posted_at, sample.number)
        self._expected |= sample.expected

    def follow(self, event_id: str, label: str) -> None:
        """Follows an event that somebody else posted. Its id, a UUIDv7, says when."""
        if event_id not in self._events:
            posted_at = int(event_id.replace("-", "")[:12], 16) / 1000
            self._events[event_id] = _Event(event_id, label, posted_at)

    @property
    def missing(self) -> set[Expected]:
        """What was expected and has not arrived."""
        return self._expected - self._arrived

    def look(self) -> list[Seen]:
        """What arrived since the last look, each once; what can't be told apart yet is kept for the next."""
        self._waiting += self._places.look(self._inboxes())
        seen: list[Seen] = []
        waiting: list[Arrival] = []
        for arrival in self._waiting:
            shown = self._recognized(arrival)
            if shown is None:
                waiting.append(arrival)
            else:
                seen.append(shown)
        self._waiting = waiting
        return seen

    def strangers(self) -> list[Arrival]:
        """What arrived about a sample and is neither expected nor a second copy of what is."""
        known = {(item.sample, item.transport, item.recipient) for item in self._expected}
        return [
            arrival
            for arrival in self._waiting
            if (sample := marked_sample(arrival.text)) in self._samples
            and (sample, arrival.transport, arrival.recipient) not in known
        ]

    def what_the_stack_says(self, expected: Expected) -> str:
        """The state and the last reason that the story tells of an expected delivery."""
        event = self._samples[expected.sample]
        self._ask(event, at_once=True)
        for delivery in event.story:
            if _is(delivery, expected.rule, expected.transport, expected.recipient):
                reasons = [part for last in delivery.attempts[-1:] for part in (last.reason, last.detail)]
                return ": ".join(part for part in (delivery.state, *reasons) if part)
        return "no such delivery"

    def _inboxes(self) -> Iterable[str]:
        """Whose inboxes may have something new: by what is expected, and by what the stories tell.

        Now and then only: each is a call, and a story says when an item was stored.
        """
        if time.monotonic() - self._inboxes_at < _INBOX_PAUSE_S:
            return []
        self._inboxes_at = time.monotonic()
        local = self._directory.transport("local").name
        users = {item.recipient for item in self.missing if item.transport == local}
        for event in self._events.values():
            if event.sample is None and time.time() - event.posted_at < _FOLLOWED_FOR_S:
                self._ask(event)
                users |= {
                    delivery.user
                    for delivery in event.story
                    if delivery.mode == "local" and delivery.id not in event.told
                }
        return sorted(users - {""})

    def _recognized(self, arrival: Arrival) -> Seen | None:
        """An arrival as it is shown; None as long as its event or its delivery is not known."""
        for event in self._candidates(arrival):
            self._ask(event)
            for delivery in event.story:
                if delivery.id not in event.told and _brought(delivery, arrival):
                    event.told.add(delivery.id)
                    return self._shown(event, delivery, arrival)
        return None

    def _candidates(self, arrival: Arrival) -> list[_Event]:
        """The events that an arrival may be about: by its mark, by its id, else all that are followed."""
        sample = marked_sample(arrival.text)
        if sample in self._samples:
            return [self._samples[sample]]
        if arrival.event_id:
            return [event for event in [self._events.get(arrival.event_id)] if event]
        return [event for event in self._events.values() if event.sample is None]

    def _shown(self, event: _Event, delivery: Delivery, arrival: Arrival) -> Seen:
        good = True
        if event.sample is not None:
            arrived = Expected(event.sample, delivery.rule, arrival.transport, arrival.recipient)
            good = arrived in self._expected
            self._arrived.add(arrived)
        at = arrival.at
        if delivery.mode == "local" and delivery.attempts:
            # An inbox is looked into now and then; when the item was put there, the story knows better.
            at = min(at, delivery.attempts[-1].ended_at)
        once = arrival.recipient == ONCE
        return Seen(
            label=event.label,
            rule=delivery.rule,
            transport=delivery.transport,
            recipient=f"once ({delivery.user or 'nobody'} first)" if once else arrival.recipient,
            took_ms=(at - event.posted_at) * 1000,
            good=good,
        )

    def _ask(self, event: _Event, *, at_once: bool = False) -> None:
        """Asks for the event's story, unless it was asked for a moment ago or has nothing more to tell."""
        settled = event.story and all(delivery.final for delivery in event.story)
        pause = _SETTLED_PAUSE_S if settled else _STORY_PAUSE_S
        if not at_once and time.monotonic() - event.asked_at < pause:
            return
        # The event may not be there to be read yet; the next look asks again.
        with contextlib.suppress(UnexpectedAnswerError):
            event.story = self._api.story(event.id).deliveries
        event.asked_at = time.monotonic()


def _brought(delivery: Delivery, arrival: Arrival) -> bool:
    """Whether this delivery can be what brought the arrival."""
    if arrival.delivery_id:
        return arrival.delivery_id == delivery.id
    return _is(delivery, arrival.rule or delivery.rule, arrival.transport, arrival.recipient)


def _is(delivery: Delivery, rule: str, transport: str, recipient: str) -> bool:
    same = delivery.rule == rule and delivery.transport == transport
    return same and recipient in {delivery.user, ONCE}
