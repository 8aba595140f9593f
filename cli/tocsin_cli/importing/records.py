"""A record of a file as an event that POST /events takes, with an id and a time of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tocsin_cli.importing.ids import Identities, derived_id, is_event_id
from tocsin_cli.times import iso
from tocsin_cli.types import Json, JsonObject, mapping

_READ_ONLY = ("summary", "cause", "key_id")
"""What the API shows of an event and does not take: what `tocsin events -o ndjson` wrote can be imported."""
_FIELDS = frozenset(
    {"id", "action", "app", "client_ip", "created", "brand", "expires", "retention", "expiring", "user", "context"}
)
"""What POST /events takes of an event."""
_SECONDS_END = 100_000_000_000
"""Numbers below are seconds since 1970 (up to the year 5138), others milliseconds."""


class RecordError(ValueError):
    """A record that can't become an event; the message says why."""


@dataclass(frozen=True, slots=True)
class Raw:
    """What a file has at one place: a record, or what is wrong there.

    `identity` is the record's own, where its format has one. Members of a `foreign` record that no event has go into
    its context; those of any other are left for the API to refuse.
    """

    place: str
    content: JsonObject | None
    wrong: str | None = None
    identity: str | None = None
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """A record that is ready to be sent, or why it can't be."""

    place: str
    event: JsonObject | None
    wrong: str | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """What is said of all records of an import.

    `columns` names for a field of an event (`user.username`) where the record has it; `constants` are fields that all
    have. `at` is the time of records without one, `time_format` how they write theirs (strptime).
    """

    columns: Mapping[str, str]
    constants: Mapping[str, str]
    at: datetime | None = None
    time_format: str | None = None


class EventMaker:
    """Makes events of the records of one file, in their order."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._identities = Identities()

    def make(self, raw: Raw) -> Record:
        """The event of a record."""
        if raw.content is None:
            return Record(raw.place, None, raw.wrong)
        try:
            return Record(raw.place, self._event(self._fields(raw, raw.content), raw.identity))
        except RecordError as error:
            return Record(raw.place, None, str(error))

    def _fields(self, raw: Raw, content: JsonObject) -> JsonObject:
        """The fields of the event, as the record, --map and the constants say."""
        given = ((name, value) for name, value in content.items() if value is not None)
        said: JsonObject = {name: value for name, value in given if name not in _READ_ONLY}
        columns = self._shape.columns
        if raw.foreign or columns:
            left: JsonObject = {name: value for name, value in said.items() if name not in columns.values()}
            if raw.foreign:
                left = _nested(left)
            event: JsonObject = {name: value for name, value in left.items() if _is_field(name, value)}
            others: JsonObject = {name: value for name, value in left.items() if name not in event}
            if others:
                event["context"] = others | mapping(event.get("context"))
        else:
            event = said
        for path, column in columns.items():
            value = _at(content, column)
            if value not in (None, ""):
                _put(event, path, value)
        for path, constant in self._shape.constants.items():
            _put(event, path, constant)
        return event

    def _event(self, event: JsonObject, identity: str | None) -> JsonObject:
        if not event.get("action"):
            raise RecordError("it has no action: name its field with --map action=…, or give --action")
        own_id = event.pop("id", None)
        if is_event_id(own_id):
            return {"id": own_id} | self._timed(event, required=False)
        if own_id is not None:
            identity = identity or f"id {own_id}"
            _put(event, "context.imported_id", own_id)
        event = self._timed(event, required=True)
        created = datetime.fromisoformat(str(event["created"]))
        return {"id": derived_id(created, identity or self._identities.of(event))} | event

    def _timed(self, event: JsonObject, *, required: bool) -> JsonObject:
        written = event.pop("created", None)
        if written is None and not required:
            return event
        if written is None:
            if self._shape.at is None:
                raise RecordError("it has no time: name its field with --map created=…, or give --at")
            moment = self._shape.at
        else:
            moment = moment_of(written, self._shape.time_format)
        return event | {"created": iso(moment)}


def _nested(row: JsonObject) -> JsonObject:
    """A row of a table with the columns `user.…` and `context.…` in objects; one called `context` is in the latter."""
    context: JsonObject = {}
    user: JsonObject = {}
    nested: JsonObject = {}
    for name, value in row.items():
        head, _, tail = name.partition(".")
        if tail and head in {"user", "context"}:
            (user if head == "user" else context)[tail] = value
        else:
            (context if name in {"user", "context"} else nested)[name] = value
    return nested | ({"user": user} if user else {}) | ({"context": context} if context else {})


def _is_field(name: str, value: Json) -> bool:
    """Whether a member of a foreign record means what an event means by that name."""
    return name in _FIELDS and (name not in {"user", "context"} or isinstance(value, dict))


def moment_of(written: Json, time_format: str | None = None) -> datetime:
    """When a record happened: ISO 8601, seconds or milliseconds since 1970, or `time_format`; UTC without a zone.

    Raises RecordError.
    """
    try:
        moment = _moment_of(written, time_format)
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)
    except (OverflowError, ValueError):
        wanted = f"like {time_format}" if time_format else "ISO 8601, nor seconds or milliseconds since 1970"
        raise RecordError(f"its time {str(written)[:60]!r} is not {wanted}") from None


def _moment_of(written: Json, time_format: str | None) -> datetime:
    if time_format is not None:
        return datetime.strptime(str(written), time_format)
    if isinstance(written, int | float) and not isinstance(written, bool):
        return _since_1970(float(written))
    text = str(written).strip()
    return _since_1970(float(text)) if _is_number(text) else datetime.fromisoformat(text)


def _is_number(text: str) -> bool:
    # "20260301" is a date in ISO 8601 and no number of seconds.
    return text.replace(".", "", 1).isdecimal() and len(text.partition(".")[0]) >= 9


def _since_1970(number: float) -> datetime:
    seconds = number if abs(number) < _SECONDS_END else number / 1000
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def _at(content: JsonObject, path: str) -> Json:
    """The value of a column, or of the members that a dotted path names."""
    if path in content:
        return content[path]
    value: Json = content
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _put(event: JsonObject, path: str, value: Json) -> None:
    """Set the field that a dotted path names. RecordError where something else stands in its way."""
    *above, last = path.split(".")
    target = event
    for name in above:
        # A copy: the record that the event is made of stays as it was read.
        inner = target.get(name)
        if inner is not None and not isinstance(inner, dict):
            raise RecordError(f"{path} can't be set: {name} is no object")
        target[name] = inner = dict(inner or {})
        target = inner
    target[last] = value
