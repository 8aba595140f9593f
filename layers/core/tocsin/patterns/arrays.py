"""What absence and arrays make of the bits that the values of an event have set."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import count
from typing import NamedTuple

from tocsin.patterns.fields import Field
from tocsin.patterns.layout import Layout, Placed, Rows, Run, ones
from tocsin.patterns.leaves import NOWHERE, Places, Step, consistent
from tocsin.types import Json, JsonObject

# A field, and the several objects and arrays in an array that stands there.
type Inside[Name: Hashable] = tuple[Field[Name], list[JsonObject | list[Json]]]


class _Leaf[Name: Hashable](NamedTuple):
    """What a leaf in an array meets, and in which elements it lies."""

    bits: int
    runs: tuple[Run[Name], ...]
    places: Places

    def anchors(self, rows: Rows[Name]) -> bool:
        """Whether the leaf is the anchor of these rows."""
        return any(own is rows for *_, own in self.runs)


class Settlement[Name: Hashable]:
    """Settles what the bits of single conditions leave open.

    `fields` are by path, and `absence` has the bits of all conditions that the absence of a leaf meets.
    """

    __slots__ = ("_absence", "_fields", "_layout")

    def __init__(self, layout: Layout[Name], fields: Mapping[str, Field[Name]], absence: int) -> None:
        self._layout = layout
        self._fields = fields
        self._absence = absence

    def settle(self, met: int, anchored: list[Run[Name]], arrays: Sequence[Inside[Name]]) -> int:
        """The bits with those for what is absent and for what is met in arrays.

        `met` and `anchored` are what the leaves meet that lie in no array, or in one with nothing but
        themselves. `anchored` gets the runs that are anchored in the arrays.

        First all alternatives are allowed that can hold, by leaves anywhere. Those are certain that depend
        on the arrays for one condition at most, and that not by absence, which may be so in some elements
        and not in others. The others are looked at one by one, and lose a bit where they do not hold.
        """
        # Absence meets what asks for it, unless there was a leaf, which left its mark above all other bits.
        possible = met | self._absence & ~(met >> self._layout.width)
        if not arrays:
            return possible
        leaves = _leaves_within(arrays, every=bool(self._absence))
        claims = 0
        inner: dict[int, Run[Name]] = {}
        for path, found in leaves.items():
            claims |= self._fields[path].claims
            for leaf in found:
                possible |= leaf.bits
                for run in leaf.runs:
                    inner[id(run)] = run
        outer = {id(run) for run in anchored}
        dependent = claims & ~met
        gained = possible & ~met
        if not self._absence and gained & gained - 1 == 0 and not (gained and inner):
            # One condition more holds no alternative that needs two of them.
            anchored += inner.values()
            return possible
        # What is anchored elsewhere too needs two planes to depend on the arrays twice, unless by absence.
        suspects = [(rows, False) for _, _, others, _, rows in anchored if others or self._absence]
        suspects += [(block.rows, False) for block in self._layout.blocks]
        suspects += [(run[-1], True) for number, run in inner.items() if number not in outer]
        for rows, by_anchor in suspects:
            for at in ones(rows.doubtful(possible, dependent, self._absence, by_anchor=by_anchor)):
                steps = [self._step(rows, placed, met, by_anchor, leaves) for placed in rows.conditions(at)]
                if not consistent(steps):
                    possible ^= 1 << rows.planes[0] + at
        anchored += inner.values()
        return possible

    def _step(
        self,
        rows: Rows[Name],
        placed: Placed,
        met: int,
        by_anchor: bool,
        leaves: Mapping[str, list[_Leaf[Name]]],
    ) -> Step:
        """How the event stands to a condition; `by_anchor` says that the anchor is met nowhere else."""
        path, condition, position = placed
        found = leaves.get(path, [])
        if condition is None:
            anchors = [leaf.places for leaf in found if leaf.anchors(rows)]
            return Step(anchors if by_anchor else [*anchors, NOWHERE])
        places = [leaf.places for leaf in found if leaf.bits >> position & 1]
        if met >> position & 1:
            places.append(NOWHERE)
        if not self._absence >> position & 1:
            return Step(places)
        there = [leaf.places for leaf in found]
        if met >> self._layout.width + position & 1:
            there.append(NOWHERE)
        return Step(places, there)


def look_through[Name: Hashable](
    field: Field[Name], array: list[Json]
) -> tuple[int, list[Run[Name]], list[JsonObject | list[Json]]]:
    """What the scalars of an array meet, and the objects and arrays in it."""
    while len(array) == 1 and isinstance(array[0], list):
        array = array[0]
    met = 0
    anchored: list[Run[Name]] = []
    inside: list[JsonObject | list[Json]] = []
    for element in array:
        if isinstance(element, str):
            bits, runs = field.string(element)
        elif isinstance(element, dict | list):
            inside.append(element)
            continue
        else:
            bits, runs = field.scalar(element)
        met |= bits
        anchored += runs
    return met, anchored, inside


def _leaves_within[Name: Hashable](arrays: Iterable[Inside[Name]], *, every: bool) -> dict[str, list[_Leaf[Name]]]:
    """The leaves in arrays, by path: those that meet something, or `every` one that rules ask for."""
    leaves: dict[str, list[_Leaf[Name]]] = {}
    numbers = count()
    waiting: list[tuple[Field[Name], Json, Places]] = [
        (field, element, ((array, at),))
        for (field, inside), array in zip(arrays, numbers, strict=False)
        for at, element in enumerate(inside)
    ]
    while waiting:
        field, value, places = waiting.pop()
        if isinstance(value, dict):
            look_up = field.within.get
            for name, inner in value.items():
                inner_field = look_up(name)
                if inner_field is not None:
                    waiting.append((inner_field, inner, places))
        elif isinstance(value, list):
            array = next(numbers)
            for at, element in enumerate(value):
                inside = isinstance(element, dict | list)
                waiting.append((field, element, (*places, (array, at)) if inside else places))
        elif field.has_conditions:
            bits, runs = field.string(value) if isinstance(value, str) else field.scalar(value)
            if bits or runs or every:
                leaves.setdefault(field.path, []).append(_Leaf(bits, runs, places))
    return leaves
