"""Our dataclasses: what the standard library's do, with methods that are made when they are first called."""

import copy
import dataclasses
import pickle
from collections.abc import Callable

import pytest

from tocsin.records import dataclass, field


@dataclass(frozen=True, slots=True)
class Point:
    """A place."""

    x: int
    y: int = 0
    tags: list[str] = field(default_factory=list, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What is given by name only."""

    name: str
    size: int = 1


@dataclass(slots=True)
class Count:
    """What changes."""

    value: int = 0


@dataclass(frozen=True)
class Checked:
    """What looks at its values, and shows itself in its own way."""

    value: int

    def __post_init__(self) -> None:
        if self.value < 0:
            raise ValueError("is negative")

    def __repr__(self) -> str:
        return "checked"


@dataclass(frozen=True, slots=True)
class Placed(Point):
    """A place with a name."""

    name: str = ""


def _own_methods(cls: type) -> set[str]:
    """The methods that are made already."""
    names = "__init__", "__repr__", "__eq__", "__hash__"
    return {name for name in names if not getattr(vars(cls)[name], "stands_in", False)}


def test_a_method_is_made_with_its_first_call_and_no_other() -> None:
    @dataclass(frozen=True, slots=True)
    class Fresh:
        value: int

    made = [_own_methods(Fresh)]
    one = Fresh(1)
    made.append(_own_methods(Fresh))
    assert repr(one).endswith("Fresh(value=1)")
    made.append(_own_methods(Fresh))
    assert one == Fresh(1)

    assert made == [set(), {"__init__"}, {"__init__", "__repr__"}]
    assert _own_methods(Fresh) == {"__init__", "__repr__", "__eq__", "__hash__"}


def test_values_and_defaults_are_the_fields() -> None:
    first, second = Point(1), Point(1, y=2, tags=["a"])

    assert (first.x, first.y, first.tags) == (1, 0, [])
    assert (second.x, second.y, second.tags) == (1, 2, ["a"])
    assert first.tags is not Point(1).tags
    assert not hasattr(first, "__dict__")


def test_what_is_equal_has_one_hash_and_fields_that_are_not_compared_are_in_neither() -> None:
    same = Point(1, 2, ["a"]), Point(1, 2, ["b"])

    assert same[0] == same[1]
    assert len(set(same)) == 1
    assert Point(1) != Point(2)
    assert Point(1) != Placed(1)
    assert Point(1) != 1


def test_a_class_of_a_class_has_the_fields_of_both() -> None:
    assert repr(Placed(1, 2, [], "here")) == "Placed(x=1, y=2, tags=[], name='here')"
    assert [each.name for each in dataclasses.fields(Placed)] == ["x", "y", "tags", "name"]


@pytest.mark.parametrize(
    "change", [lambda one: setattr(one, "x", 3), lambda one: delattr(one, "x")], ids=["set", "del"]
)
def test_what_is_frozen_does_not_change(change: Callable[[Point], None]) -> None:
    one = Point(1)

    with pytest.raises(dataclasses.FrozenInstanceError, match="field 'x'"):
        change(one)

    assert one.x == 1


def test_a_class_below_a_frozen_one_may_have_attributes_of_its_own() -> None:
    class Marked(Checked):
        pass

    one = Marked(1)
    one.mark = True
    del one.mark

    assert not hasattr(one, "mark")
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.value = 2


def test_what_is_not_frozen_changes_and_has_no_hash() -> None:
    one = Count()
    one.value += 1

    assert one == Count(1)
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


@dataclass(slots=True)
class Hashed:
    """What changes, and says itself what its hash is."""

    value: int

    def __hash__(self) -> int:
        return 7


def test_what_is_not_frozen_keeps_a_hash_of_its_own() -> None:
    assert hash(Hashed(1)) == 7
    assert {Hashed(1): "found"}[Hashed(1)] == "found"


def test_arguments_are_those_of_the_fields() -> None:
    with pytest.raises(TypeError, match=r"Named\.__init__\(\) takes 1 positional argument"):
        Named("a")
    with pytest.raises(TypeError, match=r"missing 1 required keyword-only argument: 'name'"):
        Named()

    assert Named(name="a") == Named(name="a", size=1)


@dataclass(frozen=True, slots=True)
class Rounded:  # noqa: PLW1641 - it is made
    """What says itself what is equal, and what is kept of it."""

    value: float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rounded) and round(self.value) == round(other.value)

    def __getstate__(self) -> list[float]:
        return [round(self.value)]

    def __setstate__(self, state: list[float]) -> None:
        object.__setattr__(self, "value", state[0])


def test_what_a_class_says_of_equality_and_copies_stays_and_it_has_a_hash() -> None:
    assert Rounded(1.1) == Rounded(1.2)
    assert hash(Rounded(1.1)) == hash(Rounded(1.1))
    assert copy.copy(Rounded(1.1)).value == 1


def test_what_is_frozen_says_itself_how_it_is_not_set() -> None:
    with pytest.raises(TypeError, match="__setattr__"):

        @dataclass(frozen=True, slots=True)
        class _Set:
            value: int

            def __setattr__(self, name: str, value: object) -> None:
                """Nothing."""


def test_a_field_may_have_any_name() -> None:
    @dataclass(frozen=True, slots=True)
    class Speaker:
        self: str

    assert Speaker(self="me").self == "me"


def test_a_class_s_own_methods_stay_and_its_check_is_made() -> None:
    assert repr(Checked(1)) == "checked"
    with pytest.raises(ValueError, match="is negative"):
        Checked(-1)
    with pytest.raises(ValueError, match="is negative"):
        dataclasses.replace(Checked(1), value=-1)


@pytest.mark.parametrize(
    "again",
    [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one)), dataclasses.replace],
    ids=["copy", "deepcopy", "pickle", "replace"],
)
@pytest.mark.parametrize("one", [Point(1, 2, ["a"]), Placed(1, name="here"), Count(3), Checked(4)], ids=repr)
def test_copies_are_equal(again: Callable[[object], object], one: object) -> None:
    assert again(one) == one
    assert dataclasses.is_dataclass(one)


def test_a_pattern_takes_it_apart_by_position() -> None:
    match Point(1, 2):
        case Point(x, y):
            assert (x, y) == (1, 2)
