"""The journal of a run that applies a blueprint, so that the next run can clean up after an interrupted one.

It is stored before the first write and removed after the last one. A run that finds a journal deletes what it lists,
and makes new secrets in place of those that were never shown to anybody.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Self

from tocsin.records import dataclass
from tocsin.types import Json, JsonObject


@dataclass(frozen=True, slots=True)
class Journal:
    """What one or more interrupted runs wrote or deleted. Without one, all fields are empty and it is false."""

    keys: frozenset[str] = frozenset()
    """Ids of API keys that were created but never shown."""
    signing: frozenset[str] = frozenset()
    """Refs of signing secrets that were created but never shown."""
    secrets: frozenset[str] = frozenset()
    """Refs of secrets that were added or deleted."""
    rosters: frozenset[tuple[str, str]] = frozenset()
    """(group, roster) of member lists that were added or deleted."""

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))

    def __or__(self, other: Journal) -> Journal:
        return Journal(
            keys=self.keys | other.keys,
            signing=self.signing | other.signing,
            secrets=self.secrets | other.secrets,
            rosters=self.rosters | other.rosters,
        )

    def to_json(self) -> JsonObject:
        """{keys, signing, secrets, rosters}, each a list."""
        return {
            "keys": [*sorted(self.keys)],
            "signing": [*sorted(self.signing)],
            "secrets": [*sorted(self.secrets)],
            "rosters": [[*roster] for roster in sorted(self.rosters)],
        }

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """The inverse of `to_json`. Anything malformed gives an empty journal."""
        if not isinstance(data, dict):
            return cls()
        return cls(
            keys=_names(data.get("keys")),
            signing=_names(data.get("signing")),
            secrets=_names(data.get("secrets")),
            rosters=frozenset((str(pair[0]), str(pair[1])) for pair in _pairs(data.get("rosters"))),
        )


def _names(value: Json) -> frozenset[str]:
    return frozenset(str(name) for name in value) if isinstance(value, list) else frozenset()


def _pairs(value: Json) -> list[list[Json]]:
    return [pair for pair in value if isinstance(pair, list) and len(pair) == 2] if isinstance(value, list) else []
