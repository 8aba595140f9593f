"""Messages on their way to SQS, collected and sent in as few calls as it allows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from tocsin.aws.errors import Unprocessed, as_unavailable
from tocsin.aws.retry import retry
from tocsin.aws.tracing import message_attributes, trace_header
from tocsin.errors import Unavailable
from tocsin.records import dataclass

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_MAX_ENTRIES = 10  # SendMessageBatch's limit
_MAX_BYTES = 250_000  # its limit is 256 KiB over all bodies
_PARALLEL = 4
_TRIES = 3


@dataclass(frozen=True, slots=True)
class _Message:
    queue_url: str
    body: str
    owner: Hashable
    group: str | None
    delay: int
    trace: str | None

    def entry(self, number: int) -> dict[str, Any]:
        """As SendMessageBatch takes it."""
        entry: dict[str, Any] = {"Id": str(number), "MessageBody": self.body}
        if self.group is not None:
            entry["MessageGroupId"] = self.group
        if self.delay:
            entry["DelaySeconds"] = self.delay
        if self.trace is not None:
            entry["MessageSystemAttributes"] = message_attributes(self.trace)
        return entry


class Outbox:
    """Collects messages, each with an owner, and says after sending whose did not get through.

    Owners are told apart so that one record's messages that SQS refuses cost only that record a retry.
    """

    def __init__(self, client: SQSClient) -> None:
        self._client = client
        self._waiting: list[_Message] = []

    def add(self, queue_url: str, body: str, owner: Hashable, *, group: str | None = None, delay: int = 0) -> None:
        """Put a message beside the others, in the trace that this is done in; nothing is sent yet.

        `group` is whose message it is, for a queue that is to be fair (MessageGroupId): SQS lets the messages
        of a group that fills the queue wait behind those of the others. `delay` is in seconds, up to 900.
        """
        self._waiting.append(_Message(queue_url, body, owner, group, delay, trace_header()))

    def send(self) -> dict[Hashable, str]:
        """Send all that waits. {owner: reason} of those with a message that could not be sent."""
        batches = list(self._batches())
        self._waiting = []
        failed: dict[Hashable, str] = {}
        if len(batches) <= 1:
            for batch in batches:
                failed |= self._send_batch(batch)
            return failed
        with ThreadPoolExecutor(min(_PARALLEL, len(batches))) as pool:
            for failures in pool.map(self._send_batch, batches):
                failed |= failures
        return failed

    def _batches(self) -> Iterator[list[_Message]]:
        by_queue: defaultdict[str, list[_Message]] = defaultdict(list)
        for message in self._waiting:
            by_queue[message.queue_url].append(message)
        for messages in by_queue.values():
            batch: list[_Message] = []
            size = 0
            for message in messages:
                length = len(message.body.encode())
                if batch and (len(batch) == _MAX_ENTRIES or size + length > _MAX_BYTES):
                    yield batch
                    batch, size = [], 0
                batch.append(message)
                size += length
            yield batch

    def _send_batch(self, batch: list[_Message]) -> dict[Hashable, str]:
        left = dict(enumerate(batch))

        def send() -> None:
            nonlocal left
            entries: list[Any] = [message.entry(number) for number, message in left.items()]
            with as_unavailable("sending messages"):
                answer = self._client.send_message_batch(QueueUrl=batch[0].queue_url, Entries=entries)
            failures = answer.get("Failed", [])
            numbers = {int(failure["Id"]) for failure in failures}
            left = {number: message for number, message in left.items() if number in numbers}
            if failures:
                raise Unprocessed(f"SQS did not take the message: {failures[0].get('Code', 'unknown')}")

        try:
            retry(send, on=Unprocessed, tries=_TRIES)
        except Unavailable as error:
            return {message.owner: error.detail for message in left.values()}
        return {}
