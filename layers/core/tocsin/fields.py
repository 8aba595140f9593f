"""Types of fields that several models share: names, moments, durations. They validate with pydantic."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, Strict

from tocsin.times import parse_duration

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._:@+-]*$")]
"""What rules, policies, transports, mappings, silences and keys may be called: it stands in keys, URLs and logs."""

_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})  # Unicode's general categories
_ENCODED = re.compile("%[0-9A-Fa-f]{2}")


MAX_FOREIGN_NAME = 255
"""Characters: at most 1,020 bytes, so that a name fits a sort key of DynamoDB."""


def foreign_name(name: str) -> str:
    """`name` in normal form C. ValueError, which says why, where no user or group could be called so."""
    name = unicodedata.normalize("NFC", name)
    if not 1 <= len(name) <= MAX_FOREIGN_NAME:
        raise ValueError(f"has {len(name)} characters; a name has 1 to {MAX_FOREIGN_NAME}")
    if name != name.strip():
        raise ValueError("begins or ends with a blank")
    odd = next((each for each in name if unicodedata.category(each) in _UNPRINTABLE), None)
    if odd is not None:
        raise ValueError(f"has a character that can't be seen, U+{ord(odd):04X}")
    if "?" in name or _ENCODED.search(name):
        raise ValueError("has a `?`, or a `%` before two hexadecimal digits: paths can't name it")
    if name in {".", ".."} or name.endswith("/") or any(part in f"{name}/" for part in ("/members/", "/preferences/")):
        raise ValueError("is `.` or `..`, ends with `/` or has `/members` or `/preferences` in it: another path")
    return name


ForeignName = Annotated[str, AfterValidator(foreign_name)]
"""What users and groups may be called: names that other systems gave (`o'brien@example.com`, `DOMAIN\\jürgen`).

Kept in Unicode's normal form C.
"""

PersonKey = (
    Annotated[int, Strict(), Field(ge=-(1 << 63), lt=1 << 63)] | Annotated[str, Field(min_length=1, max_length=255)]
)
"""A person's key in the system that reports events: a number or a text."""


def _is_iso(value: object) -> object:
    # pydantic would take a number, and a string that holds one, as seconds or milliseconds, by its size.
    if isinstance(value, datetime) or (isinstance(value, str) and re.match("[0-9]{4}-", value)):
        return value
    raise ValueError("must be a time in ISO 8601: 2026-03-01T12:00:00Z")


type Moment = Annotated[AwareDatetime, BeforeValidator(_is_iso)]
"""A time in ISO 8601 with an offset."""


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside of the years 1 to 9999") from None


Expiry = Annotated[Moment, AfterValidator(_in_utc)]
"""When something stops to be taken, in UTC."""


def _is_duration(value: str) -> str:
    parse_duration(value)  # DurationError is a ValueError, which pydantic shows
    return value


Duration = Annotated[str, AfterValidator(_is_duration)]
"""A duration string, as `days=365`; see `tocsin.times`."""
