"""Messages of the match queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import orjson

from tocsin.deliveries.model import message_body
from tocsin.matching.recipients import Cursor
from tocsin.types import Json, JsonObject


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
            Cursor(**data["cursor"]) if data.get("cursor") else None,
            data.get("reason"),
            data.get("ends", False),
            data.get("step"),
            data.get("about"),
        )
