"""How large DynamoDB finds an item: 400 KB are allowed, names and values counted.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-items ("binary-based units")
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Any

MAX_ITEM = 400 * 1024
"""Bytes of an item."""
WRITE_UNIT = 1024
READ_UNIT = 4096
"""Bytes that one capacity unit writes, or reads consistently."""

# DynamoDB keeps 38 significant digits; Python's default context 28.
_EXACT = Context(prec=64)

type AttributeValue = Mapping[str, Any]
"""As in DynamoDB's JSON: {"S": "text"}, {"L": [{"N": "1"}]}."""


def item_bytes(item: Mapping[str, AttributeValue]) -> int:
    """The size of an item, given as DynamoDB's JSON: the names of its attributes and their values."""
    return sum(len(name.encode()) + value_bytes(value) for name, value in item.items())


def value_bytes(value: AttributeValue) -> int:
    """The size of an attribute value: text in UTF-8, raw bytes of binaries, three bytes around a list or map."""
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(str(content).encode("utf-8", "surrogatepass"))
        case "N":
            return number_bytes(str(content))
        case "B":
            return _binary_bytes(content)
        case "BOOL" | "NULL":
            return 1
        case "SS" | "NS" | "BS":
            return sum(value_bytes({kind[0]: member}) for member in content)
        case "L":
            return 3 + sum(1 + value_bytes(member) for member in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + value_bytes(member) for name, member in content.items())
        case _:
            raise ValueError(f"{kind} is no type of DynamoDB's")


def number_bytes(number: str) -> int:
    """The size of a number: one byte for two significant digits, one more, and one for a minus sign.

    AWS says "approximately" this. Pairs of digits are aligned at the decimal point, as ministack has it too.
    """
    value = Decimal(number)
    if value == 0:
        return 1
    sign, digits, exponent = value.normalize(_EXACT).as_tuple()
    places = len(digits) + int(exponent) % 2
    return 1 + -(-places // 2) + sign


def write_units(before: Mapping[str, AttributeValue] | None, after: Mapping[str, AttributeValue] | None) -> int:
    """What a write of an item costs in capacity units: the larger of both sizes, rounded up; at least one.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
    """
    return max(1, *(-(-item_bytes(item) // WRITE_UNIT) for item in (before or {}, after or {})))


def read_units(size: int, *, consistent: bool) -> float:
    """What reading so many bytes costs in capacity units, half of it where it need not be consistent."""
    return max(1, -(-size // READ_UNIT)) * (1.0 if consistent else 0.5)


def _binary_bytes(content: object) -> int:
    if isinstance(content, bytes | bytearray):
        return len(content)
    try:
        return len(base64.b64decode(str(content), validate=True))
    except binascii.Error:
        return len(str(content))
