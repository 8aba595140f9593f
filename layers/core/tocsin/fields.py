"""Types of fields that several models share: names, moments, durations. They validate with pydantic."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, Strict

from tocsin.names import foreign_name, username
from tocsin.times import parse_duration

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._:@+-]*$")]
"""What rules, policies, transports, mappings, silences and keys may be called: it stands in keys, URLs and logs."""

Path = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^.]+(\.[^.]+)*$")]
"""A path into an event, as patterns have it: `user.username`, `context.host.name`."""

KeyName = Annotated[str, Field(min_length=1, max_length=100)]
"""A name of keys of an event's context."""

HeaderName = Annotated[str, Field(min_length=1, max_length=100)]
HeaderValue = Annotated[str, Field(min_length=1, max_length=4096)]
"""Headers of a webhook whose values are secret."""


def _as_text(value: object) -> object:
    # A chat's id is a number, which YAML reads as one.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


OptionName = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,39}$")]
OptionValue = Annotated[str, BeforeValidator(_as_text), Field(max_length=1000)]
"""Options of a preset."""

ByKind = Field(discriminator="kind")
"""Marks a union of models that their `kind` tells apart: only the model of that kind is tried."""

ForeignName = Annotated[str, AfterValidator(foreign_name)]
"""What users and groups may be called: names that other systems gave (`o'brien@example.com`, `DOMAIN\\jürgen`).

Kept in Unicode's normal form C.
"""

Username = Annotated[str, AfterValidator(username)]
"""What a user may be called: a foreign name, and not `me`."""

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
