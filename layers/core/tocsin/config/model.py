"""The configuration without people, as the matcher and the delivering functions hold it in memory.

It is published as one snapshot, so that readers never see parts of two versions.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

import orjson

from tocsin.config.settings import Settings
from tocsin.identity.directory import Group
from tocsin.models import Model, as_json, each, stored_as
from tocsin.notifications.transport import Mapping, NotificationTransport
from tocsin.records import dataclass, field
from tocsin.rules.model import NotificationRule, Policy, Silence, stored_policy

if TYPE_CHECKING:  # tocsin.models says what for
    from tocsin.fields import ByKind


def _group(stored: dict[str, Any]) -> Group:
    return Group(**stored | {"children": tuple(stored.get("children", ()))})


@dataclass(frozen=True, kw_only=True)
class Configuration(Model):
    """Settings, groups (without members), transports (without secrets), mappings, policies, rules and silences."""

    settings: Settings = field(default_factory=Settings, metadata=stored_as(Settings.stored))
    groups: tuple[Group, ...] = field(default=(), metadata=stored_as(each(_group)))
    mappings: tuple[Mapping, ...] = field(default=(), metadata=stored_as(each(Mapping.stored)))
    transports: tuple[NotificationTransport, ...] = field(
        default=(), metadata=stored_as(each(NotificationTransport.stored))
    )
    policies: tuple[Annotated[Policy, ByKind], ...] = field(default=(), metadata=stored_as(each(stored_policy)))
    rules: tuple[NotificationRule, ...] = field(default=(), metadata=stored_as(each(NotificationRule.stored)))
    silences: tuple[Silence, ...] = field(default=(), metadata=stored_as(each(Silence.stored)))

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

    def changed(self, **fields: Any) -> Configuration:  # noqa: ANN401 - as dataclasses.replace
        """Return a copy with other `fields`."""
        return replace(self, **fields)

    def to_bytes(self) -> bytes:
        """Serialize to JSON without defaults. The same configuration gives the same bytes."""
        return orjson.dumps(as_json(self, exclude_defaults=True), option=orjson.OPT_SORT_KEYS)

    @classmethod
    def from_bytes(cls, data: bytes) -> Configuration:
        """The inverse of `to_bytes`. Raises ValueError for anything else."""
        return cls.stored(orjson.loads(data))
