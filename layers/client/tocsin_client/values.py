"""Any Python value as JSON that the API takes, and UUIDs that hold a time."""

from __future__ import annotations

import json
import math
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from itertools import islice
from typing import Any
from uuid import UUID

_MAX_DEPTH = 60  # the API takes 64
_MAX_VALUES = 100_000  # at two bytes each or more, an event that was cut here is too large to be stored
_UTC = timezone(timedelta())  # Python 3.9 has no datetime.UTC


def uuid7(milliseconds: int, tail: bytes) -> str:
    """The UUIDv7 (RFC 9562, 5.7) of a Unix time and 74 of the bits of ten bytes."""
    bits = milliseconds << 80 | int.from_bytes(tail, "big")
    return str(UUID(int=bits & ~(0xF << 76 | 0b11 << 62) | 0x7 << 76 | 0b10 << 62))


def json_safe(value: object) -> Any:  # noqa: ANN401 - JSON
    """A copy of the value as JSON. Never raises, whatever code of its own the value has.

    datetime: ISO 8601 with Z (without a zone: UTC is meant); date, time: ISO 8601; timedelta: seconds; UUID: hex;
    Decimal, and int beyond 64 bits: digits in a string; NaN, infinities: null; Enum: its value; bytes: text where
    UTF-8, else base64; set: sorted list; dataclass: object; exception: {type, message}; anything else: str().
    NUL and lone surrogates go. What contains itself, or lies deeper than 60 levels, is cut, and says so.
    """
    return _copy(value, (), iter(range(_MAX_VALUES)))


def _copy(value: Any, around: tuple[int, ...], room: Iterator[int]) -> object:  # noqa: ANN401 - truly anything
    """`around`: ids of what `value` lies in. `room`: yields once for each value that may still be added."""
    try:
        inside = (*around, id(value))
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, Enum):
            return _copy(value.value, inside, room)
        for kinds, convert in _SCALARS:
            if isinstance(value, kinds):
                return convert(value)
        if isinstance(value, BaseException):
            value = {"type": f"{type(value).__module__}.{type(value).__qualname__}", "message": str(value)}
        elif is_dataclass(value) and not isinstance(value, type):
            value = {field.name: getattr(value, field.name, None) for field in fields(value)}
        if not isinstance(value, (Mapping, list, tuple, set, frozenset)):
            return _text(str(value))
        if inside[-1] in around or len(inside) > _MAX_DEPTH:
            return "… [cut: contains itself, or is nested too deeply]"
        if not isinstance(value, Mapping):
            items = [_copy(item, inside, room) for item in islice(value, _MAX_VALUES) if next(room, None) is not None]
            return sorted(items, key=json.dumps) if isinstance(value, (set, frozenset)) else items
        copied: dict[str, object] = {}
        for key, item in islice(value.items(), _MAX_VALUES):
            if next(room, None) is not None:
                name = _text(key) if isinstance(key, str) else json.dumps(_copy(key, inside, room)).strip('"')
                copied[f"{name} ({len(copied) + 1})" if name in copied else name] = _copy(item, inside, room)
    except Exception:  # noqa: BLE001 - a foreign __str__ or items() may raise anything
        return _text(type.__repr__(type(value)))
    return copied


def _text(text: str) -> str:
    # two halves of a surrogate pair become the character that they are; a half alone is left out
    return str.encode(text, "utf-16-le", "surrogatepass").decode("utf-16-le", "ignore").replace("\0", "")


def _decoded(data: bytes) -> str:
    text = bytes(data).decode("utf-8", "replace")
    return b64encode(data).decode() if "\ufffd" in text else _text(text)


def _moment(moment: datetime) -> str:
    aware = moment if moment.utcoffset() is not None else moment.replace(tzinfo=_UTC)
    return _text(aware.astimezone(_UTC).isoformat().replace("+00:00", "Z"))


_SCALARS: tuple[tuple[Any, Any], ...] = (
    (str, _text),
    (int, lambda number: number if -(1 << 63) <= number < 1 << 63 else str(Decimal(number))),
    (float, lambda number: number if math.isfinite(number) else None),
    ((bytes, bytearray, memoryview), _decoded),
    (datetime, _moment),
    ((date, time), lambda day: _text(day.isoformat())),
    (timedelta, timedelta.total_seconds),
    (UUID, lambda identifier: _text(identifier.hex)),
)
