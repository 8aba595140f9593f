"""The outcome of one delivery attempt, and the states of a delivery, for every transport."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from tocsin.records import dataclass

if TYPE_CHECKING:
    from tocsin.notifications.context import RenderingContext

MAX_EXCERPT = 1024
"""Bytes kept of an endpoint's answer."""

MAX_RETRY_AFTER = 6 * 3600
"""The longest wait in seconds that an endpoint may ask for; a longer one is cut to this."""

type Deliver = Callable[[RenderingContext], Outcome]
"""Makes one delivery attempt. Expected failures are returned as an Outcome, not raised."""


class State(StrEnum):
    """The state of a delivery. The last five are final.

    Before its first attempt a delivery is only a message in its queue, not an item of the table, which saves a write
    for each of the many that succeed at once. From then on the table has its state.
    """

    QUEUED = "queued"
    """Queued again: by an operator, for a retry that is due, or because its turn at a rate-limited service has come."""
    DELIVERING = "delivering"
    """A function is making an attempt."""
    RETRYING = "retrying"
    """Failed temporarily, and waits for its next attempt."""
    HELD = "held"
    """Waits until its transport's breaker closes."""
    WAITING = "waiting"
    """Waits for the end of the person's quiet hours, or for their next digest."""
    JOINED = "joined"
    """Sent with others in a digest, which is a delivery of its own."""
    DROPPED = "dropped"
    """Not sent, because of the person's preferences, or since somebody acknowledged it while it waited."""
    DELIVERED = "delivered"
    FAILED = "failed"
    DISCARDED = "discarded"

    @property
    def final(self) -> bool:
        """Whether it stays in this state unless an operator intervenes."""
        return self in {State.JOINED, State.DROPPED, State.DELIVERED, State.FAILED, State.DISCARDED}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one attempt.

    `reason` is a stable word (`http_500`, `timeout`, `no_address`), `detail` a sentence for people without secrets,
    `answer` the beginning of the endpoint's response. `retry_after` is in seconds, where the endpoint asked to wait.
    `remote_id` is the receiver's id of the message (SES: its Message-ID). `disables`: the receiver wants no further
    messages (410). `mapping`: the transport's own mapping or template is at fault. `ours`: a table or queue of Tocsin
    is at fault, so the outcome says nothing about the endpoint.
    """

    state: State
    reason: str
    detail: str = ""
    status: int | None = None
    answer: str | None = None
    retry_after: float | None = None
    remote_id: str | None = None
    disables: bool = False
    mapping: bool = False
    ours: bool = False

    @classmethod
    def of_mapping(cls, failure: Exception) -> Self:
        """Return the outcome where the transport's mapping or template failed on this notification."""
        return cls(State.FAILED, "bad_mapping", str(failure), mapping=True)

    def lacking(self, what: str) -> Self:
        """Return this outcome of a message that went without something, since a mapping or template failed on it."""
        said = self.detail or ("" if self.state is State.DELIVERED else self.reason)
        return replace(self, detail=f"{said}; {what}" if said else what, mapping=True)
