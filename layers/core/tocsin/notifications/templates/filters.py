"""The filters that a customer's template has: each ends soon, and makes nothing long (see `custom`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from jinja2 import Undefined
from jinja2.utils import htmlsafe_json_dumps, url_quote
from markupsafe import Markup

from tocsin.notifications.templates.budget import MAX_TEXT, TemplateRejected, bounded, refuse_long, spend, spend_for
from tocsin.notifications.text import cut

type Filter = Callable[..., object]

_ENTRIES_A_UNIT = 16


def shown(value: object) -> object:
    """What `{{ value }}` puts out: nothing for null, JSON for objects and lists."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case dict() | list() | tuple():
            return bounded(json.dumps(value, ensure_ascii=False))
        case str():
            spend_for(value)
            return value
        case int() | float() | Undefined():
            return value
    raise TemplateRejected(f"a {type(value).__name__.lower()} can't be shown")


def _text(value: object) -> str:
    """What filters and `~` take as text: also numbers, booleans and null."""
    taken = _expected(value, "text", str, int, float, type(None))
    return str(shown(taken))


def _expected[T](value: object, words: str, *types: type[T]) -> T:
    """`value`, if it is one of `types`. Raises TemplateRejected with `words`, or names what is undefined."""
    if isinstance(value, types):
        return value
    if isinstance(value, Undefined):
        str(value)  # a StrictUndefined raises UndefinedError, which says what is missing
    raise TemplateRejected(f"{words} is expected here, not {type(value).__name__.lower()}")


def turns(values: object, work: int) -> Iterator[object]:
    """The turns of a loop over a list, `work` units each."""
    for value in _expected(values, "a list (of an object: | items)", list, tuple):
        spend(work)
        yield value


def weighed(value: object) -> object:
    """`value`, counted with all that is in it: what a comparison may have to look through.

    It is counted while it is walked, so a value larger than the budget is given up where the budget ends.
    """
    waiting: list[object] = [value]
    while waiting:
        item = waiting.pop()
        match item:
            case str():
                spend_for(item)
            case dict():
                spend(1 + len(item))
                waiting.extend(item.keys())
                waiting.extend(item.values())
            case list() | tuple():
                spend(1 + len(item))
                waiting.extend(item)
    return value


def copied(value: object) -> object:
    """A text or a list, counted by its length: what a slice of it may have to copy."""
    values = _expected(value, "text or a list", str, list, tuple)
    spend_for(values)
    return values


def joined(values: tuple[object, ...]) -> str:
    """What `~` makes."""
    return _join(values, "")


def _join(values: object, d: object = "") -> str:
    items = _expected(values, "a list", list, tuple)
    spend(len(items))
    texts, between = [_text(value) for value in items], _text(d)
    refuse_long(sum(map(len, texts)) + len(between) * max(len(texts) - 1, 0))
    return bounded(between.join(texts))


def _replace(value: object, old: object, new: object) -> str:
    text, gone, put = _text(value), _text(old), _text(new)
    if not gone:
        raise TemplateRejected("replace needs something to replace")
    refuse_long(len(text) + text.count(gone) * (len(put) - len(gone)))
    return bounded(text.replace(gone, put))


def _truncate(value: object, length: object = 255) -> str:
    if isinstance(length, bool) or not isinstance(length, int) or not 1 <= length <= MAX_TEXT:
        raise TemplateRejected(f"truncate takes a length of 1 to {MAX_TEXT}")
    return bounded(cut(_text(value), length))


def _default(value: object, default_value: object = "", boolean: object = False) -> object:
    return default_value if isinstance(value, Undefined) or (boolean and not value) else value


def _length(value: object) -> int:
    return len(_expected(value, "text, a list or an object", str, list, tuple, dict))


def _items(value: object) -> list[tuple[object, object]]:
    entries = _expected(value, "an object", dict)
    spend(len(entries) // _ENTRIES_A_UNIT)
    return bounded(list(entries.items()))


def _dictsort(value: object) -> list[tuple[object, object]]:
    entries = _items(value)
    for name, _ in entries:
        spend_for(str(name))
    return sorted(entries, key=lambda item: str(item[0]).lower())


def _end(position: int) -> Filter:
    def end(value: object) -> object:
        values = _expected(value, "text or a list", str, list, tuple)
        return values[position] if values else ""

    return end


def _tojson(value: object) -> Markup:
    return bounded(htmlsafe_json_dumps(value))


def _urlencode(value: object) -> str:
    return bounded(url_quote(_text(value)))


def _of_text(change: Callable[[str], str]) -> Filter:
    return lambda value: bounded(change(_text(value)))


FILTERS: dict[str, Filter] = {
    "default": _default,
    "dictsort": _dictsort,
    "escape": lambda value: value if isinstance(value, Markup) else bounded(Markup.escape(_text(value))),
    "first": _end(0),
    "items": _items,
    "join": _join,
    "last": _end(-1),
    "length": _length,
    "lower": _of_text(str.lower),
    "replace": _replace,
    "title": _of_text(str.title),
    "tojson": _tojson,
    "trim": _of_text(str.strip),
    "truncate": _truncate,
    "upper": _of_text(str.upper),
    "urlencode": _urlencode,
}
"""By the names that templates call them."""
FILTERS |= {"d": FILTERS["default"], "e": FILTERS["escape"], "count": FILTERS["length"]}
