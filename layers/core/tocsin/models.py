"""Models that pydantic validates where they are given, and that whoever reads them from a table builds without it.

The API validates the configuration, secrets and preferences before it stores them. The matcher and the transports only
read them: loading pydantic and building its validators was a quarter of their cold start. So such a model is a
dataclass, whose annotations say what pydantic checks and are texts until it does. They may use pydantic's names and
those of `tocsin.fields`, which a model's module imports for type checkers only:

    @dataclass(frozen=True, kw_only=True)
    class Step(Model):
        name: Name
        severity: Severity = field(default=Severity.NOTICE, metadata=stored_as(Severity))
        transports: Annotated[tuple[Name, ...], Field(max_length=10)] = field(default=(), metadata=stored_as(tuple))

A check of several fields is a `__post_init__` that raises ValueError.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Self, get_type_hints

import orjson

from tocsin.errors import Invalid, violations
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, TypeAdapter
    from pydantic_core import CoreSchema

_READER = "reader"


def stored_as(reader: Callable[[Any], object]) -> dict[str, Callable[[Any], object]]:
    """Return the metadata of a field whose JSON is of another type: `reader` makes the value from it, unless null."""
    return {_READER: reader}


def each[Value](reader: Callable[[Any], Value]) -> Callable[[list[Any]], tuple[Value, ...]]:
    """Return the reader of a list whose entries `reader` reads."""
    return lambda stored: tuple(map(reader, stored))


def each_value[Value](reader: Callable[[Any], Value]) -> Callable[[dict[str, Any]], dict[str, Value]]:
    """Return the reader of an object whose members' values `reader` reads."""
    return lambda stored: {name: reader(value) for name, value in stored.items()}


class Model:
    """The base of such models. Fields that a model does not have are refused, by pydantic and by `stored`."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    @classmethod
    def stored(cls, document: JsonObject) -> Self:
        """Build one from what `as_json` gave, which is not validated again.

        Raises ValueError for a field that the model does not have or lacks, and for a value that its reader refuses.
        """
        model: Any = cls
        readers = _readers(model)
        try:
            given = {
                name: readers[name](value) if name in readers and value is not None else value
                for name, value in document.items()
            }
            return cls(**given)
        except (TypeError, AttributeError) as error:
            raise ValueError(f"not what is stored of a {cls.__name__}: {error}") from error

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        if any(isinstance(known.type, str) for known in fields(source)):  # once, however many models it stands in
            hints = get_type_hints(source, globalns=_names(source), include_extras=True)
            for known in fields(source):
                known.type = hints[known.name]
        return handler(source)


def fields_of(entry: object, model: Any = None) -> dict[str, Any]:  # noqa: ANN401 - a dataclass
    """Return the fields of an entry, or those that it has in common with `model`, as they are: not as JSON."""
    shape: Any = type(entry) if model is None else model
    return {one.name: getattr(entry, one.name) for one in fields(shape)}


@cache
def _readers(model: type[Model]) -> dict[str, Callable[[Any], object]]:
    known: tuple[Any, ...] = fields(model)  # type: ignore[arg-type]  # all are dataclasses
    return {one.name: one.metadata[_READER] for one in known if _READER in one.metadata}


def _names(model: type[Any]) -> dict[str, Any]:
    """What the annotations of a model, and of those that it is made from, may name."""
    import pydantic  # noqa: PLC0415 - not before something is validated

    from tocsin import fields as types  # noqa: PLC0415

    names = {name: getattr(pydantic, name) for name in ("AfterValidator", "FailFast", "Field")} | vars(types)
    for base in reversed(model.__mro__):
        names |= vars(sys.modules[base.__module__])
    return names


@cache
def adapter(model: Any) -> TypeAdapter[Any]:  # noqa: ANN401 - a type, or a union of types
    """Return what validates and dumps a model, built once. It loads pydantic."""
    from pydantic import TypeAdapter  # noqa: PLC0415

    return TypeAdapter(model)


def validated[Shape](model: type[Shape], given: object) -> Shape:
    """Return `given` as a model. Raises pydantic's ValidationError."""
    shape: Any = model
    checked: Shape = adapter(shape).validate_python(given)
    return checked


def accepted[Shape](model: type[Shape], given: Json, *, prefix: str = "") -> Shape:
    """Return what somebody gave as a model. Raises Invalid naming each wrong field, with `prefix` before its path."""
    from pydantic import ValidationError  # noqa: PLC0415

    try:
        return validated(model, given)
    except ValidationError as error:
        raise Invalid(violations(error, given, prefix=prefix)) from None


def are_same(one: Json, other: Json) -> bool:
    """Whether two JSON values are the same, whatever the order of members. For Python 1, 1.0 and true are equal."""
    as_text, other_text = (orjson.dumps(value, option=orjson.OPT_SORT_KEYS) for value in (one, other))
    return as_text == other_text


def as_json(entry: object, *, exclude_defaults: bool = False, exclude_none: bool = False) -> JsonObject:
    """Return an entry as JSON has it."""
    shape: Any = type(entry)
    shown: JsonObject = adapter(shape).dump_python(
        entry, mode="json", exclude_defaults=exclude_defaults, exclude_none=exclude_none
    )
    return shown
