"""Transports by name. Their secrets are write-only, except that a generated signing secret is shown once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from tocsin.config.blueprint import Blueprint
from tocsin.config.blueprint import secrets as secrecy
from tocsin.config.blueprint.diff import differences
from tocsin.config.blueprint.model import TransportEntry
from tocsin.config.model import Configuration
from tocsin.config.resources.editor import ConfigurationEditor, Saved
from tocsin.config.resources.snapshot_entries import Published, with_entry
from tocsin.errors import Invalid, Violation
from tocsin.http.preconditions import Precondition
from tocsin.identity.principal import Principal
from tocsin.models import as_json
from tocsin.notifications.transport import NotificationTransport
from tocsin.types import JsonObject

_SHOWN_ONLY = "secrets_version"


class Transports(Published[TransportEntry]):
    """Transports."""

    kind: ClassVar[str] = "transports"
    model: ClassVar[str] = "transport"

    def __init__(self, editor: ConfigurationEditor) -> None:
        super().__init__(editor, TransportEntry)

    def _entries(self, configuration: Configuration) -> dict[str, TransportEntry]:
        return {transport.name: secrecy.shown(transport) for transport in configuration.transports}

    def put(self, name: str, given: JsonObject, precondition: Precondition, principal: Principal) -> Saved:
        """Create or replace a transport. Its secret stays as it is where none is given, or a mask."""
        return super().put(name, {k: v for k, v in given.items() if k != _SHOWN_ONLY}, precondition, principal)

    def check(self, name: str, given: JsonObject) -> JsonObject:
        """Return what `put` would do, as for every entry."""
        return super().check(name, {k: v for k, v in given.items() if k != _SHOWN_ONLY})

    def _planned(
        self, entry: TransportEntry, before: TransportEntry | None, configuration: Configuration
    ) -> list[JsonObject]:
        return _resolved(entry, before, configuration)[1]

    def _shown(self, entry: TransportEntry, configuration: Configuration) -> JsonObject:
        return _shown(entry, configuration.transports_by_name[entry.name])

    def _check(self, entry: TransportEntry, configuration: Configuration) -> None:
        named = {entry.body_mapping, entry.headers_mapping}
        mappings = tuple(mapping for mapping in configuration.mappings if mapping.name in named)
        self._editor.check(Blueprint(mappings=mappings, transports=(entry,)), "transports[0]")

    def _users(self, configuration: Configuration, name: str) -> Iterable[str]:
        return (f"rule {rule.name!r}" for rule in configuration.rules if name in rule.all_transports)

    def _save(
        self,
        entry: TransportEntry,
        before: TransportEntry | None,
        configuration: Configuration,
        principal: Principal,
    ) -> Saved:
        known = configuration.transports_by_name.get(entry.name)
        resolved, changes = _resolved(entry, before, configuration)
        transport = resolved.transport
        once: JsonObject = {} if resolved.generated is None else {"secret": resolved.generated}
        if known != transport:
            for ref, secrets in resolved.to_store.items():
                self._editor.secrets.put(ref, secrets)
            self._editor.publish(
                lambda now: _with_transport(now, transport), principal, lambda _: changes, shown_once=bool(once)
            )
            self._delete_secrets(known, kept=transport.secret_refs)
        return Saved(_shown(secrecy.shown(transport), transport), before is None, once)

    def _forget(self, name: str, before: Configuration) -> None:
        self._delete_secrets(before.transports_by_name.get(name), kept=frozenset())

    def _delete_secrets(self, transport: NotificationTransport | None, *, kept: frozenset[str]) -> None:
        if transport is not None:
            for ref in transport.secret_refs - kept:
                self._editor.secrets.delete(ref)


def _resolved(
    entry: TransportEntry, before: TransportEntry | None, configuration: Configuration
) -> tuple[secrecy.Resolved, list[JsonObject]]:
    """Return `entry` without its secrets, and what it changes, with these masked. Raises Invalid."""
    known = configuration.transports_by_name.get(entry.name)
    resolved = secrecy.resolve(entry, known, "")
    if isinstance(resolved, Violation):
        raise Invalid([Violation(resolved.path.removeprefix("."), resolved.message)])
    replaced = {} if known is None else {("transports", entry.name): secrecy.replaced(known, resolved.transport)}
    old = Blueprint(transports=() if before is None else (before,))
    return resolved, differences(old, Blueprint(transports=(secrecy.shown(resolved.transport),)), replaced)


def _shown(entry: TransportEntry, transport: NotificationTransport) -> JsonObject:
    """Return `entry` with a hash of its secrets' refs, so that a new secret changes the entry's version."""
    return as_json(entry) | {_SHOWN_ONLY: transport.secrets_version}


def _with_transport(configuration: Configuration, transport: NotificationTransport) -> Configuration:
    return configuration.changed(transports=with_entry(configuration.transports, transport))
