"""The configuration without people, as the matcher and the delivering functions hold it in memory.

It is published as one snapshot, so that readers never see parts of two versions.
"""

from __future__ import annotations

from functools import cached_property

import orjson
from pydantic import BaseModel, ConfigDict

from tocsin.config.settings import Settings
from tocsin.identity.directory import Group
from tocsin.notifications.transport import Mapping, NotificationTransport
from tocsin.rules.model import NotificationRule, Policy, Silence


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
        """Return a copy with other `fields`, without the cached properties that `model_copy` would keep."""
        kept = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self).model_validate(kept | fields)

    def to_bytes(self) -> bytes:
        """Serialize to JSON without defaults. The same configuration gives the same bytes."""
        return orjson.dumps(self.model_dump(mode="json", exclude_defaults=True), option=orjson.OPT_SORT_KEYS)

    @classmethod
    def from_bytes(cls, data: bytes) -> Configuration:
        """The inverse of `to_bytes`. Raises pydantic's ValidationError for anything else."""
        return cls.model_validate_json(data)
