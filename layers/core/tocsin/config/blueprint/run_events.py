"""The events of runs that apply blueprints: left beside the lock first, stored last, and by others where a run dies."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from tocsin.aws.logging import Code, note
from tocsin.config.blueprint.journal import Journal
from tocsin.config.blueprint.untold import Untold, marks_of
from tocsin.config.changes import ChangeEvents
from tocsin.config.lock import ConfigurationLock
from tocsin.config.settings import Settings
from tocsin.config.store import ConfigurationStore
from tocsin.errors import Unavailable
from tocsin.events.model import Event
from tocsin.events.system import in_force
from tocsin.identity.store import PeopleStore
from tocsin.types import Json


class RunEvents:
    """Events that stand in the lock's note until they are stored. Methods are for who has it, and raise Unavailable."""

    def __init__(
        self, configuration: ConfigurationStore, people: PeopleStore, lock: ConfigurationLock, changes: ChangeEvents
    ) -> None:
        self._configuration = configuration
        self._people = people
        self._lock = lock
        self._changes = changes

    def leave(self, journal: Journal, untold: Untold) -> None:
        """Leave the note of a run that begins."""
        self._lock.leave_note(journal.to_json() | {"untold": untold.to_json()})

    def tell(self, untold: Untold, settings: Settings) -> bool:
        """Store all events of a run that is done, as the `settings` in force fill them in. Whether that went well.

        Else they alone stay beside the lock, for whoever takes it next: the journal of what is done would be wrong.
        """
        try:
            self._store(untold.all(), settings)
        except Unavailable as error:
            note(Code.CHANGE_UNREPORTED, f"{error.detail}; tried again within a minute", level=logging.ERROR)
            self.leave(Journal(), untold)
            return False
        return True

    def settle(self, left: Json) -> Journal:
        """Store the events of what holds of a run that was broken off, whose note is `left`, and take them off it.

        Returns the rest of the note, which is for the next blueprint. Nobody may change anything before: what holds is
        found by looking. Whoever dies in here leaves the note as it was, and an event is not stored a second time.
        """
        journal, untold = Journal.from_json(left), _untold_in(left)
        if untold is None:
            return journal
        version = self._configuration.version(fresh=True)
        holding = untold.holding(published=version.run == untold.run, there=self._there(untold))
        self._store(holding, version.settings)
        self._lock.leave_note(journal.to_json() if journal else None)
        return journal

    def _store(self, events: Iterable[Event], settings: Settings) -> None:
        for event in events:
            self._changes.store(in_force(event, settings))

    def _there(self, untold: Untold) -> frozenset[str]:
        found: set[str] = set()
        if untold.asks("users"):
            for user in self._people.all_users():
                found.update(marks_of("users", user.username, user.to_json()))
        if untold.asks("keys"):
            for key in self._people.all_keys():
                found.update(marks_of("keys", key.name, key.to_json()))
        return frozenset(found)


def _untold_in(left: Json) -> Untold | None:
    try:
        return Untold.from_json(left.get("untold")) if isinstance(left, dict) else None
    except (KeyError, TypeError, ValueError) as error:  # another version's: to stop here would stop every edit
        note(Code.RUN_UNREADABLE, f"the note of a run is not readable: {type(error).__name__}", level=logging.ERROR)
        return None
