"""Messages of the match queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import orjson

from tocsin.aws.sqs import Outbox
from tocsin.aws.tracing import caused_by
from tocsin.deliveries.model import message_body
from tocsin.errors import Unavailable
from tocsin.records import dataclass
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    from tocsin.deliveries.matters import Matter

END = -1
"""The group of a cursor behind all people."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a rule's people were notified: up to which group of the tree, and which member of it."""

    group: int = 0
    after: str | None = None
    page: int = 0
    once_told: bool = False
    """Whether there was a person yet."""
    remark: str | None = None
    """What each of the notifications says beside its summary."""
    used: tuple[str, ...] = ()
    """The send-once transports that were used. Not each is used for the first person, nor by the first page of those
    who hear of an end."""
    tree: str | None = None
    """A hash of the groups up to that one: in another tree, `group` would be another group."""

    @property
    def at_end(self) -> bool:
        """Whether all people were notified."""
        return self.group == END


@dataclass(frozen=True, slots=True)
class MatchMessage:
    """Work for the matcher: an event to match, or the next people that a rule notifies of an event.

    The latter has a `rule` and a `cursor`. It belongs to what the rule tells at once, to its end, or to a step of its
    escalation.
    """

    event_id: str
    rule: str | None = None
    cursor: Cursor | None = None
    reason: str | None = None
    """Why the message exists: what failed before, that the group is large, or that a step is due."""
    ends: bool = False
    """Whether people are told that what the rule told of is over."""
    step: int | None = None
    """The step of the rule's `escalate` whose people are told, 1 for the first."""
    about: str | None = None
    """Of a step: the key of what the rule tells of (`matching.ending.about_of`), as it was when it began."""

    def to_body(self) -> str:
        """Return the body of the SQS message. The event's id and the reason come first, for people who read it."""
        cursor = self.cursor
        position: Json = None
        if cursor is not None:
            position = {
                "group": cursor.group,
                "after": cursor.after,
                "page": cursor.page,
                "once_told": cursor.once_told,
                "remark": cursor.remark,
            }
            if cursor.used:
                position["used"] = [*cursor.used]
            if cursor.tree is not None:
                position["tree"] = cursor.tree
        body: JsonObject = {"event_id": self.event_id, "reason": self.reason, "rule": self.rule, "cursor": position}
        if self.ends:
            body["ends"] = True
        if self.step is not None:
            body |= {"step": self.step, "about": self.about}
        return message_body(body)

    @classmethod
    def from_body(cls, body: str) -> Self:
        """Read what `to_body` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        data = orjson.loads(body)
        return cls(
            data["event_id"],
            data.get("rule"),
            _cursor_of(data["cursor"]) if data.get("cursor") else None,
            data.get("reason"),
            data.get("ends", False),
            data.get("step"),
            data.get("about"),
        )


def _cursor_of(position: dict[str, Any]) -> Cursor:
    given = {**position}  # raises TypeError where it is no object
    return Cursor(**given | {"used": tuple(given.get("used", ()))})


def step_sender(outbox: Callable[[], Outbox], queue_url: str) -> Callable[[Matter], None]:
    """Return what puts the next step of a matter into the match queue. It raises Unavailable.

    `outbox` makes an outbox: one for each message, since several threads send.
    """

    def send(matter: Matter) -> None:
        number = matter.step + 1
        message = MatchMessage(
            matter.event_id, matter.rule, Cursor(), f"step {number} is due", step=number, about=matter.about
        )
        sending = outbox()
        with caused_by(matter.trace):
            sending.add(queue_url, message.to_body(), matter.about)
        for reason in sending.send().values():
            raise Unavailable(reason)

    return send
