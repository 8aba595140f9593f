"""Types of fields that several models share: names, moments, durations. They validate with pydantic."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from tocsin.times import parse_duration

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._:@+-]*$")]
"""What rules, policies, transports, groups, users and keys may be called: it stands in keys, URLs and logs."""


def _is_iso(value: object) -> object:
    # pydantic would take a number, and a string that holds one, as seconds or milliseconds, by its size.
    if isinstance(value, datetime) or (isinstance(value, str) and re.match("[0-9]{4}-", value)):
        return value
    raise ValueError("must be a time in ISO 8601: 2026-03-01T12:00:00Z")


type Moment = Annotated[AwareDatetime, BeforeValidator(_is_iso)]
"""A time in ISO 8601 with an offset."""


def _is_duration(value: str) -> str:
    parse_duration(value)  # DurationError is a ValueError, which pydantic shows
    return value


Duration = Annotated[str, AfterValidator(_is_duration)]
"""A duration string, as `days=365`; see `tocsin.times`."""
