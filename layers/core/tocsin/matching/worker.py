"""Run the matcher on batches: records of the events table's stream, and messages of the match queue.

A record that fails neither blocks its shard nor is lost:

    failure                                         what happens to the record
    DynamoDB or SQS fail for it                     its event id and the reason go to the match queue: it is tried again
    it can't be read                                its key and the reason go to the match queue's dead letters
    the match queue fails as well                   it is returned to the stream, which Lambda reads again from there
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import orjson

from tocsin.aws.logging import Code, logger, note
from tocsin.aws.sqs import Outbox
from tocsin.aws.tracing import caused_by, header_of
from tocsin.errors import ConfigurationBroken, Unavailable
from tocsin.events.model import Event
from tocsin.events.store import EventStore, event_of
from tocsin.matching.matcher import HeldBatch, Judged, Matcher
from tocsin.matching.message import MatchMessage
from tocsin.types import Json, JsonObject

_PARALLEL = 8


class MatchWorker:
    """Runs batches. Methods return Lambda's partial batch response: {batchItemFailures: [{itemIdentifier}]}."""

    def __init__(
        self,
        matcher: Matcher,
        events: EventStore,
        outbox: Outbox,
        *,
        match_queue: str,
        set_aside: str,
        watch: Callable[[Sequence[Event]], None] = lambda _events: None,
    ) -> None:
        """`watch` is called with the events of each batch of the stream after it was handled. It must not raise."""
        self._watch = watch
        self._matcher = matcher
        self._events = events
        self._outbox = outbox
        self._match_queue = match_queue
        self._set_aside = set_aside

    def stream(self, records: Sequence[Mapping[str, Any]]) -> JsonObject:
        """Match the events of a batch of stream records.

        Raises ConfigurationBroken where the configuration can't be read: no record is to blame, and all come back.
        """
        positions: dict[Hashable, str] = {}
        failed: dict[Hashable, str] = {}
        fired: list[tuple[Event, Judged]] = []
        read: list[Event] = []

        def judge(event: Event) -> None:
            judged = self._matcher.judge(event)
            if judged is not None:
                fired.append((event, judged))

        for record in records:
            image = record["dynamodb"]
            key = image.get("Keys", {}).get("sk", {}).get("S", "")
            positions[key] = image["SequenceNumber"]
            try:
                event = event_of(image["NewImage"])
            except (KeyError, TypeError, ValueError) as error:
                self._put_aside(image, key, f"the record is no event: {type(error).__name__}")
                continue
            read.append(event)
            reason = self._try(event.id, partial(judge, event), event.trace)
            if reason is not None:
                failed[event.id] = reason
        held = self._matcher.held_batch()
        failed |= self._act(fired, held) | self._outbox.send()
        failed |= held.write(without=failed)
        traces: dict[Hashable, str | None] = {event.id: event.trace for event in read}
        for event_id, reason in failed.items():
            with caused_by(traces.get(event_id)):
                note(Code.RECORD_HANDED_ON, reason, level=logging.WARNING, event_id=event_id)
                self._outbox.add(self._match_queue, MatchMessage(str(event_id), reason=reason).to_body(), event_id)
        left = self._outbox.send()
        for event_id, reason in left.items():
            note(Code.RECORD_LEFT, reason, level=logging.ERROR, event_id=event_id)
        self._watch([event for event in read if event.id not in left])
        return _failures(positions[event_id] for event_id in left)

    def _act(self, fired: Sequence[tuple[Event, Judged]], held: HeldBatch) -> dict[Hashable, str]:
        """Notify people, of several events in parallel. Return {event id: why it failed}.

        Events that begin or end something are handled one after the other, in the order in which they happened.
        """
        in_turn = sorted((each for each in fired if each[1].is_in_turn), key=lambda each: each[0].id)
        rows = [[each] for each in fired if not each[1].is_in_turn] + ([in_turn] if in_turn else [])

        def act(row: Sequence[tuple[Event, Judged]]) -> dict[Hashable, str | None]:
            return {
                event.id: self._try(event.id, partial(self._matcher.act, event, judged, held), event.trace)
                for event, judged in row
            }

        with ThreadPoolExecutor(_PARALLEL) as pool:
            reasons = [pair for acted in pool.map(act, rows) for pair in acted.items()]
        return {event_id: reason for event_id, reason in reasons if reason is not None}

    def queue(self, records: Sequence[Mapping[str, Any]]) -> JsonObject:
        """Handle a batch of messages. Those that fail are returned to the queue, and become dead letters in the end."""
        failed: dict[str, str] = {}
        for record in records:
            try:
                work = MatchMessage.from_body(record["body"])
            except (KeyError, TypeError, ValueError) as error:
                failed[record["messageId"]] = f"the message can't be read: {type(error).__name__}"
                note(Code.RECORD_LEFT, failed[record["messageId"]], level=logging.ERROR, message_id=record["messageId"])
                continue
            # The outbox is sent after each message, so that a message is deleted only when its work is on its way.
            held = self._matcher.held_batch()
            reason = self._try(work.event_id, partial(self._do, work, held), header_of(record))
            reason = reason or next(iter((self._outbox.send() | held.write()).values()), None)
            if reason is not None:
                failed[record["messageId"]] = reason
                about = {"event_id": work.event_id, "message_id": record["messageId"]}
                with caused_by(header_of(record)):
                    note(Code.RECORD_LEFT, reason, level=logging.ERROR, **about)
        return _failures(failed)

    def _do(self, work: MatchMessage, held: HeldBatch) -> None:
        event = self._events.get(work.event_id)
        if event is None:
            note(Code.EVENT_GONE, "the event has expired or was deleted", event_id=work.event_id)
        elif work.rule is not None and work.cursor is not None:
            self._matcher.go_on(event, work)
        else:
            self._matcher.match(event, held)

    def _try(self, event_id: str, act: Callable[[], None], trace: str | None) -> str | None:
        """Call `act` in the trace of the event. Return why it failed; None where it did not."""
        with caused_by(trace):
            return self._tried(event_id, act)

    def _tried(self, event_id: str, act: Callable[[], None]) -> str | None:
        try:
            act()
        except ConfigurationBroken:
            raise
        except Unavailable as error:
            return error.detail
        except Exception as error:  # noqa: BLE001 - one record's trouble must stay its own
            logger.exception("an event could not be matched", extra={"event_id": event_id})
            return f"{type(error).__name__} while matching"
        return None

    def _put_aside(self, image: Mapping[str, Any], position: str, reason: str) -> None:
        keys: Json = {name: value.get("S") for name, value in image.get("Keys", {}).items()}
        note(Code.RECORD_SET_ASIDE, reason, level=logging.ERROR, key=keys)
        body = orjson.dumps({"key": keys, "reason": reason, "sequence_number": image["SequenceNumber"]}).decode()
        self._outbox.add(self._set_aside, body, position)


def _failures(identifiers: Iterable[str]) -> JsonObject:
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}
