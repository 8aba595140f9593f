"""What SQS takes for a message.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

MAX_MESSAGE = 1_048_576
"""Bytes of a message, and of a batch together: 1 MiB since August 2025, 256 KiB before."""

_NOT_ALLOWED = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

type Attributes = Mapping[str, Mapping[str, Any]]
type Refuse = Callable[[str, str], Exception]
"""Makes the emulator's exception of a code and a message."""
type Act = Callable[[dict[str, Any], str], dict[str, Any]]
"""An action of the emulator's: the request's JSON and the queue's URL."""


def not_allowed(text: str) -> str | None:
    """The first character that no message may hold, or None: #x9, #xA, #xD, #x20-#xD7FF, #xE000-#xFFFD and beyond."""
    found = _NOT_ALLOWED.search(text)
    return found[0] if found else None


def message_bytes(body: str, attributes: Attributes | None) -> int:
    """The size of a message: its body and the name, type and value of each attribute.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
    System attributes (AWSTraceHeader) do not count.
    """
    return _bytes(body) + sum(
        _bytes(name) + _bytes(str(attribute.get("DataType", ""))) + _value_bytes(attribute)
        for name, attribute in (attributes or {}).items()
    )


def too_large(size: int, limit: int) -> tuple[str, str] | None:
    """The code and message that refuse a message of that size; None where it is within the queue's limit."""
    if size <= limit:
        return None
    return (
        "InvalidParameterValue",
        f"One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes.",
    )


def batch_too_large(entries: Iterable[Mapping[str, Any]]) -> tuple[str, str] | None:
    """The code and message that refuse a batch whose messages are too large together; None where they are not."""
    size = sum(message_bytes(str(each.get("MessageBody") or ""), each.get("MessageAttributes")) for each in entries)
    if size <= MAX_MESSAGE:
        return None
    return (
        "BatchRequestTooLong",
        f"Batch requests cannot be longer than {MAX_MESSAGE} bytes. You have sent {size} bytes.",
    )


def counting_attributes(act: Act, limit_of: Callable[[str], int], refuse: Refuse) -> Act:
    """Makes SendMessage count a message's attributes, where the emulator counts its body alone."""

    def send(request: dict[str, Any], url: str) -> dict[str, Any]:
        size = message_bytes(str(request.get("MessageBody") or ""), request.get("MessageAttributes"))
        refusal = too_large(size, limit_of(str(request.get("QueueUrl") or url)))
        if refusal:
            raise refuse(*refusal)
        return act(request, url)

    return send


def counting_attributes_of_batches(act: Act, refuse: Refuse) -> Act:
    """Makes SendMessageBatch count the attributes of its messages."""

    def send_batch(request: dict[str, Any], url: str) -> dict[str, Any]:
        refusal = batch_too_large(request.get("Entries") or [])
        if refusal:
            raise refuse(*refusal)
        return act(request, url)

    return send_batch


class SystemAttributesOfBatches:
    """Makes SendMessageBatch keep what each message says of itself (AWSTraceHeader), which the emulator drops.

    It sends a batch's messages one by one, in their order, as SendMessage does.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatchRequestEntry.html
    """

    def __init__(self) -> None:
        self._left: ContextVar[Iterator[object] | None] = ContextVar("left", default=None)

    def sending(self, act: Act) -> Act:
        """SendMessage, to which a message of a batch comes with its own."""

        def send(request: dict[str, Any], url: str) -> dict[str, Any]:
            left = self._left.get()
            return act(request if left is None else {**request, "MessageSystemAttributes": next(left)}, url)

        return send

    def of_batches(self, act: Act) -> Act:
        """SendMessageBatch."""

        def send_batch(request: dict[str, Any], url: str) -> dict[str, Any]:
            entries = request.get("Entries") or []
            token = self._left.set(iter([each.get("MessageSystemAttributes") for each in entries]))
            try:
                return act(request, url)
            finally:
                self._left.reset(token)

        return send_batch


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _value_bytes(attribute: Mapping[str, Any]) -> int:
    binary = attribute.get("BinaryValue")
    if isinstance(binary, bytes):
        return len(binary)
    if binary is not None:
        return len(base64.b64decode(str(binary)))
    return _bytes(str(attribute.get("StringValue") or ""))
