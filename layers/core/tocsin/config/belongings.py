"""What is deleted with a person, so that a later person with the same name does not inherit it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tocsin.notifications.inbox_owner_store import InboxOwnerStore
from tocsin.telling.preferences_store import PreferencesStore


class Belongings:
    """The inbox items and notification preferences of people. Methods raise Unavailable."""

    def __init__(self, inboxes: InboxOwnerStore, preferences: PreferencesStore) -> None:
        self._inboxes = inboxes
        self._preferences = preferences

    def take_from(self, usernames: Sequence[str], *, now: datetime) -> None:
        """Delete the inbox items and preferences of people who are about to be deleted."""
        self._inboxes.empty(usernames, now=now)
        self._preferences.forget(usernames)

    def clear_for(self, usernames: Sequence[str], *, now: datetime) -> None:
        """Delete what earlier people with these names left, before new people with these names are created."""
        self._inboxes.empty(self._inboxes.begun_among(usernames), now=now)
        self._preferences.forget(usernames)
