# Made by `make shared` from layers/core/tocsin/events/sanitize.py: change that.
"""JSON-safe, bounded copies of anything: what producers and handlers put into an event's context.

| value | becomes |
|---|---|
| None, bool, str, 64-bit int, finite float | itself; a NUL or a lone surrogate is U+FFFD |
| NaN, infinities | null |
| a larger int | its digits as a string (hexadecimal from 2**2048 on): JSON readers and CEL have 64 bits |
| datetime | ISO 8601 in UTC with ``Z``; without a zone it is taken as UTC |
| date, time, timedelta | ISO 8601, ISO 8601, seconds |
| UUID, Decimal, Enum | 32 hexadecimal digits, its digits as a string, its value |
| bytes | the text where it is UTF-8, else base64 |
| exception | ``{"type", "message"}`` |
| class, function, method, partial | its qualified name |
| mapping, pydantic model, dataclass | object; a dataclass is read without running code of its own |
| list, tuple, iterator, anything that has a length and can be iterated | list |
| set | list, in an order that does not change from run to run |
| path, IP address or network, any other object | ``str()``; ``<module.Class>`` where that would say no more |

Keys that are not strings are written as in JSON (``true``, ``null``, ``1``), else by ``str()``; keys that become
equal are numbered: ``key``, ``key (2)``, ``key (3)``.

What does not fit into the `Limits` is cut and marked by a text that starts with ``… [``: at the end of a string, as
a list's last item, or as the value of an object's last key, ``…``.
"""

import io
import json
import math
from tocsin_client._shared import regex as re
from binascii import b2a_base64
from bisect import bisect_left
from collections import UserString, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Reversible
from dataclasses import fields, replace
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from functools import partial
from itertools import islice
from types import MemberDescriptorType
from typing import Any, NamedTuple, TypeAlias, cast
from uuid import UUID

from dataclasses import dataclass
from tocsin_client._shared.types import Json, JsonObject


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a value is kept. The mark of what was cut counts within each of these limits.

    ``depth``: containers inside each other; ``width``: entries of one container; ``text`` and ``key``:
    characters of one string and of one key; ``size``: bytes of the whole as UTF-8 JSON, as
    ``json.dumps(value, ensure_ascii=False)`` writes it. The default leaves half of DynamoDB's 400 KB to
    the item's other attributes. Raises ValueError for a limit in which not even a mark has room, and for a
    depth above 100, which not every JSON reader takes.
    """

    depth: int = 32
    width: int = 1_000
    text: int = 32_768
    key: int = 256
    size: int = 200_000

    def __post_init__(self) -> None:
        for name, least in (("depth", 2), ("width", 1), ("text", 64), ("key", 64), ("size", 2048)):
            if getattr(self, name) < least or self.depth > 100:
                raise ValueError(f"{name} must be at least {least}, and depth at most 100: {self}")


_DEFAULT_LIMITS = Limits()

_DICT_ITEMS: type = type({}.items())
_INT64 = range(-(2**63), 2**63)
_SURROGATE = re.compile("[\ud800-\udfff]")

_MORE = "…"
_NO_ROOM = "… [cut: no memory left to read it]"
_TEXT_MARK = re.compile(r"… \[cut: ([0-9]{1,18}) more characters\]\Z")
_ITEMS_MARK = re.compile(r"… \[cut: (?:([0-9]{1,18}) more items|more items|.{1,200} while reading)\]\Z")


def sanitize(value: object, *, limits: Limits = _DEFAULT_LIMITS) -> Json:
    """Return a copy of the value that is safe to store as JSON, converted as in the module's table.

    If the copy is larger than ``limits.size``, long strings are shortened first, then wide containers, then deep ones,
    so that one large field does not displace the others. A dict gives a dict, and a sanitized value is returned
    unchanged. Never raises, and always ends, whatever code of its own the value has, unless that blocks or ends the
    process. Iterators are consumed, up to the limits.
    """
    try:
        walk = _Walk(limits)
        copy = walk.copy(value)
        if walk.surely_fits() or _size(copy) <= limits.size:
            return copy
        steps = _tighter(limits)
        # The last step needs no trial: at most one text in two containers, each of 64 characters as are keys.
        fitting = bisect_left(steps, -limits.size, hi=len(steps) - 1, key=lambda s: -_size(_Walk(s).copy(copy)))
        return _Walk(steps[fitting]).copy(copy)
    except (RecursionError, MemoryError):  # the caller had used up the stack or the memory before
        return {_MORE: _NO_ROOM} if isinstance(value, dict) else _NO_ROOM


def _size(value: Json) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())


def _tighter(limits: Limits) -> list[Limits]:
    """Ever smaller limits: each halves the text, the width or the depth of the one before."""
    steps = [limits]
    floors = (("text", 1024), ("width", 64), ("text", 64), ("width", 8), ("depth", 2), ("width", 1), ("key", 64))
    for name, least in floors:
        while (current := cast("int", getattr(steps[-1], name))) > least:
            steps.append(replace(steps[-1], **{name: max(current // 2, least)}))
    return steps


class _Entries(NamedTuple):
    """What a container holds, to be read once: items, or (key, item) pairs where it is ``keyed``."""

    source: Iterable[object]
    total: int | None
    keyed: bool = False


_Plain: TypeAlias = "bool | int | float | str | _Entries | None"
_Ancestors: TypeAlias = "tuple[object, _Ancestors] | None"  # the containers around a value, innermost first


class _Walk:
    """One walk over a value, level by level: it needs no recursion, and where it runs out of room it is the
    deep end of a swollen branch that is missing, not the branch's neighbours."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._queue: deque[tuple[_Entries, list[Json] | JsonObject, _Ancestors]] = deque()
        self._values = limits.size // 3  # how many more there is room for: each takes 3 bytes or more
        self._characters = limits.size * 16  # after which texts are kept short, to save memory

    def copy(self, value: object) -> Json:
        """The value as JSON within all limits but ``size``."""
        tree = self._value(value, None)
        while self._queue:
            entries, target, ancestors = self._queue.popleft()
            items, mark = self._read(entries)
            if isinstance(target, dict):
                self._fill(target, items, ancestors)
                target.update({_apart(_MORE, target, {}, self._limits.key): mark} if mark else {})
            else:
                target.extend([self._value(item, ancestors) for item in items])
                target.extend([mark] if mark else [])
        return tree

    def surely_fits(self) -> bool:
        """Whether the copy needs no measuring, as almost none does: a character takes 6 bytes at most
        (``\\u0001``), and a value or a mark 64 beside its characters."""
        size = self._limits.size
        return 6 * (size * 16 - self._characters) + 64 * (size // 3 - self._values + 1) <= size

    def _value(self, value: object, ancestors: _Ancestors) -> Json:
        plain: _Plain
        if type(value) is str:
            return self._text(value)
        if value is None or type(value) is bool:
            return value
        if type(value) is dict:
            plain = _Entries(value.items(), len(value), keyed=True)
        elif type(value) is list:
            plain = _Entries(value, len(value))
        else:
            plain = _guarded(_converted, value)
        if isinstance(plain, _Entries):
            return self._open(value, plain, ancestors)
        return self._text(plain) if isinstance(plain, str) else plain

    def _text(self, text: str) -> str:
        most = self._limits.text if self._characters > 0 else 64
        if len(text) > most or not text.isascii() or "\0" in text:
            text = _clean(text, most)
        self._characters -= len(text)
        return text

    def _open(self, value: object, entries: _Entries, ancestors: _Ancestors) -> Json:
        depth, outer = 1, ancestors
        while outer:
            depth, (container, outer) = depth + 1, outer
            if container is value:
                return "… [cut: contains itself]"
        if depth > self._limits.depth:
            return "… [cut: nested too deeply]"
        target: list[Json] | JsonObject = {} if entries.keyed else []
        self._queue.append((entries, target, (value, ancestors)))
        return target

    def _read(self, entries: _Entries) -> tuple[list[Any], str]:
        """The entries that there is room for, and the mark of the others."""
        room = min(self._limits.width, self._values)
        items: list[Any] = []
        mark = ""
        try:
            items.extend(islice(entries.source, room + 1))  # keeps what came before a failure
        except Exception as error:  # noqa: BLE001 - a foreign iterator may raise anything
            mark = f"… [cut: {_class_name(type(error))} while reading]"
        if mark or len(items) > room:
            del items[max(room - 1, 0) :]
            mark = self._text(mark or _left_out(entries, len(items)))
        self._values = max(self._values - len(items), 0)
        return items, mark

    def _fill(self, target: JsonObject, pairs: list[Any], ancestors: _Ancestors) -> None:
        repeats: dict[str, int] = {}
        most = self._limits.key
        for key, item in pairs:
            plain = type(key) is str and len(key) <= most and key.isascii() and "\0" not in key
            name = key if plain else self._key(key)  # without the call for almost every key
            if name in target:
                name = _apart(name, target, repeats, most)
            self._characters -= len(name)
            target[name] = self._value(item, ancestors)

    def _key(self, key: object) -> str:
        if type(key) is not str:
            plain = _guarded(_converted, key)
            if isinstance(plain, _Entries):
                plain = _guarded(_described, key)
            key = plain if isinstance(plain, str) else json.dumps(plain)
        return _clean(key, self._limits.key)


def _clean(text: str, most: int) -> str:
    """At most that many characters, U+FFFD for NUL, at which many a reader stops, and for lone surrogates."""
    if len(text) > most:
        earlier = _TEXT_MARK.search(text, len(text) - 64) if text.endswith(" more characters]") else None
        total = earlier.start() + int(earlier[1]) if earlier else len(text)
        kept = most - len(f"… [cut: {total} more characters]")
        text = f"{text[:kept]}… [cut: {total - kept} more characters]"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            text = _SURROGATE.sub("\ufffd", text)
    return text.replace("\0", "\ufffd") if "\0" in text else text


def _left_out(entries: _Entries, kept: int) -> str:
    """The mark for all entries but the first ``kept``, counting what an earlier cut left out."""
    source, total, keyed = entries
    if total is None:
        return "… [cut: more items]"
    if isinstance(source, list | _DICT_ITEMS):
        last: Any = next(reversed(cast("Reversible[object]", source)), ("", ""))
        last = last[1] if keyed else last
        if type(last) is str and (earlier := _ITEMS_MARK.match(last)):
            if not earlier[1]:
                return last
            total += int(earlier[1]) - 1
    return f"… [cut: {max(total - kept, 1)} more items]"


def _apart(name: str, taken: Mapping[str, object], repeats: dict[str, int], most: int) -> str:
    """The name, or ``name (2)`` and so on where it is taken; ``repeats`` remembers how far that went."""
    free = name
    while free in taken:
        repeats[name] = repeats.get(name, 1) + 1
        suffix = f" ({repeats[name]})"
        free = _clean(name, most - len(suffix)) + suffix
    return free


def _guarded(convert: Callable[[object], _Plain], value: object) -> _Plain:
    """The conversion's result, or a mark: beside the reading of iterators, all foreign code runs in here."""
    try:
        plain = convert(value)
    except Exception as error:  # noqa: BLE001 - a foreign object may raise anything
        return f"… [unreadable: {_class_name(type(value))} raised {_class_name(type(error))}]"
    return str.__str__(plain) if isinstance(plain, str) else plain  # without what a subclass of str adds


def _converted(value: object) -> _Plain:
    kind = type(value)
    for kinds, convert in _BY_TYPE:
        if issubclass(kind, kinds):
            return convert(value)
    for names, convert in _BY_METHODS:
        if all(hasattr(kind, name) for name in names):
            return convert(value)
    return _qualified(value)  # a function; what has no name of that kind is described


_class_name: Callable[[type], str] = type.__dict__["__name__"].__get__  # whatever a metaclass makes of it


def _described(value: object) -> str:
    kind = type(value)
    if kind.__str__ is object.__str__ and kind.__repr__ is object.__repr__:
        return f"<{_qualified(kind)}>"
    return str(value)


def _qualified(value: object) -> str:
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(name, str):
        return _described(value)
    return name if module in {None, "builtins"} else f"{module}.{name}"


def _integer(value: int) -> int | str:
    number = int.__int__(value)
    if number in _INT64:
        return number
    # Python takes quadratic time to write decimals, and refuses from 4,300 digits on.
    return str(number) if number.bit_length() <= 2048 else hex(number)


def _real(value: float) -> float | None:
    number = float.__float__(value)
    return number if math.isfinite(number) else None


def _octets(value: bytes | bytearray | memoryview) -> str:
    data = bytes(value)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return b2a_base64(data, newline=False).decode("ascii")


def _moment(value: datetime) -> str:
    if value.utcoffset() is None:
        value = value.replace(tzinfo=timezone.utc)
    try:
        return datetime.isoformat(datetime.astimezone(value, timezone.utc)).replace("+00:00", "Z")
    except OverflowError:  # within a day of the years 1 and 9999
        return datetime.isoformat(value)


def _exception(value: BaseException) -> _Entries:
    told = {"type": _qualified(type(value)), "message": _guarded(_described, value)}
    return _Entries(told.items(), 2, keyed=True)


def _dataclass_items(value: object) -> Iterator[tuple[str, object]]:
    """The fields as they lie in the instance, in its slots or as the class's defaults: nothing is called."""
    try:
        instance: Mapping[str, object] = object.__getattribute__(value, "__dict__")
    except AttributeError:
        instance = {}
    places = (instance, *(vars(base) for base in type(value).__mro__))
    for name in (field.name for field in fields(cast("Any", type(value)))):
        found = next((place[name] for place in places if name in place), None)
        yield name, found.__get__(value) if isinstance(found, MemberDescriptorType) else found


def _pairs(value: Any) -> Iterator[tuple[object, object]]:  # noqa: ANN401 - whatever has keys()
    return ((key, value[key]) for key in value.keys())  # noqa: SIM118 - iterating may give the values


def _order(item: object, nested: int = 4) -> tuple[Any, ...]:
    """A sort key for the members of a set, of whatever types: numbers, strings, then the others."""
    kind = type(item)
    if kind is str:
        return 1, item
    if kind in {bool, int, float} and item == item:  # noqa: PLR0124 - NaN has no place among numbers
        return 0, item
    if nested and issubclass(kind, tuple | frozenset):
        parts = [_order(part, nested - 1) for part in cast("Iterable[object]", item)]
        return 2, sorted(parts) if issubclass(kind, frozenset) else parts
    return 3, _class_name(kind), _guarded(_described, item)


_BY_TYPE: tuple[tuple[Any, Callable[[Any], _Plain]], ...] = (
    ((bool, type(None)), lambda value: value),
    (Enum, lambda value: _converted(value._value_)),
    (str, str.__str__),
    (int, _integer),
    (float, _real),
    (dict, lambda value: _Entries(dict.items(value), dict.__len__(value), keyed=True)),
    ((bytes, bytearray, memoryview), _octets),
    (datetime, _moment),
    (date, date.isoformat),
    (time, lambda value: time.isoformat(value).replace("+00:00", "Z")),
    (timedelta, timedelta.total_seconds),
    (UUID, lambda value: f"{value.int:032x}"),
    (Decimal, lambda value: str(value) if value.is_finite() else None),
    (BaseException, _exception),
    (type, _qualified),
    (partial, lambda value: _converted(value.func)),
    ((io.IOBase, UserString), _described),
    ((set, frozenset), lambda value: _Entries(sorted(value, key=_order), len(value))),
)

_BY_METHODS: tuple[tuple[tuple[str, ...], Callable[[Any], _Plain]], ...] = (
    (("model_dump",), lambda value: _converted(value.model_dump())),
    (("__dataclass_fields__",), lambda value: _Entries(_dataclass_items(value), None, keyed=True)),
    (("keys", "__getitem__"), lambda value: _Entries(_pairs(value), None, keyed=True)),
    (("__iter__", "__next__"), lambda value: _Entries(value, None)),
    (("__iter__", "__len__"), lambda value: _Entries(value, len(value))),
)
