"""What came of applying a blueprint, or would."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson

from tocsin.records import dataclass, field
from tocsin.types import JsonObject

MAX_SHOWN = 2_000_000
"""Bytes of changes in a response. Lambda limits a response to 6 MB."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying a blueprint did, or would do."""

    version: int
    changes: tuple[JsonObject, ...]
    keys: tuple[JsonObject, ...] = ()
    """{name, id, key} of each key that was created. Its secret is shown this once."""
    secrets: tuple[JsonObject, ...] = ()
    """{transport, secret} of each signing secret that was created, also shown this once."""
    state: JsonObject = field(default_factory=dict)
    """The state after the blueprint was applied, as in `Held.state`."""

    def to_json(self, *, dry_run: bool) -> JsonObject:
        """Return the body of the API's response."""
        created: JsonObject = {"keys": list(self.keys), "secrets": list(self.secrets)}
        return {
            "version": self.version,
            "dry_run": dry_run,
            "changed": bool(self.changes),
            "changes": list(_as_many_as_fit(self.changes)),
            "created": created,
        }


def _as_many_as_fit(changes: Sequence[JsonObject]) -> Iterator[JsonObject]:
    """Yield changes until the response is full, then one entry with the number of those left out."""
    room = MAX_SHOWN
    for position, change in enumerate(changes):
        room -= len(orjson.dumps(change))
        if room < 0:
            left = len(changes) - position
            yield {"kind": "others", "name": f"{left:,} more", "change": "not shown"}
            return
        yield change
