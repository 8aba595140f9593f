"""What a worker does with a batch of the stream: how many events at a time, and which one after the other."""

from datetime import UTC, datetime
from threading import Barrier, Lock
from typing import Any, cast

from tests.unit.rules.test_ruleset import event, rule
from tocsin.aws.sqs import Outbox
from tocsin.config.model import Configuration
from tocsin.events.model import Event
from tocsin.events.store import EventStore, event_item, event_key
from tocsin.matching.held_store import HeldStore
from tocsin.matching.matcher import HeldBatch, Judged, Matcher
from tocsin.matching.worker import MatchWorker
from tocsin.rules.ruleset import Firing, Verdict

NOTHING: Any = None


class Acting:
    """A matcher whose rule fires on each event; what it does goes on when `at_once` events have come to it."""

    def __init__(self, at_once: int, **fields: Any) -> None:
        self._judged = Judged(Configuration(), Verdict((Firing(rule(**fields), ()),)))
        self._meeting = Barrier(at_once)
        self._lock = Lock()
        self._acting = 0
        self.most = 0
        self.acted: list[str] = []

    def judge(self, _: Event) -> Judged:
        return self._judged

    def held_batch(self) -> HeldBatch:
        return HeldBatch(cast(HeldStore, NOTHING), lambda _: None, lambda: datetime.now(UTC))

    def act(self, about: Event, _: Judged, __: HeldBatch) -> None:
        with self._lock:
            self.acted.append(about.id)
            self._acting += 1
            self.most = max(self.most, self._acting)
        self._meeting.wait(timeout=60)
        with self._lock:
            self._acting -= 1

    def run(self, events: list[Event]) -> dict[str, Any]:
        """Have a worker handle a batch of these events."""
        outbox = Outbox(NOTHING)
        worker = MatchWorker(
            cast(Matcher, self), cast(EventStore, NOTHING), outbox, match_queue="more", set_aside="aside"
        )
        images = [{"Keys": event_key(each.id), "NewImage": event_item(each, None)} for each in events]
        return worker.stream([{"dynamodb": {**image, "SequenceNumber": str(n)}} for n, image in enumerate(images)])


def test_eight_events_of_a_batch_are_told_at_a_time() -> None:
    matcher = Acting(8)

    matcher.run([event() for _ in range(16)])

    assert (matcher.most, len(matcher.acted)) == (8, 16)


def test_what_begins_something_is_told_one_after_the_other_in_the_order_in_which_it_happened() -> None:
    matcher = Acting(1, resolve={"action": "up"})
    events = [event() for _ in range(9)]

    matcher.run(events[::-1])

    assert (matcher.most, matcher.acted) == (1, sorted(each.id for each in events))
