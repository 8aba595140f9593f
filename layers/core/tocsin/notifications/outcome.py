"""What an attempt to tell somebody came to, whatever the channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from tocsin.notifications.context import RenderingContext

MAX_EXCERPT = 1024
"""Bytes kept of an endpoint's answer."""

MAX_RETRY_AFTER = 6 * 3600
"""Seconds. An endpoint that asks for more is asked again then."""

type Deliver = Callable[[RenderingContext], Outcome]
"""Makes one attempt. It raises nothing that it can name: what went wrong is an Outcome."""


class State(StrEnum):
    """Where a delivery stands. The last five are final.

    Before its first attempt a delivery is a message in its queue and in no table: millions that succeed at
    once cost one write less each. From then on it is never out of the table's sight.
    """

    QUEUED = "queued"
    """Put back on its queue: by hand, when it was due again, or when its turn at a slow service has come."""
    DELIVERING = "delivering"
    """Some function has it at this moment."""
    RETRYING = "retrying"
    """Failed in a way that time can heal, and waits for its next attempt."""
    HELD = "held"
    """Waits until its transport's breaker lets it go."""
    WAITING = "waiting"
    """Waits for the end of its person's quiet hours, or for their next digest."""
    JOINED = "joined"
    """Told with others, as a digest, which is a delivery of its own."""
    DROPPED = "dropped"
    """Not told, since its person does not want it."""
    DELIVERED = "delivered"
    FAILED = "failed"
    DISCARDED = "discarded"

    @property
    def final(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in {State.JOINED, State.DROPPED, State.DELIVERED, State.FAILED, State.DISCARDED}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt came to.

    `reason` is a stable word (`http_500`, `timeout`, `no_address`), `detail` a sentence for people without
    secrets, `answer` the beginning of what the endpoint said. `retry_after` is seconds, where it asked for it.
    `remote_id` is what the other side calls the message (SES: its Message-ID). `disables` says that the other
    side wants nothing any more (410), `mapping` that the transport's own mapping or template is at fault, `ours`
    that a table or queue of ours is, which tells nothing of the endpoint.
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
        """The outcome of a transport whose own mapping or template can't be used on this notification."""
        return cls(State.FAILED, "bad_mapping", str(failure), mapping=True)
