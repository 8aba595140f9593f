"""The types of JSON values, for annotations."""

from typing import Dict, List, TypeAlias, Union  # noqa: UP035 - a list of itself, on Python 3.10

Json: TypeAlias = Union[bool, int, float, str, List["Json"], Dict[str, "Json"], None]  # noqa: UP006, UP007
JsonObject: TypeAlias = Dict[str, Json]  # noqa: UP006
