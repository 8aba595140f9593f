"""A program of all kinds of branches, most of which go one way only: what coverage says of it is known."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass
class Point:
    x: int
    y: int = 0

    def far(self) -> bool:
        return self.x > 10 and self.y > 10


class Empty: ...


def loops(n: int) -> Any:
    for i in range(n):
        if i == 2:
            continue
        if i == 4:
            break
    else:
        return "else"
    while n:
        n -= 1
    while True:
        if n > 3:
            return n
        n += 1


def never_loops(items: list[int]) -> list[int]:
    for item in items:
        raise ValueError(item)
    return [i for i in items if i]


def matches(value: Any) -> Any:
    match value:
        case {"a": int(x)} if x > 1:
            return x
        case [1, *rest]:
            return rest
        case Point(x=1):
            return "p"
        case str():
            return "s"
    return None


def tries(value: Any) -> int:
    ended = 0
    try:
        number = int(value)
    except ValueError:
        return 1
    except TypeError as problem:
        raise RuntimeError from problem
    else:
        number += 1
    finally:
        ended += 1
    return number


def suppresses(value: str) -> Any:
    with contextlib.suppress(ValueError):
        return int(value)
    with contextlib.nullcontext() as first, contextlib.nullcontext() as second:
        if value == "zz":
            return first
    return second


def of_many_lines(value: int) -> Any:
    return (
        value
        if value  # first
        and value > 3
        else [
            each  # a line of its own
            for each in range(3)
            if each
        ]
    )


def gives(n: int) -> Iterator[int]:
    for i in range(n):
        if i % 2:
            yield i
    yield from range(n)


def names(x: int | None) -> Callable[[], Any]:
    if (y := x) and (
        y > 2  # more
        or y < -2
    ):
        return lambda: y
    if x is None:
        return lambda: None
    if x is not None and x:
        x += 1
    return lambda: x


def goes_one_way(x: int) -> int:
    if x:
        x += 1
    assert x
    return x


def nests(x: int) -> int:
    def inner() -> int:
        if x:
            return 1
        return 2

    return inner()


def ends(x: int, seen: list[int]) -> None:
    if x:
        seen.append(1 if x > 1 else 2)
    else:
        seen.append(3)


def ends_trying(items: list[int]) -> None:
    try:
        for item in items:
            loops(item)
    except ValueError as problem:
        raise RuntimeError from problem


for point in (Point(1), Point(11, 12)):
    point.far()
for count in (1, 5, 3):
    loops(count)
never_loops([])
for thing in ({"a": 2}, [1, 2], 3, Point(1)):
    matches(thing)
for text in ("1", "x"):
    tries(text)
    suppresses(text)
of_many_lines(0)
of_many_lines(5)
list(gives(3))
next(gives(4))
names(1)
names(3)
goes_one_way(1)
nests(1)
nests(0)
ends(1, [])
ends(2, [])
ends_trying([1])
