"""Audit records of other products, read as Tocsin events: what a producer in front of them would post.

The records are tests/data/audit_logs.jsonl, one {"log_type", "log"} a line. Each product's reader (saas.py, and the
command line's own for CloudTrail) says who did what to what.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tocsin_cli.importing import audit
from tocsin_cli.importing.audit import Reading, change, child, custom, sentence, text, words
from tocsin_cli.types import Json, JsonObject

__all__ = [
    "Json",
    "JsonObject",
    "Reader",
    "Reading",
    "UnknownRecordError",
    "change",
    "child",
    "custom",
    "event_of",
    "records",
    "sentence",
    "text",
    "words",
]


class UnknownRecordError(ValueError):
    """A record of a product that has no reader."""


type Reader = Callable[[JsonObject], Reading]


def records(path: Path) -> list[JsonObject]:
    """The records of a file, in order: {"log_type", "log"} each."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def event_of(record: JsonObject, readers: dict[str, Reader]) -> JsonObject:
    """The event that a record is, without what its collector added to it (p_…).

    Raises UnknownRecordError where no reader is for its log_type.
    """
    log_type = str(record["log_type"])
    if log_type not in readers:
        raise UnknownRecordError(f"no reader for log_type {log_type}")
    log = {name: value for name, value in child(record, "log").items() if not name.startswith("p_")}
    return audit.event_of(readers[log_type](log), log_type, log)
