"""Where the bits of conditions lie, and from bits to the rules that hold.

Most patterns ask for one exact value somewhere. Such an alternative is anchored: it is looked at only where
an event has that value. All alternatives with the same anchor make a run.

Alternatives with equally many conditions make a block. In it the bits of their first conditions lie side by
side, then those of the second ones, and so on, each such row a plane: an alternative holds when its bit is
set in every plane, which is one operation a plane for a whole run or block. A run lies together in each
plane, and its anchor needs no bit, except where arrays ask for one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple

from tocsin.patterns.definition import Alternative
from tocsin.patterns.matchers import Condition, Equals

# The most alternatives in a run; what more have one anchor make several.
_LONGEST_RUN = 128
# How many combinations of a run's alternatives are remembered with their names.
_REMEMBERED = 256

# The path and the value of an exact condition.
type Anchor = tuple[str, str | int | float]


class Run[Name: Hashable](dict[int, tuple[Name, ...]]):
    """Neighbours in a block with the same anchor: of those whose bits are set the names, as a dictionary.

    `mask` has a bit for each, `shifts` say where their bits begin in each plane but the anchor's, and
    `anchor_bits` are their bits in that.
    """

    __slots__ = ("_names", "anchor_bits", "mask", "shifts")

    def __init__(self, names: Sequence[Name], anchor_at: int, shifts: tuple[int, ...]) -> None:
        super().__init__()
        self._names = names
        self.mask = (1 << len(names)) - 1
        self.anchor_bits = self.mask << anchor_at
        self.shifts = shifts

    def __missing__(self, held: int) -> tuple[Name, ...]:
        names = tuple(self._names[at] for at in _ones(held))
        if len(self) >= _REMEMBERED:
            self.clear()
        self[held] = names
        return names


class Placed(NamedTuple):
    """A condition and where its bit is."""

    path: str
    condition: Condition
    position: int


class Block[Name: Hashable]:
    """Alternatives with equally many conditions. `planes` are where their bits begin in each plane.

    Of anchored ones the first plane is that of the anchors.
    """

    __slots__ = ("_alternatives", "_mask", "_names", "is_anchored", "planes")

    def __init__(
        self, members: Sequence[tuple[Name, Alternative]], planes: tuple[int, ...], *, is_anchored: bool
    ) -> None:
        self.is_anchored = is_anchored
        self.planes = planes
        self._names = [name for name, _ in members]
        self._alternatives = [alternative for _, alternative in members]
        self._mask = (1 << len(members)) - 1

    def conditions(self) -> Iterator[Placed]:
        """The conditions that have bits, without the anchors."""
        planes = self.planes[self.is_anchored :]
        for at, alternative in enumerate(self._alternatives):
            for plane, (path, condition) in zip(planes, alternative[self.is_anchored :], strict=True):
                yield Placed(path, condition, plane + at)

    def runs(self) -> Iterator[tuple[Anchor, Run[Name]]]:
        """The runs of an anchored block with their anchors."""
        start = 0
        for at in range(1, len(self._alternatives) + 1):
            anchor = _anchor(self._alternatives[start][0])
            if at < len(self._alternatives) and at - start < _LONGEST_RUN:
                if _anchor(self._alternatives[at][0]) == anchor:
                    continue
            shifts = tuple(plane + start for plane in self.planes[1:])
            yield anchor, Run(self._names[start:at], self.planes[0] + start, shifts)
            start = at

    def holding(self, bits: int) -> int:
        """The alternatives with their bits set in all planes, as bits from 0."""
        held = self._mask
        for plane in self.planes:
            held &= bits >> plane
        return held

    def with_one(self, bits: int) -> int:
        """The alternatives with their bit set in a plane or more."""
        one = 0
        for plane in self.planes:
            one |= bits >> plane & self._mask
        return one

    def with_two(self, bits: int) -> int:
        """The alternatives with their bits set in two planes or more."""
        one = two = 0
        for plane in self.planes:
            row = bits >> plane & self._mask
            two |= one & row
            one |= row
        return two

    def names(self, held: int) -> Iterator[Name]:
        """The names of alternatives."""
        return (self._names[at] for at in _ones(held))

    def placed(self, held: int) -> Iterator[tuple[int, list[Placed]]]:
        """For each of some alternatives: its bit, and its conditions in the order of their paths."""
        for at in _ones(held):
            placed = zip(self._alternatives[at], self.planes, strict=True)
            yield 1 << at, sorted(Placed(path, condition, plane + at) for (path, condition), plane in placed)


def _ones(bits: int) -> Iterator[int]:
    """The positions of the bits that are set, from the highest."""
    while bits:
        at = bits.bit_length() - 1
        yield at
        bits ^= 1 << at


def arrange[Name: Hashable](
    alternatives: Iterable[tuple[Name, Alternative]],
) -> tuple[list[Block[Name]], int]:
    """Blocks for all alternatives, each given with its name; and how many bits they take together."""
    given = list(alternatives)
    common = Counter(_anchor(item) for _, alternative in given for item in alternative if _is_exact(item))
    groups: dict[tuple[bool, int], list[tuple[Name, Alternative]]] = {}
    for name, alternative in given:
        exact = [item for item in alternative if _is_exact(item)]
        if exact:
            # The anchor that is shared with the fewest others.
            anchor = min(exact, key=lambda item: common[_anchor(item)])
            rest = (item for item in alternative if item is not anchor)
            alternative = (anchor, *rest)
        groups.setdefault((bool(exact), len(alternative)), []).append((name, alternative))
    blocks = []
    width = 0
    # Anchors lie above all else, as their bits are seldom needed.
    anchors = sum(len(members) * (size - is_anchored) for (is_anchored, size), members in groups.items())
    for (is_anchored, size), members in sorted(groups.items(), key=lambda group: group[0]):
        members.sort(key=_neighbourhood)
        starts = [width + len(members) * plane for plane in range(size - is_anchored)]
        width += len(members) * len(starts)
        if is_anchored:
            starts.insert(0, anchors)
            anchors += len(members)
        blocks.append(Block(members, tuple(starts), is_anchored=is_anchored))
    return blocks, anchors


def _is_exact(item: tuple[str, Condition]) -> bool:
    return len(item[1]) == 1 and isinstance(item[1][0], Equals)


def _anchor(item: tuple[str, Condition]) -> Anchor:
    path, (matcher, *_) = item
    if not isinstance(matcher, Equals):
        raise TypeError(f"the condition on {path} is not an anchor")
    return path, matcher.value


def _neighbourhood[Name](member: tuple[Name, Alternative]) -> list[tuple[str, str]]:
    """So that alternatives that hold together lie together: the same combinations of them come again."""
    return [(path, repr(condition)) for path, condition in member[1]]
