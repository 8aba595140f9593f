"""The fields that rules name, as a tree to walk an event by, and what each value of a field meets."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from tocsin.patterns.layout import Run
from tocsin.patterns.matchers import Absent, AnythingBut, Condition, Leaf, Matcher, clues_of
from tocsin.patterns.memory import Memory, size_of
from tocsin.patterns.positions import as_bits
from tocsin.patterns.tables import PrefixTable, ValueTable

# What a leaf meets: the bits of conditions, and the runs whose anchor it is.
type Met[Name: Hashable] = tuple[int, tuple[Run[Name], ...]]

_NOTHING: tuple[int, tuple[()]] = (0, ())

_EMPTY = ValueTable({}, Memory(0))

# Longer texts hardly come twice.
_LONGEST_REMEMBERED = 256
# What a remembered value takes in its dictionary, and a pair that is not _NOTHING beside its bits.
_PLACE = 110
_PAIR = 56
# What a text takes with its place, but for its characters; and a number.
_TEXT = _PLACE + 60
_NUMBER = 32


class Field[Name: Hashable]:
    """One step of a path: the fields `within` it, and what a leaf that stands there meets.

    `path` is the way to it, in dots. What strings meet that were looked up before is in `seen`.

    Where the field `has_clues`, most strings show none: they are none of the `texts` that rules name, and begin and end
    with none of `beginnings` and `ends`. Those meet what is in `otherwise`. That takes as long to see as to look up
    whether they were seen before, so they are not put there: most are ids and times, which don't come again.
    """

    __slots__ = (
        "_anchors",
        "_claims",
        "_constants",
        "_excluded",
        "_has_only_anchors",
        "_kinds",
        "_memory",
        "_met_by_kind",
        "_numbers",
        "_positions",
        "_positive",
        "_presence",
        "_several",
        "_unless",
        "beginnings",
        "ends",
        "has_clues",
        "otherwise",
        "path",
        "seen",
        "texts",
        "within",
    )

    def __init__(self, path: str, memory: Memory) -> None:
        self.path = path
        self.within: dict[str, Field[Name]] = {}
        self.seen: dict[str, Met[Name]] = {}
        self._claims: int | None = 0
        self._positions: tuple[int, ...] = ()
        self._memory = memory
        self._numbers: dict[int | float, Met[Name]] = {}
        self._constants: dict[bool | None, Met[Name]] = dict.fromkeys((True, False, None), _NOTHING)
        self._anchors: dict[str | int | float, tuple[Run[Name], ...]] = {}
        self._has_only_anchors = False
        self._positive = _EMPTY
        # Conditions of the kind anything-but are met by every leaf unless it is in the second table. Those
        # with several of the kind are met by all but what each excludes: no use, so there is no table.
        self._unless = 0
        self._excluded = _EMPTY
        self._several: list[tuple[int, Sequence[AnythingBut]]] = []
        # The marks that a leaf sets against conditions that its absence would meet.
        self._presence = 0
        self.has_clues = False
        self.texts: frozenset[str] = frozenset()
        self.beginnings: tuple[str, ...] = ()
        self.ends: tuple[str, ...] = ()
        self.otherwise: Met[Name] = _NOTHING
        # Where clues are enough: the beginnings, and what texts meet that begin with the one of this number at most.
        self._kinds: PrefixTable[None] | None = None
        self._met_by_kind: dict[int, Met[Name]] = {}

    def fill(
        self,
        conditions: Sequence[tuple[Condition, int]],
        anchors: Iterable[tuple[str | int | float, Run[Name]]],
        *,
        marks: int,
    ) -> None:
        """Take the conditions on this field with their positions, and the runs that its values anchor.

        The mark of a condition that absence meets is at the condition's position plus `marks`.
        """
        positive: dict[Matcher, list[int]] = {}
        excluded: dict[Matcher, list[int]] = {}
        self._positions = tuple(position for _, position in conditions)
        for condition, position in conditions:
            bit = 1 << position
            exceptions = [matcher for matcher in condition if isinstance(matcher, AnythingBut)]
            for matcher in condition:
                if isinstance(matcher, Absent):
                    self._presence |= bit << marks
                elif not isinstance(matcher, AnythingBut):
                    positive.setdefault(matcher, []).append(position)
            if len(exceptions) == 1:
                self._unless |= bit
                for matcher in exceptions[0].excluded:
                    excluded.setdefault(matcher, []).append(position)
            elif exceptions:
                self._several.append((bit, exceptions))
        for value, run in anchors:
            self._anchors[value] = (*self._anchors.get(value, ()), run)
        self._positive = ValueTable(positive, self._memory)
        if excluded:
            self._excluded = ValueTable(excluded, self._memory)
        self._claims = None
        self._has_only_anchors = not conditions
        self._constants = {value: self._met_by_constant(value) for value in (True, False, None)}
        clues = clues_of([*positive, *excluded])
        if clues is not None and not self._several:
            self.has_clues = True
            self.texts = clues.texts.union(value for value in self._anchors if isinstance(value, str))
            self.beginnings, self.ends = clues.beginnings, clues.ends
            if clues.enough and not clues.ends:
                self._kinds = PrefixTable(dict.fromkeys(clues.beginnings))
            bits = self._positive.always | self._presence | self._unless
            self.otherwise = (bits, ()) if bits else _NOTHING

    def string(self, value: str) -> Met[Name]:
        """What a string meets. PatternIndex.match has the same in place, as a call takes as long as all of this."""
        found = self.seen.get(value)
        if found is None:
            if (
                self.has_clues
                and value not in self.texts
                and not (self.beginnings and value.startswith(self.beginnings))
                and not (self.ends and value.endswith(self.ends))
            ):
                return self.otherwise
            found = self.look_up(value)
        return found

    def look_up(self, value: str) -> Met[Name]:
        """What a string meets, by the tables of what rules ask of the field; it is `seen` from then on."""
        length = len(value)
        size = _TEXT + (length if value.isascii() else 4 * length)
        if self._kinds is not None and value not in self.texts:
            at = self._kinds.longest(value)
            met = self._met_by_kind.get(at)
            if met is None:
                met = self._met_by_kind[at] = self._met_by_string(value)
        else:
            met = self._met_by_string(value)
            if met is not _NOTHING:
                size += _PAIR + size_of(met[0])
        if length <= _LONGEST_REMEMBERED:
            self._memory.keep(self.seen, value, met, size)
        return met

    @property
    def claims(self) -> int:
        """The bits of all conditions on this field."""
        if self._claims is None:
            self._claims = as_bits([self._positions])
        return self._claims

    @property
    def has_conditions(self) -> bool:
        """Whether rules ask anything of leaves of this field."""
        return bool(self._positions or self._anchors)

    def scalar(self, value: object) -> Met[Name]:
        """What a leaf meets that is a number, true, false or null, or a string of a class of its own."""
        if value is None or value is True or value is False:
            return self._constants[value]
        if isinstance(value, str):
            return self.string(value)
        if not isinstance(value, int | float):
            raise TypeError(f"an event holds plain JSON values, not {type(value).__name__}")
        met = self._numbers.get(value)
        return self._met_by_number(value) if met is None else met

    def _met_by_string(self, value: str) -> Met[Name]:
        bits = 0
        if not self._has_only_anchors:
            bits = self._positive.strings(value)
            if self._presence:
                bits |= self._presence
            if self._unless:
                excluded = self._excluded.strings(value)
                unless = self._unless & ~excluded if excluded else self._unless
                bits = bits | unless if bits else unless
            if self._several:
                bits |= self._met_by_several(value)
        runs = self._anchors.get(value, ())
        return (bits, runs) if bits or runs else _NOTHING

    def _met_by_number(self, value: int | float) -> Met[Name]:
        bits = self._positive.numbers(value) | self._presence
        if self._unless:
            bits |= self._unless & ~self._excluded.numbers(value)
        if self._several:
            bits |= self._met_by_several(value)
        return self._kept(self._numbers, value, (bits, self._anchors.get(value, ())), _NUMBER)

    def _met_by_constant(self, value: bool | None) -> Met[Name]:
        bits = self._positive.constants(value) | self._presence
        bits |= self._unless & ~self._excluded.constants(value)
        return bits | self._met_by_several(value), ()

    def _met_by_several(self, value: Leaf) -> int:
        met = 0
        for bit, exceptions in self._several:
            if any(exception.matches(value) for exception in exceptions):
                met |= bit
        return met

    def _kept[Value](self, cache: dict[Value, Met[Name]], value: Value, met: Met[Name], size: int) -> Met[Name]:
        if met == _NOTHING:
            met = _NOTHING
        else:
            size += _PAIR + size_of(met[0])
        self._memory.keep(cache, value, met, _PLACE + size)
        return met


def grow[Name: Hashable](root: Field[Name], path: str, memory: Memory) -> Field[Name]:
    """The field at a dotted path below the root, made where it is not there yet."""
    field = root
    for step in path.split("."):
        inner = field.within.get(step)
        if inner is None:
            inner_path = step if field is root else f"{field.path}.{step}"
            inner = field.within[step] = Field(inner_path, memory)
        field = inner
    return field


def add_dotted_names[Name: Hashable](field: Field[Name]) -> None:
    """Let each field find the fields further down by their dotted names too.

    An event may spell {"a": {"b": 1}} as {"a.b": 1}. A name in an event is looked up once either way.
    """
    for step, inner in list(field.within.items()):
        add_dotted_names(inner)
        for name, further in inner.within.items():
            field.within[f"{step}.{name}"] = further
