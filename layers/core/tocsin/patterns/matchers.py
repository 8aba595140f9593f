"""What a pattern can ask of one value: a small class for each kind of question.

A matcher is asked about a leaf, that is a JSON scalar: a string, a number, true, false or null. Types are
JSON's, so the number 1 is neither the string "1" nor true, while 5 and 5.0 are the same number.

Matchers of one class with the same attributes are equal. They are not dataclasses, as importing those takes
longer than importing this package.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tocsin.patterns import addresses, casing

type Leaf = bool | int | float | str | None


def is_number(value: object) -> bool:
    """Whether a value is a JSON number; Python's booleans are integers, JSON's are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


class _Question:
    """Equal by class and attributes, so that the same question is looked up once for all who ask it."""

    __slots__: tuple[str, ...] = ()

    def _attributes(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._attributes() == self._attributes()

    def __hash__(self) -> int:
        return hash((type(self), self._attributes()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}{self._attributes()!r}"


class Constant(_Question):
    """The leaf is true, false or null."""

    __slots__ = ("value",)

    def __init__(self, value: bool | None) -> None:
        self.value = value

    def matches(self, leaf: Leaf) -> bool:
        """Whether the leaf is this very constant: 1 is not true."""
        return leaf is self.value


class Equals(_Question):
    """The leaf is this string or number."""

    __slots__ = ("value",)

    def __init__(self, value: str | int | float) -> None:
        self.value = value

    def matches(self, leaf: Leaf) -> bool:
        """Whether the leaf has the same type and value; 5 and 5.0 are one number."""
        return leaf == self.value and not isinstance(leaf, bool)


class Prefix(_Question):
    """The leaf is a string that begins with `text`; with `any_case`, in whatever case."""

    __slots__ = ("any_case", "text")

    def __init__(self, text: str, *, any_case: bool = False) -> None:
        self.text = text
        self.any_case = any_case

    def matches(self, leaf: Leaf) -> bool:
        """Whether the leaf is a string with this beginning."""
        if not isinstance(leaf, str):
            return False
        return casing.starts_with(leaf, self.text) if self.any_case else leaf.startswith(self.text)


class Suffix(_Question):
    """The leaf is a string that ends with `text`; with `any_case`, in whatever case."""

    __slots__ = ("any_case", "text")

    def __init__(self, text: str, *, any_case: bool = False) -> None:
        self.text = text
        self.any_case = any_case

    def matches(self, leaf: Leaf) -> bool:
        """Whether the leaf is a string with this end."""
        if not isinstance(leaf, str):
            return False
        return casing.ends_with(leaf, self.text) if self.any_case else leaf.endswith(self.text)


class EqualsIgnoringCase(_Question):
    """The leaf is this string, in whatever case."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def matches(self, leaf: Leaf) -> bool:
        """Whether the leaf is a string that differs from the text in case at most."""
        return isinstance(leaf, str) and casing.equal(leaf, self.text)


class Wildcard(_Question):
    """The leaf is a string made of `parts` in this order with anything, or nothing, between them.

    `parts` are the literal texts between the asterisks, escapes resolved: one more than there are
    asterisks, empty where the pattern begins or ends with one.
    """

    __slots__ = ("parts",)

    def __init__(self, parts: tuple[str, ...]) -> None:
        self.parts = parts

    def matches(self, leaf: Leaf) -> bool:
        """Whether the leaf is such a string.

        Each inner part is looked for at the first place after the one before it, which is enough for a
        pattern of this kind and takes one pass, where a regular expression would backtrack.
        """
        if not isinstance(leaf, str):
            return False
        first, last = self.parts[0], self.parts[-1]
        if len(self.parts) == 1:
            return leaf == first
        at, end = len(first), len(leaf) - len(last)
        if at > end or not leaf.startswith(first) or not leaf.endswith(last):
            return False
        for part in self.parts[1:-1]:
            at = leaf.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return True


class NumberRange(_Question):
    """The leaf is a number between `low` and `high`; a limit of None is none, an open one is not included."""

    __slots__ = ("high", "high_open", "low", "low_open")

    def __init__(
        self,
        low: int | float | None = None,
        high: int | float | None = None,
        *,
        low_open: bool = False,
        high_open: bool = False,
    ) -> None:
        self.low = low
        self.high = high
        self.low_open = low_open
        self.high_open = high_open

    def matches(self, leaf: Leaf) -> bool:
        """Whether the leaf is a number in the range; NaN, which JSON does not have, is in none."""
        if not isinstance(leaf, int | float) or isinstance(leaf, bool):
            return False
        if self.low is not None and not (leaf > self.low if self.low_open else leaf >= self.low):
            return False
        return self.high is None or (leaf < self.high if self.high_open else leaf <= self.high)


class AddressBlock(_Question):
    """The leaf is the text of an IP address of `version` 4 or 6 whose first `length` bits are `leading`."""

    __slots__ = ("leading", "length", "version")

    def __init__(self, version: int, leading: int, length: int) -> None:
        self.version = version
        self.leading = leading
        self.length = length

    def matches(self, leaf: Leaf) -> bool:
        """Whether the leaf is a string that spells an address of the block."""
        if not isinstance(leaf, str):
            return False
        address = addresses.parse(leaf)
        if address is None or address.version != self.version:
            return False
        return address.number >> (address.bits - self.length) == self.leading


class Exists(_Question):
    """There is a leaf, whatever it is."""

    __slots__ = ()

    def matches(self, leaf: Leaf) -> bool:
        """True: the leaf is there."""
        return True


class Absent(_Question):
    """There is no leaf. No leaf matches this: who has the whole event must look that there is none."""

    __slots__ = ()

    def matches(self, leaf: Leaf) -> bool:
        """False: the leaf is there."""
        return False


class AnythingBut(_Question):
    """There is a leaf, of any type, and none of the `excluded` matchers matches it."""

    __slots__ = ("excluded",)

    def __init__(self, excluded: tuple[Matcher, ...]) -> None:
        self.excluded = excluded

    def matches(self, leaf: Leaf) -> bool:
        """Whether the leaf is none of what is excluded."""
        return not any(matcher.matches(leaf) for matcher in self.excluded)


type Matcher = (
    Constant
    | Equals
    | Prefix
    | Suffix
    | EqualsIgnoringCase
    | Wildcard
    | NumberRange
    | AddressBlock
    | Exists
    | Absent
    | AnythingBut
)

# What a pattern asks of one field: it holds when one of the matchers does.
type Condition = tuple[Matcher, ...]


_MOST_CLUES = 12
"""More beginnings, or ends, take longer to try one by one than to look up."""


class Clues(NamedTuple):
    """A string that meets one of the matchers is one of `texts`, or begins or ends with one of the others.

    Where they are `enough`, strings that are none of `texts` meet the same if they begin and end with the same of them.
    """

    texts: frozenset[str]
    beginnings: tuple[str, ...]
    ends: tuple[str, ...]
    enough: bool


def clues_of(matchers: Iterable[Matcher]) -> Clues | None:
    """The clues to those that ask more of a string than that it is there; None where there are others, or many."""
    texts: set[str] = set()
    beginnings: set[str] = set()
    ends: set[str] = set()
    enough = True
    for matcher in matchers:
        match matcher:
            case Equals(value=str(text)) | Wildcard(parts=(text,)):
                texts.add(text)
            case Prefix(text=text, any_case=False):
                beginnings.add(text)
            case Suffix(text=text, any_case=False):
                ends.add(text)
            case Wildcard(parts=(first, *rest)) if first:
                beginnings.add(first)
                enough = enough and rest == [""]
            case Wildcard(parts=(*rest, last)) if last:
                ends.add(last)
                enough = enough and rest == [""]
            case Equals() | Constant() | NumberRange() | Exists() | Absent():
                pass
            case _:
                return None
    if len(beginnings) > _MOST_CLUES or len(ends) > _MOST_CLUES:
        return None
    return Clues(frozenset(texts), tuple(beginnings), tuple(ends), enough)
