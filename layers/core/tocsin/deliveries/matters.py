"""A matter: what a rule with `escalate` tells of one thing, and who acknowledged it."""

from __future__ import annotations

from datetime import datetime

from tocsin.records import dataclass


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Who acknowledged a matter, by what (`inbox`, `link`, `channel`, `api`), and when.

    `user` is their username, blank where only a channel or a key is known; `event` the id of the event that says so,
    drawn with the acknowledgement, so that it can be stored again and again and is there once.
    """

    by: str
    via: str
    at: datetime
    user: str
    event: str
    first: bool = False
    """Whether the call that returns it is the one that made it."""


@dataclass(frozen=True, slots=True)
class Matter:
    """What a rule tells of one thing, from its first event to its end."""

    rule: str
    about: str
    event_id: str
    began: datetime
    counted_from: datetime
    """From when the delays of its steps count: when it began, or later where a silence held a step."""
    open_until: datetime
    """Until when another event belongs to it; of a rule each of whose events is a matter of its own, when it began."""
    step: int
    """The index of the next step; that of `steps` where none is left."""
    steps: int
    acknowledgement: Acknowledgement | None
    ended: str | None
    """The id of the event that ended it."""
    trace: str | None = None
    """The trace header of what began it."""
    follows: str | None = None
    """The id of the latest event of the matter before, or of its end; blank where none is known. None for a matter that
    another version began."""

    @property
    def is_open(self) -> bool:
        """Whether a step may still be told: nobody acknowledged the matter, and nothing ended it."""
        return self.acknowledgement is None and self.ended is None

    def tells_of(self, event_id: str) -> bool:
        """Whether what the rule told by an event is this matter, and none before it.

        The event need not be later than the one that began it: producers' clocks differ, and batches have no order.
        """
        return event_id >= self.event_id if self.follows is None else event_id > self.follows


@dataclass(frozen=True, slots=True)
class DueMatter:
    """A matter of which a step is due. `due_at` is as DynamoDB has it."""

    rule: str
    about: str
    due_at: str


@dataclass(frozen=True, slots=True)
class ClaimedMatter:
    """A matter that no other run of the schedule takes before `lease`."""

    matter: Matter
    lease: str
