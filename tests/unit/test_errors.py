"""pydantic's errors as paths in JSON's terms."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError, field_validator

from tocsin.errors import MOST, Violation, path, violations
from tocsin.types import JsonObject


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Circle(_Model):
    kind: Literal["circle"]
    radius: StrictInt


class Pattern(_Model):
    kind: Literal["pattern"]
    pattern: dict[str, StrictInt]


class Drawing(_Model):
    pk: StrictInt | StrictStr = 0
    shapes: tuple[Annotated[Circle | Pattern, Field(discriminator="kind")], ...] = ()
    title: str = ""

    @field_validator("title")
    @classmethod
    def _no_shouting(cls, value: str) -> str:
        if value.isupper():
            raise ValueError(f"is too loud: {value}")
        return value


def found(document: JsonObject, prefix: str = "") -> list[Violation]:
    with pytest.raises(ValidationError) as caught:
        Drawing.model_validate(document)
    return violations(caught.value, document, prefix=prefix)


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({"pk": 1.5}, {"pk"}),
        ({"colour": 1}, {"colour"}),
        ({"union": 1}, {"union"}),
        ({"shapes": [{}]}, {"shapes[0]"}),
        ({"shapes": [{"kind": "square"}]}, {"shapes[0]"}),
        ({"shapes": [{"kind": "circle"}]}, {"shapes[0].radius"}),
        ({"shapes": [{"kind": "circle", "radius": "x"}]}, {"shapes[0].radius"}),
        ({"shapes": [{"kind": "circle", "radius": 1, "circle": 1}]}, {"shapes[0].circle"}),
        ({"shapes": [{"kind": "pattern"}]}, {"shapes[0].pattern"}),
        ({"shapes": [{"kind": "pattern", "pattern": {"pattern": "x"}}]}, {"shapes[0].pattern.pattern"}),
        ({"shapes": {}}, {"shapes"}),
    ],
)
def test_a_path_has_fields_and_no_names_of_types(document: JsonObject, where: set[str]) -> None:
    assert {violation.path for violation in found(document)} == where


def test_sentences_are_for_people() -> None:
    messages = {violation.path: violation.message for violation in found({"x": 1, "shapes": [5], "title": "LOUD"})}

    assert messages == {"x": "is not a known field", "shapes[0]": "must be an object", "title": "is too loud: LOUD"}


def test_a_prefix_stands_before_each_path() -> None:
    assert [violation.path for violation in found({"x": 1}, prefix="drawings[3]")] == ["drawings[3].x"]


def test_a_bounded_number_is_told_each_in_short() -> None:
    told = found({f"{'k' * 1000}{i}": i for i in range(1000)} | {"title": "A" * 10_000})

    assert len(told) == MOST
    assert max(len(violation.path) + len(violation.message) for violation in told) < 750


def test_without_the_document_a_location_is_shown_as_it_is() -> None:
    assert path(("rules", 3, "bindings", 0, "policy")) == "rules[3].bindings[0].policy"
