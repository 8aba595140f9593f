"""Render a message into the request to a service."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import orjson

from tocsin.notifications.presets.catalogue import WHOLE_BODY, Limits, Preset
from tocsin.notifications.presets.template import ABSENT, Squeeze, Values, rendered
from tocsin.notifications.presets.told import Told
from tocsin.notifications.text import MARK, cut, one_line, plain, units
from tocsin.records import dataclass
from tocsin.types import Json, JsonObject

FORM = "application/x-www-form-urlencoded"
_LINES_OF_JSON = frozenset({"application/x-ndjson", "application/x-sentry-envelope"})

_SQUEEZES = (
    Squeeze(),
    Squeeze(text=2_000, entries=25),
    Squeeze(text=1_000, entries=15),
    Squeeze(text=500, entries=10, link=1_000),
    Squeeze(text=200, entries=6, link=500),
    Squeeze(text=80, entries=3, link=300),
    Squeeze(text=24, entries=0, link=0),
)
"""Tried in this order until a message fits the preset's limits. Tests check that the last one always does."""

_MAX_DEPTH = 12


@dataclass(frozen=True, slots=True)
class PresetRequest:
    """A request to post: URL, headers and body. Names of headers are in their usual spelling."""

    url: str
    headers: dict[str, str]
    body: bytes


def render(preset: Preset, told: Told, options: Mapping[str, str], url: str | None = None) -> PresetRequest:
    """Render `told` into the request to `preset`'s service.

    `options` are the transport's, including secret ones. `url` is the transport's; None for the service's fixed URL.
    """
    body = b""
    for squeeze in _SQUEEZES:
        values = _values(preset, told, options, squeeze)
        made = rendered(preset.body, values)
        body = _encoded(preset, made)
        if _keeps_to(preset.limits, made, body):
            break
    values = _values(preset, told, options, Squeeze())
    given = {name: rendered(template, values) for name, template in preset.headers.items()}
    headers = {name: one_line(value) for name, value in given.items() if isinstance(value, str)}
    return PresetRequest(_url(preset, values, url), {"Content-Type": preset.content_type} | headers, body)


def _values(preset: Preset, told: Told, options: Mapping[str, str], squeeze: Squeeze) -> Values:
    known = told.known
    if preset.tells_event:
        known["event"] = _smaller(told.event, squeeze)
    for name, option in preset.options.items():
        value = options.get(name)
        known[f"options.{name}"] = int(value) if option.whole and value is not None else value
    lines = [("", line) for line in told.lines]
    return Values(
        known=known,
        free=dict(told.free),
        lists={"facts": (told.facts, 0), "lines": (lines, told.left_out)},
        dialect=preset.dialect,
        squeeze=squeeze,
    )


def _encoded(preset: Preset, made: object) -> bytes:
    if preset.content_type == FORM:
        fields = made if isinstance(made, dict) else {}
        return urlencode({name: str(value) for name, value in fields.items()}).encode()
    if preset.content_type in _LINES_OF_JSON:
        documents = made if isinstance(made, list) else [made]
        return b"".join(orjson.dumps(document) + b"\n" for document in documents)
    return orjson.dumps(None if made is ABSENT else made)


def _keeps_to(limits: Limits, made: object, body: bytes) -> bool:
    members = made if isinstance(made, dict) else {}
    return all(
        (len(body) if name == WHOLE_BODY else _size(members.get(name), unit)) <= most
        for name, limit in limits.items()
        for unit, most in limit.items()
    )


def _size(value: object, unit: str) -> int:
    if isinstance(value, str):
        return units(value) if unit == "units" else len(value.encode())
    if isinstance(value, dict):
        return sum(_size(each, unit) for each in value.values())
    return sum(_size(each, unit) for each in value) if isinstance(value, list) else 0


def _url(preset: Preset, values: Values, given: str | None) -> str:
    """Return the URL with the preset's path appended, unless it ends with that path already."""
    base = given or preset.address.default or ""
    if not preset.address.path:
        return base
    quoted = {name: quote(str(value), safe=":@-._~") for name, value in values.known.items() if _stands_in_paths(value)}
    in_paths = Values(known=quoted, free={}, lists={})
    path = rendered(preset.address.path, in_paths)
    path, _, query = (path if isinstance(path, str) else "").partition("?")
    parts = urlsplit(base)
    before = parts.path.rstrip("/")
    joined = before if before.endswith(path.rstrip("/")) else before + path
    both = "&".join(each for each in (parts.query, query) if each)
    return urlunsplit((parts.scheme, parts.netloc, joined, both, ""))


def _stands_in_paths(value: Json) -> bool:
    return isinstance(value, str | int)


def _smaller(value: Json, squeeze: Squeeze, depth: int = 0) -> Json:
    """Return an event's value in encodable form, with texts and lists cut to `squeeze`."""
    if isinstance(value, str):
        text = plain(value)
        return text if squeeze.text is None else cut(text, squeeze.text)
    if isinstance(value, list | dict) and depth > _MAX_DEPTH:
        return MARK
    if isinstance(value, list):
        some = value if squeeze.entries is None else value[: squeeze.entries]
        return [_smaller(each, squeeze, depth + 1) for each in some]
    if not isinstance(value, dict):
        return value
    # An event's top-level fields are all kept, since receivers need its id and action. Their texts are cut as well.
    most = None if depth == 0 or squeeze.entries is None else squeeze.entries
    return _members(value, squeeze, most, depth)


def _members(value: JsonObject, squeeze: Squeeze, most: int | None, depth: int) -> JsonObject:
    limit = squeeze.text or 10_000
    kept = list(value.items())[:most]
    made = {cut(plain(name), limit): _smaller(each, squeeze, depth + 1) for name, each in kept}
    if len(kept) < len(value):
        made[MARK] = f"{len(value) - len(kept):,} more not shown"
    return made
