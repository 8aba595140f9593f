"""The types of JSON values, for annotations, and a page of a list."""

from __future__ import annotations

from tocsin.records import dataclass

type Json = bool | int | float | str | list[Json] | dict[str, Json] | None
type JsonObject = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Page[Entry]:
    """Some entries of a list, in its order. `last` is the key after which the next page begins, None at the end."""

    items: tuple[Entry, ...]
    last: str | None
