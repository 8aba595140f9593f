"""Which message of a Slack channel began the thread of what a rule tells of one thing: in the deliveries table.

    pk              sk          what
    thread#<about>  <endpoint>  `ts` of the message that began it; or until when a delivery has the right to begin it

`about` is of the rule and the values (`matching.ending`), `endpoint` the fingerprint of the transport: its channel and
its token. Whoever joins asks by one conditional write for the right to begin, so that two deliveries at once begin one
thread; what is refused says which thread there is. A thread ends with what it is about (`ended`, the id of the event:
ids sort by time), and after LASTS: what comes then begins another one.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tocsin.aws.dynamodb import Item, text, text_of, timestamp, until
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.table import Table
from tocsin.records import dataclass

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BEGINS_WITHIN = timedelta(seconds=30)
"""How long a delivery has the right to begin a thread: as long as its function may run."""

LASTS = timedelta(days=7)
"""How long a thread takes replies. Who reads a channel does not see what is below a message of long ago."""

_FREE = (
    "(attribute_not_exists(ts) AND (attribute_not_exists(begins_until) OR begins_until <= :now))"
    " OR expires_at <= :second"
)


@dataclass(frozen=True, slots=True)
class ThreadKey:
    """Whose thread it is: what it is about, and the fingerprint of the transport that tells it."""

    about: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class Beginning:
    """The right to begin a thread, until then."""

    until: datetime


class ThreadStore:
    """Keeps threads. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    def join(self, key: ThreadKey, event_id: str, *, over: bool, now: datetime) -> str | Beginning | None:
        """Return the `ts` to answer to, or the right to begin the thread; None while another delivery begins it.

        `event_id` is of the event that is to be told: after one that ended the thread it begins another one, unless it
        is itself told as an end (`over`).
        """
        ends = now + BEGINS_WITHIN
        values: dict[str, Any] = {
            ":now": timestamp(now),
            ":second": until(now),
            ":ends": timestamp(ends),
            ":keep": until(now + LASTS),
        }
        try:
            self._table.update(
                "joining a thread",
                _key(key),
                "SET begins_until = :ends, expires_at = :keep REMOVE ts, ended",
                values=values if over else values | {":event": text(event_id)},
                condition=_FREE if over else f"{_FREE} OR ended < :event",
                return_found=True,
                made={"begins_until": timestamp(ends)},
            )
        except ConditionFailed as refused:
            return text_of(refused.item, "ts") or None
        return Beginning(ends)

    def begin(self, key: ThreadKey, beginning: Beginning, ts: str | None) -> None:
        """Note the message that began the thread; None where there is none, so that the next delivery begins it."""
        change = "REMOVE begins_until" if ts is None else "SET ts = :ts REMOVE begins_until"
        given = {} if ts is None else {":ts": text(ts)}
        self._change(key, change, "begins_until = :until", given | {":until": timestamp(beginning.until)})

    def move(self, key: ThreadKey, ts: str, to: str) -> None:
        """Have replies go to the message `to`, which Slack made of one to `ts`."""
        self._change(key, "SET ts = :to", "ts = :ts", {":ts": text(ts), ":to": text(to)})

    def forget(self, key: ThreadKey, ts: str) -> None:
        """Forget a thread that is gone, so that the next delivery begins another one."""
        self._change(key, "REMOVE ts", "ts = :ts", {":ts": text(ts)})

    def end(self, key: ThreadKey, ts: str, event_id: str) -> None:
        """Note the event that ended what the thread is about."""
        condition = "ts = :ts AND (attribute_not_exists(ended) OR ended < :event)"
        self._change(key, "SET ended = :event", condition, {":ts": text(ts), ":event": text(event_id)})

    def _change(self, key: ThreadKey, change: str, condition: str, values: Item) -> None:
        """Change the thread unless somebody else has meanwhile."""
        with suppress(ConditionFailed):
            self._table.update("keeping a thread", _key(key), change, values=values, condition=condition)


def _key(key: ThreadKey) -> dict[str, Any]:
    return {"pk": text(f"thread#{key.about}"), "sk": text(key.endpoint)}
