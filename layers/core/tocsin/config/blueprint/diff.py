"""The differences between two blueprints, one per entry, as dry runs and change events show them."""

from __future__ import annotations

from collections.abc import Mapping

from tocsin.config.blueprint.model import Blueprint
from tocsin.models import are_same, as_json
from tocsin.types import Json, JsonObject

_NAMES = {"users": "username"}
_KINDS = ("users", "groups", "mappings", "transports", "policies", "rules", "silences", "keys")


def differences(
    before: Blueprint, after: Blueprint, replaced_secrets: Mapping[tuple[str, str], JsonObject] | None = None
) -> list[JsonObject]:
    """[{kind, name, change: create | update | delete, fields?: {field: {from, to}}}], secrets masked.

    `replaced_secrets`: by kind and name, the fields of secrets that change although their masks are the same.
    """
    found: list[JsonObject] = []
    settings = _fields(as_json(before.settings), as_json(after.settings))
    if settings:
        found.append({"kind": "settings", "name": "settings", "change": "update", "fields": settings})
    for kind in _KINDS:
        name = _NAMES.get(kind, "name")
        old = {str(entry[name]): entry for entry in map(as_json, getattr(before, kind))}
        new = {str(entry[name]): entry for entry in map(as_json, getattr(after, kind))}
        found += [{"kind": kind, "name": gone, "change": "delete"} for gone in sorted(old.keys() - new.keys())]
        found += [{"kind": kind, "name": made, "change": "create"} for made in sorted(new.keys() - old.keys())]
        for same in sorted(old.keys() & new.keys()):
            fields = _fields(old[same], new[same])
            if replaced_secrets:
                fields |= replaced_secrets.get((kind, same), {})
            if fields:
                found.append({"kind": kind, "name": same, "change": "update", "fields": fields})
    return found


def _fields(before: JsonObject, after: JsonObject) -> JsonObject:
    changed: dict[str, Json] = {}
    for field in before.keys() | after.keys():
        old, new = before.get(field), after.get(field)
        if not are_same(old, new):
            changed[field] = {"from": old, "to": new}
    return dict(sorted(changed.items()))
