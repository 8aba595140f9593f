"""What an interrupted run of applying a blueprint leaves behind, so that the next run can clean it up.

A note of it is stored from before the first write until after the last one. Whoever finds it knows what to delete, and
which new secrets were shown to nobody: those are made again.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

from tocsin.types import Json, JsonObject


@dataclass(frozen=True, slots=True)
class Journal:
    """What one or more interrupted runs have written. All empty, and false, where there was none."""

    keys: frozenset[str] = frozenset()
    """Ids of API keys that were made and shown to nobody."""
    signing: frozenset[str] = frozenset()
    """Names of stored signing secrets that were made and shown to nobody."""
    secrets: frozenset[str] = frozenset()
    """Names of stored secrets that came or went."""
    rosters: frozenset[tuple[str, str]] = frozenset()
    """(group, roster) of lists of members that came or went."""

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
        """The inverse of `to_json`; none for anything else."""
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
