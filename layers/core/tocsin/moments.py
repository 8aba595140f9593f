"""Moments in what is sent: ISO 8601 with an offset, and nothing that only looks like it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator


def _is_iso(value: object) -> object:
    # pydantic would take a number, and a string that holds one, as seconds or milliseconds, by its size.
    if isinstance(value, datetime) or (isinstance(value, str) and re.match("[0-9]{4}-", value)):
        return value
    raise ValueError("must be a time in ISO 8601: 2026-03-01T12:00:00Z")


type Moment = Annotated[AwareDatetime, BeforeValidator(_is_iso)]
