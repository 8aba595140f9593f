"""Format events as lines of a file: JSON as the API shows it, or CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from enum import StrEnum

import orjson

from tocsin.events.model import Event
from tocsin.records import dataclass
from tocsin.times import iso
from tocsin.types import Json, JsonObject

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""First characters of a cell that a spreadsheet may run as a formula, including their full-width forms.
https://owasp.org/www-community/attacks/CSV_Injection"""

_SIGNS = "[=+@\uff1d\uff0b\uff0d\uff20-]"
_ANOTHER_CELL = re.compile(rf"""(?<=[;\t\r\n])(?=["' ]*+{_SIGNS})""")
_ANOTHER_CELL_OF_JSON = re.compile(rf""";(?=[\\"' ]*+{_SIGNS})""")
"""Where a formula begins for a spreadsheet whose separator is a semicolon, as in most of Europe, or a tab: a quote in
the middle of what it takes for a cell is a character as any other, so that separators and line ends behind it count."""

_COLUMNS: dict[str, Callable[[Event], Json]] = {
    "id": lambda event: event.id,
    "created": lambda event: iso(event.created),
    "action": lambda event: event.action,
    "app": lambda event: event.app,
    "username": lambda event: event.user.get("username"),
    "user_pk": lambda event: event.user.get("pk"),
    "user_email": lambda event: event.user.get("email"),
    "client_ip": lambda event: event.client_ip,
    "brand": lambda event: event.brand,
    "summary": lambda event: event.summary,
    "user": lambda event: event.user,
    "context": lambda event: event.context,
    "expires": lambda event: None if event.expires is None else iso(event.expires),
    "key_id": lambda event: event.key_id,
    "cause": lambda event: event.cause.to_json() if event.cause else None,
}
"""`user` and `context` are complete, as JSON. The columns before them are single values from these, for people."""


class ExportFormat(StrEnum):
    """The formats of an export."""

    CSV = "csv"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True)
class Rows:
    """How events are written in one format, as UTF-8."""

    content_type: str
    head: bytes
    of: Callable[[Event], bytes]


def rows_of(form: ExportFormat) -> Rows:
    """Return how events are written in the format `form`."""
    if form is ExportFormat.CSV:
        return Rows("text/csv; charset=utf-8", _written([*_COLUMNS]), _csv)
    return Rows("application/x-ndjson", b"", _json)


def _json(event: Event) -> bytes:
    shown: JsonObject = event.to_json() | {"summary": event.summary}
    return orjson.dumps(shown) + b"\n"


def _csv(event: Event) -> bytes:
    return _written([_cell(column(event)) for column in _COLUMNS.values()])


def _cell(value: Json) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        text = _ANOTHER_CELL.sub("'", value)
    else:  # a semicolon stands in JSON's strings alone, where it may be spelled so
        text = _ANOTHER_CELL_OF_JSON.sub(r"\\u003b", orjson.dumps(value).decode())
    # Spreadsheets read a leading quote as "this is text", and do not display it.
    return f"'{text}" if text.startswith(_FORMULA) else text


def _written(cells: list[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)  # RFC 4180
    return line.getvalue().encode("utf-8", "replace")
