"""Entries that are part of the published snapshot (rules, policies, transports, groups …): what their routes share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Protocol, cast

from tocsin.config.blueprint import Blueprint
from tocsin.config.blueprint.diff import differences
from tocsin.config.model import Configuration
from tocsin.config.resources.editor import ConfigurationEditor, Saved, in_use, tried
from tocsin.errors import Invalid, NotFound, Violation
from tocsin.http.preconditions import Precondition
from tocsin.identity.principal import Principal
from tocsin.models import accepted, as_json
from tocsin.names import nfc
from tocsin.types import JsonObject, Page


def parse_entry[Entry](model: type[Entry], given: JsonObject, name: str, name_field: str = "name") -> Entry:
    """Parse `given` into an entry named `name`, which is from the path. Raises Invalid naming each wrong field."""
    said = given.get(name_field, name)
    if isinstance(said, str):
        said = nfc(said)
    if said != name:
        raise Invalid([Violation(name_field, f"must be the name in the path, {name[:120]!r}; there is no renaming")])
    if name != name.strip():
        raise Invalid([Violation(name_field, f"{name[:120]!r} begins or ends with a blank")])
    document = {**given, name_field: name}
    return accepted(model, document)


def page_of(shown: Mapping[str, JsonObject], after: str | None, limit: int) -> Page[JsonObject]:
    """Return up to `limit` of `shown` after the name `after`, ordered by name."""
    names = sorted(name for name in shown if after is None or name > after)
    return Page(tuple(shown[name] for name in names[:limit]), names[limit - 1] if len(names) > limit else None)


class Published[Entry: _Named]:
    """The entries of one kind. Methods raise Invalid, NotFound, Conflict, PreconditionFailed and Unavailable."""

    kind: ClassVar[str]
    model: ClassVar[str]

    def __init__(self, editor: ConfigurationEditor, shape: Any) -> None:  # noqa: ANN401 - a type, or a union of types
        self._editor = editor
        self._shape = shape

    def page(self, *, after: str | None, limit: int) -> Page[JsonObject]:
        """Return up to `limit` entries after the name `after`."""
        configuration = self._editor.current()
        entries = self._entries(configuration)
        return page_of({name: self._shown(entry, configuration) for name, entry in entries.items()}, after, limit)

    def get(self, name: str) -> JsonObject:
        """Return one entry."""
        configuration = self._editor.current()
        return self._shown(self._found(configuration, name), configuration)

    def put(self, name: str, given: JsonObject, precondition: Precondition, principal: Principal) -> Saved:
        """Create or replace an entry. Nothing is written where nothing differs."""
        entry = self._parsed(given, name)
        with self._editor.alone(principal):
            configuration = self._editor.current()
            before = self._entries(configuration).get(name)
            precondition.check(None if before is None else self._shown(before, configuration))
            self._check(entry, configuration)
            return self._save(entry, before, configuration, principal)

    def check(self, name: str, given: JsonObject) -> JsonObject:
        """Return what `put` would do, {dry_run, created, changed, changes}. Raises Invalid where it would.

        Nothing is written, and the lock is not taken.
        """
        entry = self._parsed(given, name)
        configuration = self._editor.current()
        before = self._entries(configuration).get(name)
        self._check(entry, configuration)
        self._check_whole(entry, configuration)
        return tried(before, self._planned(entry, before, configuration))

    def delete(self, name: str, precondition: Precondition, principal: Principal) -> JsonObject:
        """Delete an entry, and return it as it was. Raises Conflict, naming them, while other entries refer to it."""
        with self._editor.alone(principal):
            configuration = self._editor.current()
            entry = self._found(configuration, name)
            was = self._shown(entry, configuration)
            precondition.check(was)
            users = list(self._users(configuration, name))
            if users:
                raise in_use(f"{self.model} {name!r}", users)
            gone: JsonObject = {"kind": self.kind, "name": name, "change": "delete"}
            self._editor.publish(lambda now: self._without(now, name), principal, lambda _: [gone])
            self._forget(name, configuration)
        return was

    def _parsed(self, given: JsonObject, name: str) -> Entry:
        entry: Entry = parse_entry(self._shape, given, name)
        return entry

    def _save(self, entry: Entry, before: Entry | None, configuration: Configuration, principal: Principal) -> Saved:
        changes = self._differences(before, entry)
        if changes:
            self._editor.publish(
                lambda now: self._with(now, entry), principal, lambda _: changes, field=self._burden(entry)
            )
        return Saved(as_json(entry), before is None)

    def _differences(self, before: Entry | None, after: Entry) -> list[JsonObject]:
        old = () if before is None else (before,)
        return differences(Blueprint(**cast(Any, {self.kind: old})), Blueprint(**cast(Any, {self.kind: (after,)})))

    def _shown(self, entry: Entry, configuration: Configuration) -> JsonObject:
        """Return an entry of `configuration` as the API shows it."""
        return as_json(entry)

    def _found(self, configuration: Configuration, name: str) -> Entry:
        entry = self._entries(configuration).get(name)
        if entry is None:
            raise NotFound(f"there is no {self.model} {name[:120]!r}")
        return entry

    def _with(self, configuration: Configuration, entry: Entry) -> Configuration:
        """Return `configuration` with `entry` replacing the one with its name, or added at the end."""
        known: tuple[Any, ...] = getattr(configuration, self.kind)
        replaced = with_entry(known, entry)
        return configuration.changed(**{self.kind: replaced})

    def _without(self, configuration: Configuration, name: str) -> Configuration:
        kept = tuple(entry for entry in getattr(configuration, self.kind) if entry.name != name)
        return configuration.changed(**{self.kind: kept})

    def _entries(self, configuration: Configuration) -> dict[str, Entry]:
        """Return all entries, by name."""
        return {entry.name: entry for entry in getattr(configuration, self.kind)}

    def _check(self, entry: Entry, configuration: Configuration) -> None:
        """Raise Invalid where `entry` does not fit `configuration`."""
        raise NotImplementedError

    def _check_whole(self, entry: Entry, configuration: Configuration) -> None:
        """Raise Invalid, in a dry run, for faults that a real edit finds only while it saves `entry`."""

    def _planned(self, entry: Entry, before: Entry | None, configuration: Configuration) -> list[JsonObject]:
        """Return what saving `entry` would change, without secrets."""
        return self._differences(before, entry)

    def _burden(self, entry: Entry) -> str:
        """Return the field that is to blame where `entry` makes the rules cost more than the matcher can hold."""
        return ""

    def _users(self, configuration: Configuration, name: str) -> Iterable[str]:
        """Return what refers to the entry `name`: `rule x`, `group y`."""
        raise NotImplementedError

    def _forget(self, name: str, before: Configuration) -> None:
        """Delete what belonged only to the deleted entry `name` of the configuration `before`."""


class _Named(Protocol):
    @property
    def name(self) -> str: ...


def with_entry[Named: _Named](known: Iterable[Named], entry: Named) -> tuple[Named, ...]:
    """Return `known` with `entry` replacing the one with its name, or added at the end."""
    entries = list(known)
    for position, each in enumerate(entries):
        if each.name == entry.name:
            entries[position] = entry
            return tuple(entries)
    return (*entries, entry)
