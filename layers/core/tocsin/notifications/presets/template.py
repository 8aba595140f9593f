"""Templates of request bodies: JSON in the shape of the result, with placeholders and instructions.

Texts may have placeholders: `{title}` is a value, `{title|200}` is cut to 200 UTF-16 code units and marked as cut,
`{title|200b}` is cut to 200 bytes of UTF-8; a link that is too long is left out instead. A text that is a single
placeholder takes the value's own type, and is left out of its object or list where the value is missing. Objects with
one of these keys are instructions:

    {"$if": "link", "then": A, "else": B}                  A where the value exists and is not empty, else B, or nothing
    {"$by": "severity", "alert": A, "else": B}             chosen by a value
    {"$each": "facts", "as": A, "most": 20}                a list of A for each `label` and `value`; inside a list, its
                                                           elements. The last one counts those beyond `most`
    {"$each": "facts", "key": "{label|40}", "as": A}       the same as an object
    {"$lines": [A, B], "between": "\\n"}                   the texts that are not empty, joined
    {"$json": "event"}                                     a value as JSON text
    {"$basic": [A, B]}                                     `Basic` and base64 of `A:B`, for an Authorization header

Rendering never raises because of a value. It fails only on an invalid template, which the tests of all presets detect.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import orjson

from tocsin.notifications.text import MARK, cut, cut_bytes, plain
from tocsin.records import dataclass
from tocsin.types import Json

_PLACEHOLDER = re.compile(r"\{([a-z_]+(?:\.[a-z_]+)?)(?:\|(\d+)(b?))?\}")

LINKS = frozenset({"link", "acknowledge"})
"""Values that are left out where they are too long."""

_GAP = "\u200b"
"""A zero-width space. It is invisible, and breaks up mentions and links."""


class _Absent:
    """Marks what is left out of its object or list."""


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a service interprets text.

    `acting` matches mentions and links, at the position where a zero-width space breaks them; `escapes` maps characters
    to their escaped form.
    """

    acting: re.Pattern[str] | None = None
    escapes: Mapping[str, str] | None = None

    def text(self, text: str, limit: int | None, *, by_bytes: bool = False) -> str:
        """Return `text` escaped and without working mentions and links, cut to `limit`."""
        longest = None if limit is None else 4 * limit + 1_000
        if longest is not None and len(text) > longest:  # no more is looked at than can be shown
            text = text[:longest] + MARK
        harmless = plain(text).strip()
        if self.acting is not None:
            harmless = self.acting.sub(lambda found: found[0] + _GAP, harmless)
        if limit is None:
            return "".join(self.escapes.get(each, each) for each in harmless) if self.escapes else harmless
        return cut_bytes(harmless, limit) if by_bytes else cut(harmless, limit, self.escapes)


@dataclass(frozen=True, slots=True)
class Squeeze:
    """Limits that make a message smaller than its template allows. None: no limit."""

    text: int | None = None
    """Most code units of each text from outside."""
    entries: int | None = None
    """Most entries of each list."""
    link: int | None = None
    """Most characters of a link; longer ones are left out."""


@dataclass(frozen=True, slots=True)
class Values:
    """The values of placeholders.

    `known` are Tocsin's own values, used as they are; `free` are texts from outside, which are escaped and cut; `lists`
    are for `$each`, each with the number of further entries that it leaves out.
    """

    known: Mapping[str, Json]
    free: Mapping[str, str | None]
    lists: Mapping[str, tuple[Sequence[tuple[str, str]], int]]
    dialect: Dialect = Dialect()
    squeeze: Squeeze = Squeeze()

    def value(self, name: str, limit: int | None = None, *, by_bytes: bool = False) -> Json:
        """Return the value of `name`, cut to `limit`; None where there is none."""
        if name in self.free:
            text = self.free[name]
            if text is None:
                return None
            most = [each for each in (limit, self.squeeze.text) if each is not None]
            return self.dialect.text(text, min(most, default=None), by_bytes=by_bytes and limit is not None)
        value = self.known[name]
        if isinstance(value, str):
            if name in LINKS:  # a cut link would lead elsewhere
                longest = min((each for each in (limit, self.squeeze.link) if each is not None), default=len(value))
                return value if len(value) <= longest else None
            if limit is not None:
                return cut_bytes(value, limit) if by_bytes else cut(value, limit)
        return value

    def each(self, name: str, most: int | None) -> Iterator[Values]:
        """Yield the values for each entry of a list: `label` and `value`, and all other values."""
        entries, left_out = self.lists[name]
        room = min((each for each in (most, self.squeeze.entries) if each is not None), default=len(entries) + 1)
        if len(entries) + bool(left_out) > room:
            left_out += len(entries) - max(room - 1, 0)
            entries = entries[: max(room - 1, 0)]
        shown = [*entries, (MARK, f"{left_out:,} more not shown")] if left_out and room else entries
        for label, value in shown:
            named = {"label": label if _shows(label) else MARK, "value": value if _shows(value) else "(empty)"}
            yield replace(self, free={**self.free, **named})


def _shows(text: str) -> bool:
    """Whether the beginning of `text` has a visible character: services reject blank texts."""
    return bool(plain(text[:1_000]).strip())


def rendered(template: Json, values: Values) -> Json | _Absent:
    """Render `template` with `values`; ABSENT where nothing is left of it."""
    if isinstance(template, str):
        return _text(template, values)
    if isinstance(template, list):
        return _list(template, values)
    if not isinstance(template, dict):
        return template
    instruction = next((key for key in template if key.startswith("$") and key in _INSTRUCTIONS), None)
    if instruction is not None:
        return _INSTRUCTIONS[instruction](template, values)
    made = {key: rendered(value, values) for key, value in template.items()}
    return {key: value for key, value in made.items() if not isinstance(value, _Absent)}


def _text(template: str, values: Values) -> Json | _Absent:
    whole = _PLACEHOLDER.fullmatch(template)
    if whole is not None:
        value = _value(whole, values)
        return ABSENT if value is None else value
    return _PLACEHOLDER.sub(lambda found: _as_text(_value(found, values)), template)


def _value(found: re.Match[str], values: Values) -> Json:
    name, limit, by_bytes = found.groups()
    return values.value(name, int(limit) if limit else None, by_bytes=bool(by_bytes))


def _as_text(value: Json) -> str:
    return "" if value is None else str(value)


def _list(template: list[Json], values: Values) -> list[Json]:
    made: list[Json] = []
    for each in template:
        value = rendered(each, values)
        if isinstance(value, _Absent):
            continue
        spliced = isinstance(each, dict) and not each.keys().isdisjoint(("$each", "$if"))
        if spliced and isinstance(value, list):
            made += value
        else:
            made.append(value)
    return made


def _if(template: dict[str, Json], values: Values) -> Json | _Absent:
    branch = "then" if values.value(str(template["$if"])) else "else"
    return rendered(template[branch], values) if branch in template else ABSENT


def _by(template: dict[str, Json], values: Values) -> Json | _Absent:
    case = str(values.value(str(template["$by"])))
    case = case if case in template else "else"
    return rendered(template[case], values) if case in template else ABSENT


def _each(template: dict[str, Json], values: Values) -> Json | _Absent:
    most = template.get("most")
    entries = list(values.each(str(template["$each"]), most if isinstance(most, int) else None))
    if "key" in template:
        made: dict[str, Json] = {}
        for each in entries:
            name = _as_text(_present(template["key"], each)) or MARK
            made[name if name not in made else f"{name} ({len(made)})"] = _present(template["as"], each)
        return made
    return [_present(template["as"], each) for each in entries]


def _present(template: Json, values: Values) -> Json:
    made = rendered(template, values)
    return None if isinstance(made, _Absent) else made


def _lines(template: dict[str, Json], values: Values) -> Json:
    between = template.get("between", "\n")
    texts = _list(_of(template["$lines"]), values)
    return str(between).join(text for text in map(_as_text, texts) if text)


def _basic(template: dict[str, Json], values: Values) -> Json:
    joined = ":".join(map(_as_text, _list(_of(template["$basic"]), values)))
    return f"Basic {base64.b64encode(joined.encode()).decode()}"


def _json(template: dict[str, Json], values: Values) -> Json:
    return orjson.dumps(values.value(str(template["$json"]))).decode()


def _of(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


_INSTRUCTIONS = {"$if": _if, "$by": _by, "$each": _each, "$lines": _lines, "$json": _json, "$basic": _basic}
