"""The events of what a run changes, which stand beside the lock from before its first write until they are stored.

A run that dies leaves some of its changes in force and others not. So each event has a mark by which whoever finds it
knows whether its change holds:

    ""                   it is part of the snapshot, and holds where the run has published that
    users+<hash>         a person or key is as the run wrote it: the hash is that of what is stored
    users-<hash>         it is gone: the hash is that of its name
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Self

import orjson

from tocsin.config.changes import Teller, counted_as, counting
from tocsin.events.model import Event
from tocsin.identity.api_keys import ApiKey
from tocsin.identity.directory import User
from tocsin.records import dataclass
from tocsin.types import Json, JsonObject

MAX_EVENTS = 100
"""Most events of a run, one a change. One more event counts the changes beyond that."""

_ITEMS = ("users", "keys")
"""The kinds whose entries are items of their own rather than part of the snapshot."""


@dataclass(frozen=True, slots=True)
class Untold:
    """Events that are not known to be stored, and the marks of the changes that they tell of."""

    run: str
    """Under which the run publishes, if it does."""
    events: tuple[tuple[str, Event], ...]
    others: Event | None
    """The event of the changes beyond MAX_EVENTS."""
    counted: Mapping[str, tuple[str, ...]]
    """The marks of these, by what each is counted as: {"users created": (…)}."""

    @classmethod
    def of(
        cls,
        run: str,
        changes: Sequence[JsonObject],
        teller: Teller,
        users: Mapping[str, User],
        keys: Mapping[str, ApiKey],
    ) -> Self:
        """Make the events of `changes`, after which there are these `users` and `keys`, by name."""
        stored = {("users", name): user.to_json() for name, user in users.items()}
        stored |= {("keys", name): key.to_json() for name, key in keys.items()}
        counted: dict[str, list[str]] = {}
        for change in changes[MAX_EVENTS:]:
            counted.setdefault(counted_as(change), []).append(_mark(change, stored))
        told = changes[:MAX_EVENTS]
        marks = [_mark(change, stored) for change in told]
        return cls(
            run,
            tuple(zip(marks, teller.events(told), strict=True)),
            teller.others() if counted else None,
            {what: tuple(marks) for what, marks in counted.items()},
        )

    def asks(self, kind: str) -> bool:
        """Whether some change is of an entry of this `kind` (users, keys), so that these have to be read."""
        return any(mark.startswith(kind) for mark in self._marks())

    def all(self) -> Iterator[Event]:
        """Yield the events of all changes."""
        return self._events(set(self._marks()))

    def holding(self, *, published: bool, there: Collection[str]) -> Iterator[Event]:
        """Yield the events of those changes that hold. `there` are the marks of what is stored, by `marks_of`."""

        def holds(mark: str) -> bool:
            kind, gone, name = mark.partition("-")
            return (f"{kind}+{name}" not in there) if gone else mark in there if mark else published

        return self._events({mark for mark in self._marks() if holds(mark)})

    def _events(self, holding: Collection[str]) -> Iterator[Event]:
        yield from (event for mark, event in self.events if mark in holding)
        counts = {what: sum(mark in holding for mark in marks) for what, marks in self.counted.items()}
        if self.others is not None and any(counts.values()):
            yield counting(self.others, {what: count for what, count in counts.items() if count})

    def _marks(self) -> Iterator[str]:
        yield from (mark for mark, _ in self.events)
        for marks in self.counted.values():
            yield from marks

    def to_json(self) -> JsonObject:
        """{run, events: [[mark, event], …], others, counted: {what: [mark, …]}}"""
        return {
            "run": self.run,
            "events": [[mark, event.to_json()] for mark, event in self.events],
            "others": None if self.others is None else self.others.to_json(),
            "counted": {what: [*marks] for what, marks in self.counted.items()},
        }

    @classmethod
    def from_json(cls, data: Json) -> Self | None:
        """The inverse of `to_json`; None for None. Raises KeyError, TypeError or ValueError for anything else."""
        if data is None:
            return None
        given: Any = data
        others = given["others"]
        return cls(
            str(given["run"]),
            tuple((str(mark), Event.from_json(event)) for mark, event in given["events"]),
            None if others is None else Event.from_json(others),
            {what: tuple(marks) for what, marks in given["counted"].items()},
        )


def marks_of(kind: str, name: str, stored: JsonObject) -> tuple[str, str]:
    """Return the marks of a person or key that is stored: of how it is, and of its name."""
    return _hash(kind, stored), _hash(kind, name)


def _mark(change: JsonObject, stored: Mapping[tuple[str, str], JsonObject]) -> str:
    kind, name = str(change["kind"]), str(change["name"])
    if kind not in _ITEMS:
        return ""
    if change["change"] == "delete":
        return _hash(kind, name).replace("+", "-")
    return _hash(kind, stored[kind, name])


def _hash(kind: str, what: Json) -> str:
    return f"{kind}+{hashlib.sha256(orjson.dumps(what, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]}"
