"""The configuration without its people, as the matcher and the transports hold it in memory.

It is published as one snapshot, so that a reader sees all of one version or all of another.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

import orjson
from pydantic import BaseModel, ConfigDict, FailFast, Field

from tocsin.events.redact import Secrets
from tocsin.fields import Duration
from tocsin.identity.directory import Group
from tocsin.identity.principal import Scope
from tocsin.notifications.model import MAX_INBOX
from tocsin.notifications.transport import Mapping, NotificationTransport
from tocsin.rules.model import NotificationRule, Policy, Silence
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from tocsin.telling.preferences import Preferences


class GroupScopes(BaseModel):
    """The scopes of everybody whose access token names a group: a group of the token's issuer, by its name there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: Annotated[str, Field(min_length=1, max_length=200)]
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=len(Scope))]


class Settings(BaseModel):
    """What holds for every event."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_retention: Duration = "days=365"
    """How long an event is kept that says nothing else."""
    notification_retention: Duration = "days=30"
    """How long an inbox item and an event's story are kept."""
    seen_notification_retention: Duration | None = None
    """How long after its arrival a notification that was seen stays in its inbox; None as long as others."""
    inbox_limit: Annotated[int, Field(ge=1, le=MAX_INBOX)] = 1000
    """How many notifications a person's inbox holds; the oldest leave it first."""
    brand: Annotated[str, Field(max_length=100)] = "default"
    """The brand of an event that names none."""
    secret_keys: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=100)], ...], FailFast()] = ()
    """More names of keys whose values are masked."""
    exempt_keys: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=100)], ...], FailFast()] = ()
    """Names of keys whose values stay readable although they sound secret."""
    group_scopes: Annotated[tuple[GroupScopes, ...], FailFast()] = ()
    """What access tokens allow: the scopes that the groups in them give. A token without such a group has none."""
    preferences_defaults: JsonObject = Field(default_factory=dict)
    """How people are told who say nothing of it themselves: Preferences, checked where the settings are saved."""

    @cached_property
    def defaults(self) -> Preferences:
        """The `preferences_defaults`, read where people are told: most functions that read settings tell nobody."""
        from tocsin.telling.preferences import Preferences  # noqa: PLC0415 - 12 ms of a cold start

        return Preferences.model_validate(self.preferences_defaults)

    @cached_property
    def secrets(self) -> Secrets:
        """Which keys' values are masked. It remembers keys that it has seen, so these settings keep one."""
        return Secrets(extra=frozenset(self.secret_keys), exempt=frozenset(self.exempt_keys))


class Configuration(BaseModel):
    """Settings, groups (without members), transports (without secrets), mappings, policies, rules and silences."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: Settings = Settings()
    groups: tuple[Group, ...] = ()
    mappings: tuple[Mapping, ...] = ()
    transports: tuple[NotificationTransport, ...] = ()
    policies: tuple[Policy, ...] = ()
    rules: tuple[NotificationRule, ...] = ()
    silences: tuple[Silence, ...] = ()

    @cached_property
    def groups_by_name(self) -> dict[str, Group]:
        """The groups, by name."""
        return {group.name: group for group in self.groups}

    @cached_property
    def rules_by_name(self) -> dict[str, NotificationRule]:
        """The rules, by name."""
        return {rule.name: rule for rule in self.rules}

    @cached_property
    def transports_by_name(self) -> dict[str, NotificationTransport]:
        """The transports, by name."""
        return {transport.name: transport for transport in self.transports}

    @cached_property
    def expressions(self) -> dict[str, str]:
        """The mappings' expressions, by their names."""
        return {mapping.name: mapping.expression for mapping in self.mappings}

    def changed(self, **fields: object) -> Configuration:
        """This configuration with other `fields`; unlike a copy, without values cached for the old ones."""
        kept = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self).model_validate(kept | fields)

    def to_bytes(self) -> bytes:
        """As JSON, defaults left out, the same bytes for the same configuration."""
        return orjson.dumps(self.model_dump(mode="json", exclude_defaults=True), option=orjson.OPT_SORT_KEYS)

    @classmethod
    def from_bytes(cls, data: bytes) -> Configuration:
        """The inverse of `to_bytes`; pydantic's ValidationError on what it did not write."""
        return cls.model_validate_json(data)


def digest(data: bytes) -> str:
    """A hash of a published configuration: 16 hex digits."""
    return hashlib.sha256(data).hexdigest()[:16]
