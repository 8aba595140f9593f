"""What a pattern can ask of one value: a small class for each kind of question.

A matcher is asked about a leaf, that is a JSON scalar: a string, a number, true, false or null. Types are
JSON's, so the number 1 is neither the string "1" nor true, while 5 and 5.0 are the same number.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tocsin.patterns import addresses, casing

type Leaf = None | bool | int | float | str


def is_number(value: object) -> bool:
    """Whether a value is a JSON number; Python's booleans are integers, JSON's are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Constant:
    """The leaf is true, false or null."""

    value: bool | None

    def matches(self, leaf: Leaf) -> bool:
        """Whether the leaf is this very constant: 1 is not true."""
        return leaf is self.value


@dataclass(frozen=True, slots=True)
class Equals:
    """The leaf is this string or number."""

    value: str | int | float

    def matches(self, leaf: Leaf) -> bool:
        """Whether the leaf has the same type and value; 5 and 5.0 are one number."""
        return leaf == self.value and not isinstance(leaf, bool)


@dataclass(frozen=True, slots=True)
class Prefix:
    """The leaf is a string that begins with `text`; with `any_case`, in whatever case."""

    text: str
    any_case: bool = False

    def matches(self, leaf: Leaf) -> bool:
        """Whether the leaf is a string with this beginning."""
        if not isinstance(leaf, str):
            return False
        return casing.starts_with(leaf, self.text) if self.any_case else leaf.startswith(self.text)


@dataclass(frozen=True, slots=True)
class Suffix:
    """The leaf is a string that ends with `text`; with `any_case`, in whatever case."""

    text: str
    any_case: bool = False

    def matches(self, leaf: Leaf) -> bool:
        """Whether the leaf is a string with this end."""
        if not isinstance(leaf, str):
            return False
        return casing.ends_with(leaf, self.text) if self.any_case else leaf.endswith(self.text)


@dataclass(frozen=True, slots=True)
class EqualsIgnoringCase:
    """The leaf is this string, in whatever case."""

    text: str

    def matches(self, leaf: Leaf) -> bool:
        """Whether the leaf is a string that differs from the text in case at most."""
        return isinstance(leaf, str) and casing.equal(leaf, self.text)


@dataclass(frozen=True, slots=True)
class Wildcard:
    """The leaf is a string made of `parts` in this order with anything, or nothing, between them.

    `parts` are the literal texts between the asterisks, escapes resolved: one more than there are
    asterisks, empty where the pattern begins or ends with one.
    """

    parts: tuple[str, ...]

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


@dataclass(frozen=True, slots=True)
class NumberRange:
    """The leaf is a number between `low` and `high`; a limit of None is none, an open one is not included."""

    low: int | float | None = None
    low_open: bool = False
    high: int | float | None = None
    high_open: bool = False

    def matches(self, leaf: Leaf) -> bool:
        """Whether the leaf is a number in the range."""
        if not isinstance(leaf, int | float) or isinstance(leaf, bool) or leaf != leaf:
            return False
        if self.low is not None and (leaf <= self.low if self.low_open else leaf < self.low):
            return False
        return self.high is None or (leaf < self.high if self.high_open else leaf <= self.high)


@dataclass(frozen=True, slots=True)
class AddressBlock:
    """The leaf is the text of an IP address in a block: of `version` 4 or 6, with the block's leading bits."""

    version: int
    leading: int
    length: int

    def matches(self, leaf: Leaf) -> bool:
        """Whether the leaf is a string that spells an address of the block."""
        if not isinstance(leaf, str):
            return False
        address = addresses.parse(leaf)
        if address is None or address.version != self.version:
            return False
        return address.number >> (address.bits - self.length) == self.leading


@dataclass(frozen=True, slots=True)
class Exists:
    """There is a leaf, whatever it is."""

    def matches(self, leaf: Leaf) -> bool:
        """True: the leaf is there."""
        return True


@dataclass(frozen=True, slots=True)
class Absent:
    """There is no leaf. No leaf matches this: who has the whole event must look that there is none."""

    def matches(self, leaf: Leaf) -> bool:
        """False: the leaf is there."""
        return False


@dataclass(frozen=True, slots=True)
class AnythingBut:
    """There is a leaf, of any type, and none of the `excluded` matchers matches it."""

    excluded: tuple[Matcher, ...] = field(default=())

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
