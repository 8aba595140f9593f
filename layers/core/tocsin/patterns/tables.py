"""Finding the matchers that a value meets without asking each of them.

Exact values are found by dictionary, beginnings and ends by bisection, text in any case by its folded form,
number ranges in a tree of intervals and address blocks by their leading bits. Wildcards are found by a part
that they must have, and are then asked.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from tocsin.patterns import addresses, casing
from tocsin.patterns.intervals import RangeTable
from tocsin.patterns.matchers import (
    AddressBlock,
    Constant,
    Equals,
    EqualsIgnoringCase,
    Exists,
    Matcher,
    NumberRange,
    Prefix,
    Suffix,
    Wildcard,
)
from tocsin.patterns.memory import Memory, size_of
from tocsin.patterns.positions import Positions, as_bits, packed

type _AnyCase = EqualsIgnoringCase | Prefix | Suffix

# Matchers that a value may meet, each with its positions: they must be asked.
type _Suspects = list[tuple[Matcher, Positions]]

# Wildcards with the same first or last part are looked at together up to this many.
_CROWD = 16


class ValueTable:
    """The matchers on one field by what they ask for; gives the positions of those that a leaf meets.

    AnythingBut and Absent have no place here: the one is the complement of such a table, the other is about
    there being no leaf.
    """

    __slots__ = (
        "_always",
        "_blocks",
        "_constants",
        "_equal",
        "_folded",
        "_memory",
        "_prefix_bits",
        "_prefixes",
        "_ranges",
        "_suffixes",
        "_wildcards",
    )

    def __init__(self, matchers: Mapping[Matcher, list[int]], memory: Memory) -> None:
        self._always = 0
        self._memory = memory
        self._prefix_bits: dict[int, int] = {}
        self._constants: dict[bool | None, Positions] = {}
        equal: dict[str | int | float, list[int]] = {}
        prefixes: dict[str, list[int]] = {}
        suffixes: dict[str, list[int]] = {}
        wildcards: dict[Wildcard, list[int]] = {}
        folded: dict[_AnyCase, list[int]] = {}
        ranges: dict[NumberRange, list[int]] = {}
        blocks: dict[AddressBlock, list[int]] = {}
        for matcher, positions in matchers.items():
            match matcher:
                case Exists():
                    self._always = as_bits([tuple(positions)])
                case Constant(value=value):
                    self._constants[value] = packed(positions)
                case Equals(value=value) | Wildcard(parts=(value,)):
                    equal.setdefault(value, []).extend(positions)
                case EqualsIgnoringCase() | Prefix(any_case=True) | Suffix(any_case=True):
                    folded[matcher] = positions
                case Prefix(text=text) | Wildcard(parts=(text, "")):
                    prefixes.setdefault(text, []).extend(positions)
                case Suffix(text=text) | Wildcard(parts=("", text)):
                    suffixes.setdefault(text[::-1], []).extend(positions)
                case Wildcard():
                    wildcards[matcher] = positions
                case NumberRange():
                    ranges[matcher] = positions
                case AddressBlock():
                    blocks[matcher] = positions
                case _:  # pragma: no cover - the others are asked for by absence
                    raise TypeError(f"{type(matcher).__name__} is not found by value")
        self._equal = {value: packed(positions) for value, positions in equal.items()}
        # Most fields have few kinds of matchers, and what is not there costs a value one look.
        self._prefixes = _prefix_table(prefixes)
        self._suffixes = _prefix_table(suffixes)
        self._wildcards = _WildcardTable(wildcards) if wildcards else None
        self._folded = _FoldedTable(folded) if folded else None
        self._ranges = RangeTable(ranges) if ranges else None
        self._blocks = _BlockTable(blocks) if blocks else None

    def strings(self, value: str) -> int:
        """The positions of all matchers that this string meets, as bits."""
        found: list[Positions] = []
        equal = self._equal.get(value)
        if equal is not None:
            found.append(equal)
        if self._prefixes is not None:
            at = self._prefixes.longest(value)
            if at >= 0:
                found.append(self._prefix_bits.get(at) or self._joined_prefixes(self._prefixes, at))
        if self._suffixes is not None:
            found += self._suffixes.find(value[::-1])
        if self._blocks is not None:
            found += self._blocks.find(value)
        if self._folded is not None:
            found += _met(value, self._folded.find(value))
        if self._wildcards is not None:
            found += _met(value, self._wildcards.find(value))
        bits = as_bits(found) if found else 0
        return bits | self._always if self._always else bits

    def _joined_prefixes(self, prefixes: _PrefixTable[Positions], at: int) -> int:
        """The bits of one prefix and of all that it begins with: for many values the very same."""
        groups: list[Positions] = []
        for node, group in prefixes.chain(at):
            known = self._prefix_bits.get(node)
            if known is not None:
                groups.append(known)
                break
            groups.append(group)
        bits = as_bits(groups)
        self._memory.keep(self._prefix_bits, at, bits, 100 + size_of(bits))
        return bits

    def numbers(self, value: int | float) -> int:
        """The positions of all matchers that this number meets, as bits."""
        found = list(self._ranges.find(value)) if self._ranges else []
        equal = self._equal.get(value)
        if equal is not None:
            found.append(equal)
        return self._always | as_bits(found)

    def constants(self, value: bool | None) -> int:
        """The positions of all matchers that true, false or null meets, as bits."""
        return self._always | as_bits([self._constants.get(value, ())])


def _prefix_table(texts: Mapping[str, list[int]]) -> _PrefixTable[Positions] | None:
    return _PrefixTable({text: packed(positions) for text, positions in texts.items()}) if texts else None


def _met(value: str, suspects: Iterable[_Suspects]) -> list[Positions]:
    return [positions for group in suspects for matcher, positions in group if matcher.matches(value)]


class _PrefixTable[Group]:
    """Texts, each with a group, to find those that a value begins with.

    They are sorted, and each knows the longest other text that it begins with. Whatever a value begins with
    is on that chain from the last text that is not after the value.
    """

    __slots__ = ("_groups", "_parents", "_texts")

    def __init__(self, groups: Mapping[str, Group]) -> None:
        self._texts = sorted(groups)
        self._groups = [groups[text] for text in self._texts]
        self._parents: list[int] = []
        chain: list[int] = []
        for at, text in enumerate(self._texts):
            while chain and not text.startswith(self._texts[chain[-1]]):
                chain.pop()
            self._parents.append(chain[-1] if chain else -1)
            chain.append(at)

    def longest(self, value: str) -> int:
        """The number of the longest text that the value begins with, or -1."""
        texts, parents = self._texts, self._parents
        at = bisect_right(texts, value) - 1
        while at >= 0 and not value.startswith(texts[at]):
            at = parents[at]
        return at

    def chain(self, at: int) -> Iterator[tuple[int, Group]]:
        """A text and all that it begins with, from the longest, each as its number and its group."""
        while at >= 0:
            yield at, self._groups[at]
            at = self._parents[at]

    def find(self, value: str) -> Iterator[Group]:
        """The groups of all texts that the value begins with."""
        return (group for _, group in self.chain(self.longest(value)))


class _FoldedTable:
    """Matchers that take text in any case, by the folded form of their text."""

    __slots__ = ("_beginnings", "_endings", "_whole")

    def __init__(self, matchers: Mapping[_AnyCase, list[int]]) -> None:
        self._whole: defaultdict[str, _Suspects] = defaultdict(list)
        beginnings: defaultdict[str, _Suspects] = defaultdict(list)
        endings: defaultdict[str, _Suspects] = defaultdict(list)
        for matcher, positions in matchers.items():
            key = casing.fold(matcher.text)
            suspect = (matcher, packed(positions))
            match matcher:
                case EqualsIgnoringCase():
                    self._whole[key].append(suspect)
                case Prefix():
                    beginnings[key].append(suspect)
                case Suffix():
                    endings[key[::-1]].append(suspect)
        self._beginnings = _PrefixTable(beginnings)
        self._endings = _PrefixTable(endings)

    def find(self, value: str) -> list[_Suspects]:
        key = casing.fold(value)
        found = [*self._beginnings.find(key), *self._endings.find(key[::-1])]
        if key in self._whole:
            found.append(self._whole[key])
        return found


class _WildcardTable:
    """Wildcards, each by the first or last part, or by three characters of any, that fewest share with it."""

    __slots__ = ("_any", "_beginnings", "_by_trigram", "_endings")

    def __init__(self, wildcards: Mapping[Wildcard, list[int]]) -> None:
        beginnings: defaultdict[str, _Suspects] = defaultdict(list)
        endings: defaultdict[str, _Suspects] = defaultdict(list)
        self._by_trigram: defaultdict[str, _Suspects] = defaultdict(list)
        self._any: _Suspects = []
        for wildcard, positions in wildcards.items():
            first, last = wildcard.parts[0], wildcard.parts[-1][::-1]
            homes = [home for home in (first and beginnings[first], last and endings[last]) if home != ""]
            if all(len(home) >= _CROWD for home in homes):
                homes += [self._by_trigram[trigram] for trigram in _trigrams(wildcard.parts)]
            min(homes or [self._any], key=len).append((wildcard, packed(positions)))
        self._by_trigram = defaultdict(list, {key: home for key, home in self._by_trigram.items() if home})
        self._beginnings = _PrefixTable(beginnings)
        self._endings = _PrefixTable(endings)

    def find(self, value: str) -> Iterator[_Suspects]:
        yield self._any
        yield from self._beginnings.find(value)
        yield from self._endings.find(value[::-1])
        # A text has about as many trigrams as characters; where there are fewer to look for, look for them.
        if len(value) > 2 * len(self._by_trigram):
            yield from self._by_trigram.values()
        else:
            for trigram in {value[at : at + 3] for at in range(len(value) - 2)}:
                if trigram in self._by_trigram:
                    yield self._by_trigram[trigram]


def _trigrams(parts: tuple[str, ...]) -> list[str]:
    return sorted({part[at : at + 3] for part in parts for at in range(len(part) - 2)})


class _BlockTable:
    """Address blocks by version, length and leading bits."""

    __slots__ = ("_by_length",)

    def __init__(self, blocks: Mapping[AddressBlock, list[int]]) -> None:
        self._by_length: dict[tuple[int, int], dict[int, Positions]] = {}
        for block, positions in blocks.items():
            same_length = self._by_length.setdefault((block.version, block.length), {})
            same_length[block.leading] = packed(positions)

    def find(self, value: str) -> Iterator[Positions]:
        address = addresses.parse(value)
        if address is None:
            return
        for (version, length), blocks in self._by_length.items():
            if version == address.version:
                found = blocks.get(address.number >> (address.bits - length))
                if found is not None:
                    yield found
