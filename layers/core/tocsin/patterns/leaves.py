"""An event as matching sees it: leaves by path, and which array elements each lies in.

Arrays are looked through: their scalars are leaves of the array's own path, and their objects' fields are
fields of it. Conditions on fields that lie in the same array must be met in the same element of it, so a
leaf carries its places: for each array element that it lies in, which array and which element. A scalar
that is itself the element of an array has no place in it. Source: aws/event-ruler, Event and
ArrayMembership.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import NamedTuple

from tocsin.patterns.matchers import Leaf
from tocsin.types import Json, JsonObject

# (array, element) from the outermost array in; arrays are numbered in an event.
type Places = tuple[tuple[int, int], ...]

NOWHERE: Places = ()


def flatten(event: JsonObject) -> dict[str, list[tuple[Leaf, Places]]]:
    """The leaves of an event by dotted path. Without recursion, so that no event is too deep."""
    leaves: dict[str, list[tuple[Leaf, Places]]] = {}
    arrays = count()
    waiting: list[tuple[str, object, Places]] = [(name, value, NOWHERE) for name, value in event.items()]
    while waiting:
        path, value, places = waiting.pop()
        if isinstance(value, dict):
            waiting.extend((f"{path}.{name}", inner, places) for name, inner in value.items())
        elif isinstance(value, list):
            array = next(arrays)
            for at, element in enumerate(value):
                inside = isinstance(element, dict | list)
                waiting.append((path, element, (*places, (array, at)) if inside else places))
        elif value is None or isinstance(value, str | int | float):
            leaves.setdefault(path, []).append((value, places))
        else:
            raise TypeError(f"an event holds plain JSON values, not {type(value).__name__}")
    return leaves


def value_at(event: JsonObject, path: str) -> Json:
    """What stands at a dotted path, found as patterns find it; None where there is nothing.

    Nested fields and dotted keys are the same path, and arrays of objects are looked through. Where the path leads to
    more than one value, all of them, as a list in the order of the event.
    """
    found: list[Json] = []
    waiting: list[tuple[str, Json]] = [(path, event)]
    while waiting:
        rest, value = waiting.pop()
        if isinstance(value, list):
            waiting.extend((rest, element) for element in reversed(value))
        elif isinstance(value, dict):
            if rest in value:
                found.append(value[rest])
            inner = [(name, below) for name, below in value.items() if rest.startswith(f"{name}.")]
            waiting.extend((rest[len(name) + 1 :], below) for name, below in reversed(inner))
    return found if len(found) > 1 else next(iter(found), None)


class Step(NamedTuple):
    """How an event stands to one condition of an alternative.

    `met` are the places of the leaves that meet it. `there` is None, or, where the condition is also met by
    there being no leaf, the places of all leaves of its path.
    """

    met: Sequence[Places]
    there: Sequence[Places] | None = None


def consistent(steps: Sequence[Step]) -> bool:
    """Whether all conditions can be met with one choice of element for each array.

    `steps` are in the order of the conditions' paths. That matters for absence: event-ruler goes by this
    order, and takes a field for absent when no leaf of it lies in the elements chosen by then.

    The choices that are still open after each step are kept as a set, without the arrays that no later step
    cares for. Paths in one array follow one another, so the set stays about as small as the event, where
    trying each combination would take time without bound.
    """
    if not all(step.met or step.there is not None for step in steps):
        return False
    if all(step.there is None for step in steps):
        # Mostly all conditions are met in one element, or elsewhere than in arrays.
        within = [set(step.met) for step in steps if NOWHERE not in step.met]
        if len(within) < 2 or set.intersection(*within):
            return True
    wanted: list[set[int]] = []
    later: set[int] = set()
    for step in reversed(steps):
        wanted.append(set(later))
        later.update(array for places in (*step.met, *(step.there or ())) for array, _ in places)
    if not later:
        return all(step.met or not step.there for step in steps)
    choices: set[frozenset[tuple[int, int]]] = {frozenset()}
    for step, arrays in zip(steps, reversed(wanted), strict=True):
        choices = set(_narrowed(choices, step, arrays))
        if not choices:
            return False
    return True


def _narrowed(
    choices: Iterable[frozenset[tuple[int, int]]], step: Step, arrays: set[int]
) -> Iterator[frozenset[tuple[int, int]]]:
    met = _tree(step.met)
    there = None if step.there is None else _tree(step.there)
    for choice in choices:
        chosen = dict(choice)
        if there is not None and next(_compatible(there, chosen), None) is None:
            yield frozenset(place for place in choice if place[0] in arrays)
        for places in _compatible(met, chosen):
            yield frozenset(place for place in (*choice, *places) if place[0] in arrays)


class _Places:
    """Places as a tree, so that those compatible with a choice are found without looking at the others."""

    __slots__ = ("ends", "within")

    def __init__(self) -> None:
        self.ends = False
        self.within: dict[int, dict[int, _Places]] = {}


def _tree(all_places: Iterable[Places]) -> _Places:
    root = _Places()
    for places in all_places:
        node = root
        for array, element in places:
            node = node.within.setdefault(array, {}).setdefault(element, _Places())
        node.ends = True
    return root


def _compatible(tree: _Places, chosen: Mapping[int, int]) -> Iterator[Places]:
    """The places in the tree that choose no other element of an array than was chosen."""
    waiting: list[tuple[_Places, Places]] = [(tree, NOWHERE)]
    while waiting:
        node, places = waiting.pop()
        if node.ends:
            yield places
        for array, elements in node.within.items():
            if array in chosen:
                element = elements.get(chosen[array])
                if element is not None:
                    waiting.append((element, (*places, (array, chosen[array]))))
            else:
                waiting.extend((inner, (*places, (array, at))) for at, inner in elements.items())
