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
# So many texts are asked for one by one in less time than it takes to find which to ask for.
_SOME = 12


class ValueTable:
    """The matchers on one field by what they ask for; gives the positions of those that a leaf meets.

    AnythingBut and Absent have no place here: the one is the complement of such a table, the other is about
    there being no leaf. `always` are the positions that each leaf meets, as bits.
    """

    __slots__ = (
        "_blocks",
        "_constants",
        "_equal",
        "_folded",
        "_is_plain",
        "_memory",
        "_prefix_bits",
        "_prefixes",
        "_ranges",
        "_suffixes",
        "_wildcards",
        "always",
    )

    def __init__(self, matchers: Mapping[Matcher, list[int]], memory: Memory) -> None:
        self.always = 0
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
                    self.always = as_bits([tuple(positions)])
                case Constant(value=value):
                    self._constants[value] = packed(positions)
                case Equals(value=value) | Wildcard(parts=(value,)):
                    equal.setdefault(value, []).extend(positions)
                case EqualsIgnoringCase() | Prefix(any_case=True) | Suffix(any_case=True):
                    folded[matcher] = positions
                case Prefix(text=text) | Wildcard(parts=(text, "")):
                    prefixes.setdefault(text, []).extend(positions)
                case Suffix(text=text) | Wildcard(parts=("", text)):
                    suffixes.setdefault(text, []).extend(positions)
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
        self._suffixes = _SuffixTable(suffixes) if suffixes else None
        self._wildcards = _WildcardTable(wildcards) if wildcards else None
        self._folded = _FoldedTable(folded) if folded else None
        self._ranges = RangeTable(ranges) if ranges else None
        self._blocks = _BlockTable(blocks) if blocks else None
        self._is_plain = not (suffixes or wildcards or folded or blocks)

    def strings(self, value: str) -> int:
        """The positions of all matchers that this string meets, as bits."""
        bits = self.always
        equal = self._equal.get(value)
        if equal is not None:
            bits |= as_bits((equal,))
        if self._prefixes is not None:
            at = self._prefixes.longest(value)
            if at >= 0:
                joined = self._prefix_bits.get(at) or self._joined_prefixes(self._prefixes, at)
                bits = bits | joined if bits else joined
        if self._is_plain:
            return bits
        found: list[Positions] = []
        if self._suffixes is not None:
            self._suffixes.find(value, found)
        if self._blocks is not None:
            self._blocks.find(value, found)
        if self._folded is not None:
            found += _met(value, self._folded.find(value))
        if self._wildcards is not None:
            self._wildcards.find(value, found)
        return bits | as_bits(found) if found else bits

    def _joined_prefixes(self, prefixes: PrefixTable[Positions], at: int) -> int:
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
        return self.always | as_bits(found)

    def constants(self, value: bool | None) -> int:
        """The positions of all matchers that true, false or null meets, as bits."""
        return self.always | as_bits([self._constants.get(value, ())])


def _prefix_table(texts: Mapping[str, list[int]]) -> PrefixTable[Positions] | None:
    return PrefixTable({text: packed(positions) for text, positions in texts.items()}) if texts else None


def _table_of(suspects: Mapping[str, _Suspects]) -> PrefixTable[_Suspects] | None:
    there = {text: home for text, home in suspects.items() if home}
    return PrefixTable(there) if there else None


def _met(value: str, suspects: Iterable[_Suspects]) -> list[Positions]:
    return [positions for group in suspects for matcher, positions in group if matcher.matches(value)]


class PrefixTable[Group]:
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
        texts = self._texts
        at = bisect_right(texts, value) - 1
        if at < 0 or value.startswith(texts[at]):
            return at
        parents = self._parents
        while at >= 0 and not value.startswith(texts[at]):
            at = parents[at]
        return at

    def chain(self, at: int) -> Iterator[tuple[int, Group]]:
        """A text and all that it begins with, from the longest, each as its number and its group."""
        while at >= 0:
            yield at, self._groups[at]
            at = self._parents[at]

    def find(self, value: str) -> list[Group]:
        """The groups of all texts that the value begins with, from the longest."""
        at = self.longest(value)
        found = []
        while at >= 0:
            found.append(self._groups[at])
            at = self._parents[at]
        return found


class _SuffixTable:
    """Texts, each with positions, to find those that a value ends with."""

    __slots__ = ("_reversed", "_texts")

    def __init__(self, texts: Mapping[str, list[int]]) -> None:
        self._texts = {text: packed(positions) for text, positions in texts.items()} if len(texts) <= _SOME else {}
        self._reversed: PrefixTable[Positions] | None = None
        if len(texts) > _SOME:
            self._reversed = PrefixTable({text[::-1]: packed(positions) for text, positions in texts.items()})

    def find(self, value: str, found: list[Positions]) -> None:
        """Add to `found` the positions of all texts that the value ends with."""
        if self._reversed is not None:
            found += self._reversed.find(value[::-1])
            return
        for text, positions in self._texts.items():
            if value.endswith(text):
                found.append(positions)


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
                case _:  # an end
                    endings[key[::-1]].append(suspect)
        self._beginnings = PrefixTable(beginnings)
        self._endings = PrefixTable(endings)

    def find(self, value: str) -> list[_Suspects]:
        key = casing.fold(value)
        found = [*self._beginnings.find(key), *self._endings.find(key[::-1])]
        if key in self._whole:
            found.append(self._whole[key])
        return found


class _WildcardTable:
    """Wildcards, each by the first or last part, or by three characters of any, that fewest share with it.

    Of `*text*` and of `first*last` a few are asked one by one.
    """

    __slots__ = ("_any", "_around", "_beginnings", "_by_trigram", "_endings", "_within")

    def __init__(self, wildcards: Mapping[Wildcard, list[int]]) -> None:
        beginnings: defaultdict[str, _Suspects] = defaultdict(list)
        endings: defaultdict[str, _Suspects] = defaultdict(list)
        by_trigram: defaultdict[str, _Suspects] = defaultdict(list)
        self._any: _Suspects = []
        self._within: list[tuple[str, Positions]] = []
        self._around: list[tuple[str, str, Positions]] = []
        others = dict(wildcards)
        within = [wildcard for wildcard in wildcards if len(wildcard.parts) == 3 and not any(wildcard.parts[::2])]
        if len(within) <= _SOME:
            self._within = [(wildcard.parts[1], packed(others.pop(wildcard))) for wildcard in within]
        around = [wildcard for wildcard in wildcards if len(wildcard.parts) == 2]
        if len(around) <= _SOME:
            self._around = [(each.parts[0], each.parts[1], packed(others.pop(each))) for each in around]
        for wildcard, positions in others.items():
            first, last = wildcard.parts[0], wildcard.parts[-1][::-1]
            homes = [home for home in (first and beginnings[first], last and endings[last]) if home != ""]
            if all(len(home) >= _CROWD for home in homes):
                homes += [by_trigram[trigram] for trigram in _trigrams(wildcard.parts)]
            min(homes or [self._any], key=len).append((wildcard, packed(positions)))
        self._by_trigram = {key: home for key, home in by_trigram.items() if home}
        self._beginnings = _table_of(beginnings)
        self._endings = _table_of(endings)

    def find(self, value: str, found: list[Positions]) -> None:
        """Add to `found` the positions of all wildcards that the value meets."""
        for text, positions in self._within:
            if text in value:
                found.append(positions)
        for first, last, positions in self._around:
            if value.startswith(first) and value.endswith(last) and len(value) >= len(first) + len(last):
                found.append(positions)
        for wildcard, positions in self._any:
            if wildcard.matches(value):
                found.append(positions)
        if self._beginnings is not None:
            found += _met(value, self._beginnings.find(value))
        if self._endings is not None:
            found += _met(value, self._endings.find(value[::-1]))
        if self._by_trigram:
            found += _met(value, self._by_trigrams(value))

    def _by_trigrams(self, value: str) -> Iterable[_Suspects]:
        # A text has about as many trigrams as characters; where there are fewer to look for, look for them.
        if len(value) > 2 * len(self._by_trigram):
            return self._by_trigram.values()
        trigrams = {value[at : at + 3] for at in range(len(value) - 2)}
        return [self._by_trigram[trigram] for trigram in self._by_trigram.keys() & trigrams]


def _trigrams(parts: tuple[str, ...]) -> list[str]:
    return sorted({part[at : at + 3] for part in parts for at in range(len(part) - 2)})


class _BlockTable:
    """Address blocks by version, length and leading bits."""

    __slots__ = ("_by_version",)

    def __init__(self, blocks: Mapping[AddressBlock, list[int]]) -> None:
        by_length: dict[int, dict[int, dict[int, Positions]]] = {4: {}, 6: {}}
        for block, positions in blocks.items():
            by_length[block.version].setdefault(block.length, {})[block.leading] = packed(positions)
        self._by_version = {version: list(lengths.items()) for version, lengths in by_length.items()}

    def find(self, value: str, found: list[Positions]) -> None:
        """Add to `found` the positions of all blocks that hold the address that the value spells."""
        address = addresses.parse(value)
        if address is None:
            return
        version, number = address
        bits = 32 if version == 4 else 128
        for length, blocks in self._by_version[version]:
            positions = blocks.get(number >> (bits - length))
            if positions is not None:
                found.append(positions)
