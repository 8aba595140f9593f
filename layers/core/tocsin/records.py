"""Dataclasses whose methods are compiled when they are first used.

`dataclasses.dataclass` writes the source of a class's methods and compiles it when the class is made: 0.7 ms a class,
which for the hundred classes of a function was a fifth of its cold start, though few of them are shown, compared or
even made by its first invocation. Here a class has its fields, slots and match arguments at once; `__init__`,
`__repr__`, `__eq__` and `__hash__` are the standard library's too, made with the first call of each.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass", "field"]

_MADE_TOGETHER = {"__init__": ("__init__",), "__repr__": ("__repr__",)} | dict.fromkeys(
    ("__eq__", "__hash__"), ("__eq__", "__hash__")
)

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(
        *, frozen: bool = False, slots: bool = False, kw_only: bool = False
    ) -> Callable[[type[Any]], type[Any]]:
        """As `dataclasses.dataclass`, of whose options there are these three."""

        def decorated(cls: type[Any]) -> type[Any]:
            cls.__doc__ = cls.__doc__ or cls.__name__  # else the standard library puts a signature together
            own = set(cls.__dict__)
            if frozen:
                if changed := own & {"__setattr__", "__delattr__"}:
                    raise TypeError(f"{cls.__name__} is frozen, and has its own {', '.join(sorted(changed))}")
                if "__eq__" in own and cls.__hash__ is None:  # Python put it there, since the class says what is equal
                    own.discard("__hash__")
            made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)(cls)
            for name in ("__init__", "__repr__", "__eq__", *(("__hash__",) if frozen else ())):
                if name not in own:
                    setattr(made, name, _made_when_called(made, name, frozen=frozen))
            if frozen:
                _freeze(made, copied=slots and not own & {"__getstate__", "__setstate__"})
            elif "__hash__" not in own:
                made.__hash__ = None
            return made

        return decorated


def _made_when_called(cls: type[Any], name: str, *, frozen: bool) -> Callable[..., Any]:
    def method(self: object, /, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - those of the method
        _make(cls, _MADE_TOGETHER[name], frozen=frozen)
        return getattr(cls, name)(self, *arguments, **named)

    method.__name__, method.__qualname__ = name, f"{cls.__qualname__}.{name}"
    method.__dict__["stands_in"] = True
    return method


def _make(cls: type[Any], names: tuple[str, ...], *, frozen: bool) -> None:
    # The methods name no class: they can be those of any class that has the same fields.
    fields = dataclasses.fields(cls)
    body: dict[str, Any] = {
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__doc__": cls.__doc__,
        "__annotations__": {each.name: each.type for each in fields},
    } | {each.name: _copied(each) for each in fields}
    if hasattr(cls, "__post_init__"):
        body["__post_init__"] = None  # is called where the class has one
    wanted = {"init": "__init__" in names, "repr": "__repr__" in names, "eq": "__eq__" in names}
    same: type[Any] = dataclasses.dataclass(frozen=frozen, **wanted)(type(cls.__name__, (), body))
    for name in names:
        if getattr(cls.__dict__.get(name), "stands_in", False):
            setattr(cls, name, same.__dict__[name])


def _copied(known: dataclasses.Field[Any]) -> Any:  # noqa: ANN401 - what stands in a class's body
    default: dict[str, Any] = {}
    if known.default is not dataclasses.MISSING:
        default["default"] = known.default
    elif known.default_factory is not dataclasses.MISSING:
        default["default_factory"] = known.default_factory
    return field(
        init=known.init, repr=known.repr, hash=known.hash, compare=known.compare, kw_only=known.kw_only, **default
    )


def _freeze(cls: Any, *, copied: bool) -> None:  # noqa: ANN401 - a class, whose methods are set
    names = frozenset(each.name for each in dataclasses.fields(cls))

    def set_attribute(self: object, name: str, value: object) -> None:
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    def delete_attribute(self: object, name: str) -> None:
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    cls.__setattr__ = set_attribute
    cls.__delattr__ = delete_attribute
    if copied:  # what copies and pickles would set attributes else
        cls.__getstate__ = _state
        cls.__setstate__ = _set_state


def _state(self: Any) -> list[Any]:  # noqa: ANN401 - one of such a class
    return [getattr(self, each.name) for each in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:  # noqa: ANN401 - one of such a class
    for each, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, each.name, value)
