"""DynamoDB attribute values of the few kinds that we store, read and written without guessing types."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from tocsin.records import dataclass
from tocsin.types import Json

type Item = Mapping[str, Any]
"""An item as boto3's client gives it: {"name": {"S": "…"}}."""


@dataclass(frozen=True, slots=True)
class Put:
    """A write of a whole item that goes together with others, under a condition where it has one."""

    item: Item
    condition: str | None = None
    values: Item | None = None
    table: str = ""
    """Where it is another table than that of who writes them all."""


@dataclass(frozen=True, slots=True)
class Delete:
    """A delete that goes together with other writes. What is not there is no error."""

    key: Item


def text(value: str) -> dict[str, str]:
    """A string."""
    return {"S": value}


def number(value: float) -> dict[str, str]:
    """A number."""
    return {"N": str(value)}


def truth(value: bool) -> dict[str, bool]:
    """A boolean."""
    return {"BOOL": value}


def document(value: Json) -> dict[str, str]:
    """Any JSON, kept as text: numbers stay what they were, and it is read in one go."""
    return {"S": orjson.dumps(value).decode()}


def until(moment: datetime) -> dict[str, str]:
    """A moment as TTL wants it: whole seconds of the epoch."""
    return {"N": str(int(moment.timestamp()))}


def timestamp(moment: datetime) -> dict[str, str]:
    """A moment as seconds of the epoch, to the microsecond."""
    return {"N": str(moment.timestamp())}


def text_of(item: Item, name: str, default: str = "") -> str:
    """The string `name` of `item`, or `default`."""
    value = item.get(name, {}).get("S")
    return default if value is None else str(value)


def number_of(item: Item, name: str, default: int = 0) -> int:
    """The whole number `name` of `item`, or `default`."""
    value = item.get(name, {}).get("N")
    return default if value is None else int(value)


def moment_of(item: Item, name: str) -> datetime:
    """The moment that `timestamp` wrote as `name`, which `item` has."""
    return datetime.fromtimestamp(float(item[name]["N"]), UTC)


def timestamp_of(item: Item, name: str) -> datetime | None:
    """The moment that `timestamp` wrote as `name`; None where there is none."""
    return moment_of(item, name) if "N" in item.get(name, {}) else None


def truth_of(item: Item, name: str, default: bool = False) -> bool:
    """The boolean `name` of `item`, or `default`."""
    return bool(item.get(name, {}).get("BOOL", default))


def document_of(item: Item, name: str) -> Json:
    """The JSON that `document` wrote as `name`; None where there is none."""
    value = item.get(name, {}).get("S")
    parsed: Json = None if value is None else orjson.loads(value)
    return parsed


def is_gone(item: Item, now: datetime) -> bool:
    """Whether TTL should have deleted `item` already; it may take days over that."""
    expires = item.get("expires_at", {}).get("N")
    return expires is not None and int(expires) <= now.timestamp()
