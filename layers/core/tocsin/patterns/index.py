"""Which of many patterns an event matches, by one walk through the event."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from itertools import count

from tocsin.jsontypes import Json, JsonObject
from tocsin.patterns.definition import Alternative, Definition
from tocsin.patterns.errors import PatternError
from tocsin.patterns.fields import Field, Met, add_dotted_names, grow
from tocsin.patterns.layout import Placed, Run, arrange
from tocsin.patterns.leaves import NOWHERE, Places, Step, consistent
from tocsin.patterns.matchers import Absent
from tocsin.patterns.memory import Memory
from tocsin.patterns.pattern import Pattern

# How much of what values meet an index remembers, in bytes. A value that is not remembered is looked up
# again; it takes longer and comes to the same.
MEMORY = 24 * 1024 * 1024


class PatternIndex[Name: Hashable]:
    """Many patterns by name, and one look at an event to tell which of them it matches.

    `patterns` are definitions, or Patterns already compiled, by name; a name is a string or whatever the
    caller knows its rules by. Raises PatternError for a definition that EventBridge refuses, with a note of
    its name. `memory` bounds in bytes what the index remembers of values it has seen; 0 is nothing.

    An index does not change once it is made, but for what it remembers, and may be shared by threads.

    Each condition of a pattern has a bit. A walk through the event looks up each of its values in the
    tables of its field, which give the bits of all conditions that the value meets, and joins them in one
    integer: from there on a few operations on integers decide all patterns. Only where conditions lie in
    the same array, so that one element must meet them, are patterns looked at one by one: those that the
    bits still allow.
    """

    __slots__ = ("_absence", "_blocks", "_marks", "_paths", "_root", "_unanchored")

    def __init__(self, patterns: Mapping[Name, Definition | Pattern], *, memory: int = MEMORY) -> None:
        self._blocks, self._marks = arrange(
            (name, alternative)
            for name, definition in patterns.items()
            for alternative in _alternatives(name, definition)
        )
        self._unanchored = [block for block in self._blocks if not block.is_anchored]
        placed: defaultdict[str, list[Placed]] = defaultdict(list)
        anchors: defaultdict[str, list[tuple[str | int | float, Run[Name]]]] = defaultdict(list)
        self._absence = 0
        for block in self._blocks:
            for item in block.conditions():
                placed[item.path].append(item)
                if any(isinstance(matcher, Absent) for matcher in item.condition):
                    self._absence |= 1 << item.position
            if block.is_anchored:
                for (path, value), run in block.runs():
                    anchors[path].append((value, run))
        shared = Memory(memory)
        self._root = Field[Name]("", shared)
        self._paths: dict[str, Field[Name]] = {}
        for path in {**placed, **anchors}:
            field = self._paths[path] = grow(self._root, path, shared)
            field.fill(placed[path], anchors[path], self._marks)
        add_dotted_names(self._root)

    def match(self, event: JsonObject) -> set[Name]:
        """The names of all patterns that an event, a JSON object, matches."""
        met = 0
        anchored: list[Run[Name]] = []
        # Each object of the event whose fields rules name, with those fields; it grows as it is gone through.
        objects = [(event, self._root.fields)]
        arrays: list[tuple[Field[Name], list[Json]]] = []
        for members, fields in objects:
            look_up = fields.get
            for name, value in members.items():
                field = look_up(name)
                if field is None:
                    continue
                if isinstance(value, str):
                    bits, runs = field[value]
                elif isinstance(value, dict):
                    if field.fields:
                        objects.append((value, field.fields))
                    continue
                elif isinstance(value, list):
                    bits, runs = _look_through(field, value, objects, arrays)
                else:
                    bits, runs = field.scalar(value)
                if bits:
                    met |= bits
                if runs:
                    anchored += runs
        # The absence of a leaf meets what asks for it, unless there was one, which left its mark.
        absence = self._absence & ~(met >> self._marks) if self._absence else 0
        if arrays:
            return self._match_arrays(met, anchored, absence, arrays)
        met |= absence
        names: set[Name] = set()
        for run in anchored:
            held = run.mask
            for shift in run.shifts:
                held &= met >> shift
            if held:
                names.update(run[held])
        for block in self._unanchored:
            held = block.holding(met)
            if held:
                names.update(block.names(held))
        return names

    def _match_arrays(
        self,
        met: int,
        anchored: list[Run[Name]],
        absence: int,
        arrays: list[tuple[Field[Name], list[Json]]],
    ) -> set[Name]:
        """The names of patterns that an event matches that has arrays of several objects or arrays.

        `met`, `anchored` and `absence` come from the rest of the event. What leaves in these arrays meet is
        put to it, and gives all patterns that can hold. Those are certain that depend on one such condition
        at most, and that not by absence, which may be so in some elements and not in others.
        """
        for run in anchored:
            met |= run.anchor_bits
        leaves = _leaves_within(arrays)
        possible = met | absence
        claims = 0
        for path, found in leaves.items():
            claims |= self._paths[path].claims
            for bits, _ in found:
                possible |= bits
        dependent = claims & ~met
        names: set[Name] = set()
        for block in self._blocks:
            held = block.holding(possible)
            if held:
                doubtful = held & (block.with_two(dependent) | block.with_one(dependent & self._absence))
                held ^= doubtful
                for bit, conditions in block.placed(doubtful):
                    if consistent([self._step(placed, met, leaves) for placed in conditions]):
                        held |= bit
                names.update(block.names(held))
        return names

    def _step(self, placed: Placed, met: int, leaves: dict[str, list[tuple[int, Places]]]) -> Step:
        """How the event stands to a condition."""
        position = placed.position
        found = leaves.get(placed.path, [])
        places = [place for bits, place in found if bits >> position & 1]
        if met >> position & 1:
            places.append(NOWHERE)
        if not self._absence >> position & 1:
            return Step(places)
        there = [place for _, place in found]
        if met >> self._marks + position & 1:
            there.append(NOWHERE)
        return Step(places, there)


def _alternatives[Name](name: Name, definition: Definition | Pattern) -> Iterable[Alternative]:
    if isinstance(definition, Pattern):
        return definition.alternatives
    try:
        return Pattern(definition).alternatives
    except PatternError as error:
        error.add_note(f"in the pattern named {name!r}")
        raise


def _look_through[Name: Hashable](
    field: Field[Name],
    array: list[Json],
    objects: list[tuple[JsonObject, dict[str, Field[Name]]]],
    arrays: list[tuple[Field[Name], list[Json]]],
) -> Met[Name]:
    """What the scalars of an array meet; its objects and arrays are put with what is to be walked.

    Where there is only one of these, all that lies in the array lies in the same element, and the array is
    as good as not there.
    """
    while len(array) == 1 and isinstance(array[0], list):
        array = array[0]
    met = 0
    anchored: tuple[Run[Name], ...] = ()
    inside: list[Json] = []
    for element in array:
        if isinstance(element, str):
            bits, runs = field[element]
        elif isinstance(element, dict | list):
            inside.append(element)
            continue
        else:
            bits, runs = field.scalar(element)
        met |= bits
        anchored += runs
    if len(inside) == 1 and isinstance(inside[0], dict):
        objects.append((inside[0], field.fields))
    elif inside:
        arrays.append((field, inside))
    return met, anchored


def _leaves_within[Name: Hashable](
    arrays: list[tuple[Field[Name], list[Json]]],
) -> dict[str, list[tuple[int, Places]]]:
    """The leaves in arrays: for each path the bits that its leaves set, and their places."""
    leaves: dict[str, list[tuple[int, Places]]] = {}
    numbers = count()
    waiting: list[tuple[Field[Name], Json, Places]] = [(field, array, NOWHERE) for field, array in arrays]
    while waiting:
        field, value, places = waiting.pop()
        if isinstance(value, dict):
            for name, inner in value.items():
                inner_field = field.fields.get(name)
                if inner_field is not None:
                    waiting.append((inner_field, inner, places))
        elif isinstance(value, list):
            array = next(numbers)
            for at, element in enumerate(value):
                inside = isinstance(element, dict | list)
                waiting.append((field, element, (*places, (array, at)) if inside else places))
        elif field.claims:
            bits, runs = field[value] if isinstance(value, str) else field.scalar(value)
            for run in runs:
                bits |= run.anchor_bits
            leaves.setdefault(field.path, []).append((bits, places))
    return leaves
