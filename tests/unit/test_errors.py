"""pydantic's errors as paths in JSON's terms."""

import re
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError, field_validator

import tocsin
from tocsin.errors import MOST, PATTERNS, ConfigurationBroken, Violation, path, violations
from tocsin.fields import Name
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


class Limited(_Model):
    name: Annotated[str, Field(min_length=2, max_length=5)] = "abc"
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    most: Annotated[int, Field(ge=1, le=2000)] = 1
    key: Name = "key"
    few: Annotated[tuple[StrictInt, ...], Field(min_length=1, max_length=2)] = (1,)
    pairs: Annotated[dict[str, StrictInt], Field(max_length=1)] = {}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"name": "abcdefg"}, "has 7 characters; at most 5 are taken"),
        ({"name": "a"}, "has 1 characters; at least 2 are needed"),
        ({"name": ""}, "is empty"),
        ({"share": 0}, "must be more than 0.0: 0"),
        ({"share": 1.5}, "must be less than 1.0: 1.5"),
        ({"most": 0}, "must be at least 1: 0"),
        ({"most": 2001}, "must be at most 2000: 2001"),
        ({"few": "1"}, "must be a list"),
        ({"few": []}, "has 0 entries; at least 1 are needed"),
        ({"few": [1, 2, 3]}, "has 3 entries; at most 2 are taken"),
        ({"pairs": {"a": 1, "b": 2}}, "has 2 entries; at most 1 are taken"),
        ({"key": "ümlaut"}, PATTERNS[r"^[A-Za-z0-9][A-Za-z0-9 ._:@+-]*$"]),
    ],
)
def test_a_limit_is_named_with_what_was_given_and_no_text_that_may_be_a_secret(
    document: JsonObject, message: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        Limited.model_validate(document)

    (told,) = violations(refused.value, document)
    assert (told.path, told.message) == (next(iter(document)), message)


def test_entries_that_are_wrong_are_not_too_few_as_well() -> None:
    with pytest.raises(ValidationError) as refused:
        Limited.model_validate({"few": ["x"]})

    assert [told.path for told in violations(refused.value, {"few": ["x"]})] == ["few[0]"]


def test_a_number_too_long_to_be_written_is_not() -> None:
    with pytest.raises(ValidationError) as refused:
        Limited.model_validate({"share": 10**5000})

    assert len(violations(refused.value)) == 1


def test_each_pattern_of_a_field_is_told_in_words() -> None:
    asked = {
        pattern
        for file in Path(tocsin.__file__).parent.rglob("*.py")
        for pattern in re.findall(r'Field\([^)]*pattern=r"((?:[^"])+)"', file.read_text("utf-8"))
    }

    assert asked == set(PATTERNS)


def test_a_configuration_that_can_not_be_used_is_said_in_the_log() -> None:
    assert ConfigurationBroken("the snapshot is not whole").logged == "the snapshot is not whole"
