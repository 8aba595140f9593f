"""What waits for a person, or was told with others, is erased with its event."""

from datetime import datetime, timedelta

from tests.integration.conftest import Stack
from tests.integration.jobs.conftest import Jobs, an_event, log_of
from tocsin.deliveries.digest_store import DigestStore
from tocsin.deliveries.digests import Digests
from tocsin.deliveries.model import DeliveryMessage
from tocsin.deliveries.readers import Readers
from tocsin.deliveries.waiting_store import DIGEST_SHARDS, KeptBack, WaitingStore
from tocsin.events.model import Event
from tocsin.identity.directory import User
from tocsin.notifications.inbox_store import InboxStore
from tocsin.notifications.model import Notification, Severity
from tocsin.telling.decision import Cause, Decision, Kind
from tocsin.times import utc_now

ALICE = {"username": "alice", "pk": 7, "email": "alice@example.com"}
ADMIN = User("admin", "admin@example.com")
KEEP = timedelta(days=30)


def have_wait(stack: Stack, event: Event, until: datetime) -> None:
    """Have what an event is told of wait for the end of somebody's quiet hours."""
    message = DeliveryMessage(event.id, "logins", Severity.NOTICE, "inbox", "local", ADMIN, once=False, event=event)
    held = Decision(Kind.HOLD, Cause.QUIET_HOURS, "held until 07:00", until)
    WaitingStore(stack.dynamodb, "deliveries").keep_back([KeptBack(message, event, held)], now=utc_now(), keep=KEEP)


def digests(stack: Stack, now: datetime) -> list[DeliveryMessage]:
    """Make digests of what is due at `now`."""
    made = Digests(
        DigestStore(stack.dynamodb, "deliveries"),
        lambda _: {},
        Readers(lambda _: {}, lambda _: {}, lambda _: True),
        lambda: now,
    )
    told = [made.tell(head, keep=KEEP) for shard in range(DIGEST_SHARDS) for head in made.due(shard)]
    return [message for message in told if message is not None]


def test_what_waits_is_told_nobody(jobs: Jobs) -> None:
    (hers,) = log_of(jobs.stack, an_event(user=ALICE))
    have_wait(jobs.stack, hers, utc_now() + timedelta(hours=1))

    asked = jobs.ask("erasures", username="alice", reason="-")
    jobs.run()

    assert jobs.shown(asked)["state"] == "done"
    assert digests(jobs.stack, utc_now() + timedelta(hours=2)) == []


def test_a_digest_that_tells_of_an_event_goes_from_the_inbox_with_it(jobs: Jobs) -> None:
    other, hers = log_of(jobs.stack, an_event(timedelta(hours=1)), an_event(user=ALICE))
    for event in (other, hers):
        have_wait(jobs.stack, event, utc_now() - timedelta(minutes=1))
    (digest,) = digests(jobs.stack, utc_now())
    told = Notification(digest.notification_id, Severity.NOTICE, "alice and another", None, None, other, "r", ADMIN)
    InboxStore(jobs.stack.dynamodb, "deliveries").put(told, keep=KEEP, now=utc_now())

    asked = jobs.ask("erasures", username="alice", reason="-")
    jobs.run()

    assert jobs.api("GET", "/notifications", query={"user": "admin"}).body["items"] == []
    assert jobs.shown(asked)["notifications"] == 1
