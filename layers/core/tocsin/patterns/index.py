"""Which of many patterns an event matches, by one walk through the event."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence

from tocsin.patterns.arrays import Inside, Settlement, look_through
from tocsin.patterns.definition import Alternative, Definition
from tocsin.patterns.errors import PatternError
from tocsin.patterns.fields import Field, add_dotted_names, grow
from tocsin.patterns.layout import Layout, Run
from tocsin.patterns.matchers import Absent, Condition
from tocsin.patterns.memory import Memory
from tocsin.patterns.pattern import Pattern
from tocsin.types import JsonObject

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

    __slots__ = ("_layout", "_needs_settlement", "_settlement", "_within")

    def __init__(self, patterns: Mapping[Name, Definition | Pattern], *, memory: int = MEMORY) -> None:
        shared = Memory(memory)
        alternatives = (
            (name, alternative)
            for name, definition in patterns.items()
            for alternative in _alternatives(name, definition)
        )
        self._layout = Layout(alternatives, shared)
        conditions: defaultdict[str, list[tuple[Condition, int]]] = defaultdict(list)
        absence = 0
        for path, condition, position in self._layout.conditions():
            conditions[path].append((condition, position))
            if any(isinstance(matcher, Absent) for matcher in condition):
                absence |= 1 << position
        anchors: defaultdict[str, list[tuple[str | int | float, Run[Name]]]] = defaultdict(list)
        for (path, value), run in self._layout.runs:
            anchors[path].append((value, run))
        root = Field[Name]("", shared)
        fields: dict[str, Field[Name]] = {}
        for path in {**conditions, **anchors}:
            field = fields[path] = grow(root, path, shared)
            field.fill(conditions[path], anchors[path], marks=self._layout.width)
        add_dotted_names(root)
        self._within = root.within
        self._needs_settlement = bool(absence)
        self._settlement = Settlement(self._layout, fields, absence)

    def match(self, event: JsonObject) -> set[Name]:  # noqa: PLR0912 - a call for each value would double its time
        """The names of all patterns that an event matches.

        `event` is a JSON object as a parser makes it, of plain dicts, lists and scalars.
        """
        met = self._layout.given
        anchored = [*self._layout.unanchored]
        runs: Sequence[Run[Name]]
        arrays: list[Inside[Name]] = []
        # The objects of the event with fields that rules name, and those fields. The list grows as it is gone through.
        objects = [(event, self._within)]
        for members, fields in objects:
            look_up = fields.get
            for name, value in members.items():
                field = look_up(name)
                if field is None:
                    continue
                if type(value) is str:
                    # As Field.string has it.
                    found = field.seen.get(value)
                    if found is None:
                        if (
                            field.has_clues
                            and value not in field.texts
                            and not (field.beginnings and value.startswith(field.beginnings))
                            and not (field.ends and value.endswith(field.ends))
                        ):
                            found = field.otherwise
                        else:
                            found = field.look_up(value)
                    bits, runs = found
                elif type(value) is dict:
                    objects.append((value, field.within))
                    continue
                elif type(value) is list:
                    bits, runs, inside = look_through(field, value)
                    if len(inside) == 1 and isinstance(inside[0], dict):
                        # What lies in the array lies in the same element: it is as good as not there.
                        objects.append((inside[0], field.within))
                    elif inside:
                        arrays.append((field, inside))
                else:
                    bits, runs = field.scalar(value)
                if bits:
                    met |= bits
                if runs:
                    anchored += runs
        if arrays or self._needs_settlement:
            met = self._settlement.settle(met, anchored, arrays)
        names: set[Name] = set()
        for first, mask, others, names_of, _ in anchored:
            held = met >> first & mask
            if held:
                for other in others:
                    held &= met >> other
                names.update(names_of[held])
        for block in self._layout.blocks:
            held = block.rows.holding(met)
            if held:
                names.update(block.names(held))
        return names


def _alternatives[Name](name: Name, definition: Definition | Pattern) -> Iterable[Alternative]:
    if isinstance(definition, Pattern):
        return definition.alternatives
    try:
        return Pattern(definition).alternatives
    except PatternError as error:
        error.add_note(f"in the pattern named {name!r}")
        raise
