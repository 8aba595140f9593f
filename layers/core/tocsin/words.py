"""Words that somebody looks for: in events, and in the entries of each list.

All of them must stand somewhere in a thing's texts, in any order and any case. Texts are compared as Unicode's
compatibility form without case (NFKC, case-folded), so that a word is found however it was typed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence

from tocsin.errors import Invalid, Violation
from tocsin.types import Json, JsonObject, Page

MAX_SEARCH = 500
"""Characters of a search."""
MAX_WORDS = 10

AT_ONCE = 1_000
"""Entries that a search reads at a time."""
MOST_LOOKED_AT = 5_000
"""Entries that one request looks at; the page's `last` leads on."""

type Words = tuple[str, ...]


def parse_words(given: str | None) -> Words:
    """Return the words of a search; none for None. Invalid for a search that is empty or too long."""
    if given is None:
        return ()
    if len(given) > MAX_SEARCH:
        raise Invalid([Violation("search", f"has {len(given):,} characters; at most {MAX_SEARCH} are taken")])
    words = tuple(folded(given).split())
    if not words:
        raise Invalid([Violation("search", "is empty; leave it out where it should not matter")])
    if len(words) > MAX_WORDS:
        raise Invalid([Violation("search", f"has {len(words)} words; at most {MAX_WORDS} are looked for")])
    return words


def folded(text: str) -> str:
    """Return `text` as it is compared."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def has_words(texts: Iterable[str], words: Words) -> bool:
    """Whether each of `words` stands in one of `texts`."""
    whole = folded("\n".join(texts))
    return all(word in whole for word in words)


def texts_of(*values: Json, with_names: bool = False) -> Iterator[str]:
    """Yield each value inside `values` as a text; names of members, too, if asked for."""
    stack: list[Json] = [*values]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack.extend(value.values())
            if with_names:
                yield from value
        elif isinstance(value, list):
            stack.extend(value)
        elif value is not None:
            yield str(value)


def page_with(
    words: Words,
    read: Callable[[str | None, int], Page[JsonObject]],
    *,
    key: Callable[[JsonObject], str],
    fields: Sequence[str] | None = None,
    after: str | None,
    limit: int,
) -> Page[JsonObject]:
    """Return the next `limit` entries that have all of `words` in `fields` of theirs, or anywhere in them.

    `read(after, limit)` gives a page of the list, `key` an entry's own place in it. A page has fewer entries than
    `limit`, or none, where MOST_LOOKED_AT were looked at: its `last` leads on.
    """
    if not words:
        return read(after, limit)
    found: list[JsonObject] = []
    for _ in range(MOST_LOOKED_AT // AT_ONCE):
        page = read(after, AT_ONCE)
        for position, entry in enumerate(page.items, 1):
            shown = [entry] if fields is None else [entry.get(name) for name in fields]
            if has_words(texts_of(*shown), words):
                found.append(entry)
                if len(found) == limit:
                    more = position < len(page.items) or page.last is not None
                    return Page(tuple(found), key(entry) if more else None)
        after = page.last
        if after is None:
            break
    return Page(tuple(found), after)
