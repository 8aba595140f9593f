"""The collections of entries that the API manages by name."""

from __future__ import annotations

from typing import Protocol

from tocsin.config.resources.api_keys import Keys
from tocsin.config.resources.editor import ConfigurationEditor, Saved
from tocsin.config.resources.groups import Groups
from tocsin.config.resources.mappings import Mappings
from tocsin.config.resources.rules import Policies, Rules
from tocsin.config.resources.settings import SettingsEntry
from tocsin.config.resources.silences import Silences
from tocsin.config.resources.transports import Transports
from tocsin.config.resources.users import Members, Users
from tocsin.http.preconditions import Precondition
from tocsin.identity.principal import Principal
from tocsin.records import dataclass
from tocsin.types import JsonObject, Page


class Collection(Protocol):
    """Entries of one kind, by name."""

    def page(self, *, after: str | None, limit: int) -> Page[JsonObject]:
        """Return up to `limit` entries after the name `after`."""

    def get(self, name: str) -> JsonObject:
        """Return one entry."""

    def put(self, name: str, given: JsonObject, precondition: Precondition, principal: Principal) -> Saved:
        """Create or replace an entry."""

    def delete(self, name: str, precondition: Precondition, principal: Principal) -> JsonObject:
        """Delete an entry, and return it as it was."""


class Checked(Collection, Protocol):
    """A collection that supports dry runs of edits."""

    def check(self, name: str, given: JsonObject) -> JsonObject:
        """Return what `put` would do. Raises Invalid where it would."""


@dataclass(frozen=True, slots=True)
class Resources:
    """All collections."""

    rules: Rules
    policies: Policies
    mappings: Mappings
    transports: Transports
    groups: Groups
    users: Users
    members: Members
    keys: Keys
    silences: Silences
    settings: SettingsEntry

    @classmethod
    def at(cls, editor: ConfigurationEditor) -> Resources:
        """Make all collections, which edit through `editor`."""
        return cls(
            rules=Rules(editor),
            policies=Policies(editor),
            mappings=Mappings(editor),
            transports=Transports(editor),
            groups=Groups(editor),
            users=Users(editor),
            members=Members(editor),
            keys=Keys(editor),
            silences=Silences(editor),
            settings=SettingsEntry(editor),
        )

    def collections(self) -> dict[str, Checked]:
        """The collections that share the same routes, by the first part of their path."""
        return {
            "rules": self.rules,
            "policies": self.policies,
            "mappings": self.mappings,
            "transports": self.transports,
            "groups": self.groups,
            "users": self.users,
            "keys": self.keys,
        }
