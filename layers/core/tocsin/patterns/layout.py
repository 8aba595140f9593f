"""Where the bits of conditions lie, and from bits to the names of the patterns that hold.

Most patterns ask for one of a few exact values somewhere. Such an alternative is anchored to each of them:
it is looked at only where an event has one, which makes up for that condition's bit. Alternatives with the
same anchor make a run. Where there are few alternatives in all, none is anchored: to decide them all takes less than
to tell which.

Alternatives with equally many other conditions make a block. In it the bits of their first conditions lie
side by side, then those of the second ones, and so on, each such row a plane: an alternative holds when its
bit is set in every plane, which is one operation a plane for a whole run or block.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import chain, compress
from operator import getitem
from struct import Struct
from sys import getsizeof
from typing import NamedTuple

from tocsin.patterns.definition import Alternative
from tocsin.patterns.matchers import Condition, Equals
from tocsin.patterns.memory import Memory

# So few alternatives in all are not anchored.
_ALL_AT_ONCE = 128
# The most alternatives in a run; where more have one anchor they make several.
_LONGEST_RUN = 128
# A condition with more exact values than this is no anchor, as it would stand in as many runs.
_MOST_ANCHORS = 8
# The alternatives whose names are remembered together where there is no run.
_WORD = 64
# A run of no more alternatives is short.
_SHORT = 2
# So few names are found bit by bit.
_FEW = 6
# What remembered names take in their dictionary.
_PLACE = 110

# A path and a value that a leaf of it must have.
type Anchor = tuple[str, str | int | float]


class Placed(NamedTuple):
    """A condition, its path and where its bit is. An anchor has no bit, and stands as None."""

    path: str
    condition: Condition | None
    position: int


class Member[Name: Hashable](NamedTuple):
    """An alternative: its name, its anchor if it has one, and its other conditions."""

    name: Name
    anchor: Anchor | None
    conditions: Alternative


class Rows[Name: Hashable]:
    """Neighbouring alternatives. `mask` has a bit for each, `planes` are where their bits begin in each."""

    __slots__ = ("mask", "members", "planes")

    def __init__(self, members: Sequence[Member[Name]], planes: Sequence[int]) -> None:
        self.members = members
        self.mask = (1 << len(members)) - 1
        self.planes = planes

    def holding(self, bits: int) -> int:
        """The alternatives with their bits set in all planes, as bits from 0."""
        held = self.mask
        for plane in self.planes:
            held &= bits >> plane
        return held

    def doubtful(self, bits: int, dependent: int, absence: int, *, by_anchor: bool) -> int:
        """Of the alternatives that hold those with two conditions among the `dependent`, or one by absence.

        `by_anchor` says that their anchor is a dependent condition too.
        """
        one = self.mask if by_anchor else 0
        two = 0
        for plane in self.planes:
            row = dependent >> plane & self.mask
            two |= row & (one | absence >> plane)
            one |= row
        return two and two & self.holding(bits)

    def conditions(self, at: int) -> list[Placed]:
        """The conditions of the alternative with this bit, the anchor included, in the order of their paths."""
        _, anchor, conditions = self.members[at]
        placed = [
            Placed(path, condition, plane + at)
            for plane, (path, condition) in zip(self.planes, conditions, strict=False)
        ]
        if anchor is not None:
            placed.append(Placed(anchor[0], None, -1))
        return sorted(placed, key=lambda condition: condition.path)


class Names[Name: Hashable](dict[int, tuple[Name, ...]]):
    """The names of neighbouring alternatives: as a dictionary, those whose bits are set."""

    __slots__ = ("_memory", "_names")

    def __init__(self, names: Sequence[Name], memory: Memory) -> None:
        super().__init__()
        self._names = names
        self._memory = memory

    def __missing__(self, held: int) -> tuple[Name, ...]:
        names = tuple([self._names[at] for at in ones(held)])
        self._memory.keep(self, held, names, _PLACE + getsizeof(held) + getsizeof(names))
        return names


# What a walk through an event takes along of a run: where the bits of its alternatives begin in the first
# plane, the mask of them, where they begin in further planes, the names by which are held, and its rows. A
# plain tuple, as taking it apart is much of what deciding costs.
type Run[Name: Hashable] = tuple[int, int, Sequence[int], Names[Name] | tuple[tuple[Name, ...], ...], Rows[Name]]


class Block[Name: Hashable]:
    """Alternatives with equally many conditions and without anchors."""

    __slots__ = ("_struct", "_words", "rows")

    def __init__(self, members: Sequence[Member[Name]], planes: Sequence[int], memory: Memory) -> None:
        self.rows = Rows(members, planes)
        names = [member.name for member in members]
        self._words = [Names(names[at : at + _WORD], memory) for at in range(0, len(names), _WORD)]
        self._struct = Struct(f"<{len(self._words)}Q")

    def names(self, held: int) -> Iterable[Name]:
        """The names of these alternatives of its rows, given as bits from 0."""
        if held.bit_count() <= _FEW:
            return [self.rows.members[at].name for at in ones(held)]
        words = self._struct.unpack(held.to_bytes(self._struct.size, "little"))
        return chain.from_iterable(map(getitem, compress(self._words, words), filter(None, words)))


class Layout[Name: Hashable]:
    """Where all bits are.

    `width` is how many bits there are, of which those in `given` are always set: they stand in for the
    conditions of what has none but its anchor. `runs` come with their anchors; what has none is in the
    `unanchored` runs, and in `blocks` where it is more than a run takes.
    """

    __slots__ = ("blocks", "given", "runs", "unanchored", "width")

    def __init__(self, alternatives: Iterable[tuple[Name, Alternative]], memory: Memory) -> None:
        self.given = 0
        self.width = 0
        self.runs: list[tuple[Anchor, Run[Name]]] = []
        self.unanchored: list[Run[Name]] = []
        self.blocks: list[Block[Name]] = []
        members = _members(list(alternatives))
        common = Counter(member.anchor for member in members)
        groups: dict[tuple[bool, int], list[Member[Name]]] = {}
        for member in members:
            groups.setdefault((member.anchor is not None, len(member.conditions)), []).append(member)
        for (is_anchored, size), group in sorted(groups.items(), key=lambda item: item[0]):
            # Where alternatives that hold together lie together, the same combinations come again; and what
            # is asked for most is quickest to get at where it lies high.
            group.sort(key=lambda member: (common[member.anchor], _neighbourhood(member)))
            planes = [self.width + len(group) * plane for plane in range(size or 1)]
            self.width += len(group) * len(planes)
            if not size:
                self.given |= (1 << len(group)) - 1 << planes[0]
            if is_anchored:
                self.runs += _runs(group, planes, memory)
            elif len(group) <= _LONGEST_RUN:
                self.unanchored.append(_run(group, planes, memory))
            else:
                self.blocks.append(Block(group, planes, memory))

    def conditions(self) -> Iterator[tuple[str, Condition, int]]:
        """All conditions that have bits: their paths, themselves and their positions."""
        rows = [rows for *_, rows in chain(self.unanchored, (run for _, run in self.runs))]
        rows += [block.rows for block in self.blocks]
        for row in rows:
            for at, member in enumerate(row.members):
                for plane, (path, condition) in zip(row.planes, member.conditions, strict=False):
                    yield path, condition, plane + at


def ones(bits: int) -> list[int]:
    """The positions of the bits that are set, from the highest."""
    found = []
    while bits:
        at = bits.bit_length() - 1
        found.append(at)
        bits ^= 1 << at
    return found


def _members[Name: Hashable](alternatives: Sequence[tuple[Name, Alternative]]) -> list[Member[Name]]:
    """The alternatives, each for each of its anchors: the values that it shares with the fewest others."""
    if len(alternatives) <= _ALL_AT_ONCE:
        return [Member(name, None, alternative) for name, alternative in alternatives]
    common = Counter(
        anchor
        for _, alternative in alternatives
        for path, condition in alternative
        for anchor in _anchors(path, condition)
    )
    members: list[Member[Name]] = []
    for name, alternative in alternatives:
        choices = [(item, anchors) for item in alternative if (anchors := _anchors(*item))]
        if choices:
            best, anchors = min(choices, key=lambda choice: sum(common[anchor] for anchor in choice[1]))
            others = tuple(item for item in alternative if item is not best)
            members += [Member(name, anchor, others) for anchor in anchors]
        else:
            members.append(Member(name, None, alternative))
    return members


def _anchors(path: str, condition: Condition) -> list[Anchor]:
    if len(condition) > _MOST_ANCHORS:
        return []
    values = [matcher.value for matcher in condition if isinstance(matcher, Equals)]
    return [(path, value) for value in values] if len(values) == len(condition) else []


def _neighbourhood[Name: Hashable](member: Member[Name]) -> tuple[str, list[tuple[str, str]]]:
    return repr(member.anchor), [(path, repr(condition)) for path, condition in member.conditions]


def _runs[Name: Hashable](
    group: Sequence[Member[Name]], planes: Sequence[int], memory: Memory
) -> Iterator[tuple[Anchor, Run[Name]]]:
    """The runs of a sorted group whose bits begin at `planes`."""
    start = 0
    for at in range(1, len(group) + 1):
        anchor = group[start].anchor
        is_end = at == len(group) or at - start == _LONGEST_RUN or group[at].anchor != anchor
        if anchor is not None and is_end:
            yield anchor, _run(group[start:at], [plane + start for plane in planes], memory)
            start = at


def _run[Name: Hashable](members: Sequence[Member[Name]], planes: Sequence[int], memory: Memory) -> Run[Name]:
    """A run of neighbouring alternatives whose bits begin at `planes`."""
    rows = Rows(members, planes)
    names = [member.name for member in members]
    # Most runs are short, and have so few combinations that all can stand in a tuple.
    named = tuple(_combinations(names)) if len(names) <= _SHORT else Names(names, memory)
    return rows.planes[0], rows.mask, tuple(rows.planes[1:]), named, rows


def _combinations[Name](names: Sequence[Name]) -> Iterator[tuple[Name, ...]]:
    """The names of all sets of bits, in their order as numbers."""
    for held in range(1 << len(names)):
        yield tuple(names[at] for at in ones(held))
