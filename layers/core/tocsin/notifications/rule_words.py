"""What a rule says itself: a title and a body of its own in place of Tocsin's, and a link to what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RuleWords:
    """What a rule says of its own, and whom it tells. `title` and `body` are templates of `notifications.templates`."""

    title: str | None = None
    body: str | None = None
    runbook: str | None = None
    group: str | None = None
    """The group whose members are told."""
    event_user: bool = False
    """Whether the event's user is told."""
    can_be_muted: bool = True
