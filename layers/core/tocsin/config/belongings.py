"""What is deleted with a person, so that nobody of the same name finds it later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tocsin.notifications.inbox_owner_store import InboxOwnerStore
from tocsin.telling.preferences_store import PreferencesStore


class Belongings:
    """What is in people's inboxes, and how they want to be told. Raises Unavailable."""

    def __init__(self, inboxes: InboxOwnerStore, preferences: PreferencesStore) -> None:
        self._inboxes = inboxes
        self._preferences = preferences

    def take_from(self, usernames: Sequence[str], *, now: datetime) -> None:
        """Delete what belongs to people who are about to be deleted."""
        self._inboxes.empty(usernames, now=now)
        self._preferences.forget(usernames)

    def clear_for(self, usernames: Sequence[str], *, now: datetime) -> None:
        """Delete what earlier people of these names left, before people of these names are created."""
        self._inboxes.empty(self._inboxes.begun_among(usernames), now=now)
        self._preferences.forget(usernames)
