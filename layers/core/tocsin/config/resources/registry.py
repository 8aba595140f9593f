"""All that is managed by name, in one place."""

from __future__ import annotations

from dataclasses import dataclass
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
from tocsin.types import JsonObject, Page


class Collection(Protocol):
    """Entries of one kind, by name."""

    def page(self, *, after: str | None, limit: int) -> Page[JsonObject]:
        """The next entries after the name `after`."""

    def get(self, name: str) -> JsonObject:
        """One entry."""

    def put(self, name: str, given: JsonObject, precondition: Precondition, principal: Principal) -> Saved:
        """Create or replace one."""

    def delete(self, name: str, precondition: Precondition, principal: Principal) -> JsonObject:
        """Delete one, and give it as it was."""


class Checked(Collection, Protocol):
    """Entries whose edits can be tried without saving them."""

    def check(self, name: str, given: JsonObject) -> JsonObject:
        """What `put` would do; Invalid for what it would refuse."""


@dataclass(frozen=True, slots=True)
class Resources:
    """The kinds of entries."""

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
        """All kinds, edited at `editor`."""
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
        """Those that are alike, by their paths' first part."""
        return {
            "rules": self.rules,
            "policies": self.policies,
            "mappings": self.mappings,
            "transports": self.transports,
            "groups": self.groups,
            "users": self.users,
            "keys": self.keys,
        }
