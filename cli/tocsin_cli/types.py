"""JSON as the API gives it."""

from __future__ import annotations

type Json = bool | int | float | str | list[Json] | dict[str, Json] | None
type JsonObject = dict[str, Json]


def text(of: JsonObject, name: str) -> str:
    """A member as text; empty where it is absent or null."""
    value = of.get(name)
    return "" if value is None else str(value)


def objects(value: Json) -> list[JsonObject]:
    """The objects of a list; none where it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def texts(value: Json) -> list[str]:
    """The texts of a list; none where it is no list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def mapping(value: Json) -> JsonObject:
    """The object itself; empty where it is something else."""
    return value if isinstance(value, dict) else {}


def whole(value: Json) -> int:
    """A whole number; 0 where it is something else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
