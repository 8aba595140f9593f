"""Groups by name, without their members. For those, who may be many, see `tocsin.config.resources.users.Members`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from tocsin.config.blueprint import Blueprint
from tocsin.config.blueprint.model import GroupEntry
from tocsin.config.model import Configuration
from tocsin.config.resources.editor import ConfigurationEditor, Saved
from tocsin.config.resources.snapshot_entries import Published, with_entry
from tocsin.identity.directory import Group
from tocsin.identity.principal import Principal
from tocsin.models import Model, as_json
from tocsin.records import dataclass
from tocsin.times import utc_now
from tocsin.types import JsonObject

if TYPE_CHECKING:  # tocsin.models says what for
    from tocsin.fields import ForeignName


@dataclass(frozen=True, kw_only=True)
class GroupShape(Model):
    """A group and its child groups."""

    name: ForeignName
    children: tuple[ForeignName, ...] = ()


class Groups(Published[GroupShape]):
    """Groups."""

    kind: ClassVar[str] = "groups"
    model: ClassVar[str] = "group"

    def __init__(self, editor: ConfigurationEditor) -> None:
        super().__init__(editor, GroupShape)

    def _entries(self, configuration: Configuration) -> dict[str, GroupShape]:
        return {group.name: GroupShape(name=group.name, children=group.children) for group in configuration.groups}

    def _check(self, entry: GroupShape, configuration: Configuration) -> None:
        others = (group for group in configuration.groups if group.name != entry.name)
        groups = (
            GroupEntry(name=entry.name, children=entry.children),
            *(GroupEntry(name=group.name, children=group.children) for group in others),
        )
        self._editor.check(Blueprint(groups=groups), "groups[0]")

    def _differences(self, before: GroupShape | None, after: GroupShape) -> list[JsonObject]:
        if before is None:
            return [{"kind": self.kind, "name": after.name, "change": "create"}]
        old, new = list(before.children), list(after.children)
        if old == new:
            return []
        fields: JsonObject = {"children": {"from": [*old], "to": [*new]}}
        return [{"kind": self.kind, "name": after.name, "change": "update", "fields": fields}]

    def _save(
        self, entry: GroupShape, before: GroupShape | None, configuration: Configuration, principal: Principal
    ) -> Saved:
        changes = self._differences(before, entry)
        if changes:
            # Named after the version, which only rises: a group with a name that was used before gets a new list.
            roster = str(self._editor.configuration.version().number + 1)
            known = configuration.groups_by_name.get(entry.name)
            group = Group(entry.name, entry.children, known.roster if known is not None else roster)
            self._editor.publish(
                lambda now: now.changed(groups=with_entry(now.groups, group)),
                principal,
                lambda _: changes,
            )
        return Saved(as_json(entry), before is None)

    def _users(self, configuration: Configuration, name: str) -> Iterable[str]:
        for rule in configuration.rules:
            if name in rule.destination_groups or any(binding.group == name for binding in rule.bindings):
                yield f"rule {rule.name!r}"
        yield from (f"group {group.name!r}" for group in configuration.groups if name in group.children)

    def _forget(self, name: str, before: Configuration) -> None:
        self._editor.people.let_expire([before.groups_by_name[name]], now=utc_now())
