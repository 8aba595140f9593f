"""What can be seen at once of a string that meets none of some matchers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tocsin.patterns.matchers import Absent, Constant, Equals, Exists, Matcher, NumberRange, Prefix, Suffix, Wildcard

_MOST = 12
"""More beginnings, or ends, take longer to try one by one than to look up."""


class Clues(NamedTuple):
    """A string that meets one of the matchers is one of `texts`, or begins or ends with one of the others."""

    texts: frozenset[str]
    beginnings: tuple[str, ...]
    ends: tuple[str, ...]


def clues_of(matchers: Iterable[Matcher]) -> Clues | None:
    """The clues to those that ask more of a string than that it is there; None where there are others, or many."""
    texts: set[str] = set()
    beginnings: set[str] = set()
    ends: set[str] = set()
    for matcher in matchers:
        match matcher:
            case Equals(value=str(text)) | Wildcard(parts=(text,)):
                texts.add(text)
            case Prefix(text=text, any_case=False):
                beginnings.add(text)
            case Suffix(text=text, any_case=False):
                ends.add(text)
            case Wildcard(parts=(first, *_)) if first:
                beginnings.add(first)
            case Wildcard(parts=(*_, last)) if last:
                ends.add(last)
            case Equals() | Constant() | NumberRange() | Exists() | Absent():
                pass
            case _:
                return None
    if len(beginnings) > _MOST or len(ends) > _MOST:
        return None
    return Clues(frozenset(texts), tuple(beginnings), tuple(ends))
