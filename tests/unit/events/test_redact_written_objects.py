"""An object that is written in a text is masked as one that comes as such, and the rest of the text stays."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.events.secret_notations import INNOCENT_OBJECTS, OBJECTS
from tests.unit.events.secret_payloads import S
from tocsin.events.redact import MASK, cleanse

WRITTEN = {name: held for name, held in OBJECTS.items() if name != "parameters of API Gateway"}
"""Those that have a name beside a value."""


def masked(text: str) -> str:
    return text.replace(json.dumps([S]), json.dumps(MASK)).replace(S, MASK)


@pytest.mark.parametrize("around", ["{}", "got {} from h", "a\n{}\nb", "[{}]", '{{"n": [{}]}}'])
@pytest.mark.parametrize("held", WRITTEN.values(), ids=WRITTEN)
def test_json_in_a_text_is_masked_as_the_object_is(held: Any, around: str) -> None:
    text = around.format(json.dumps(held))

    assert cleanse(text) == masked(text)


@pytest.mark.parametrize("held", WRITTEN.values(), ids=WRITTEN)
def test_json_in_json_in_a_text_is_masked_as_the_object_is(held: Any) -> None:
    expected = json.dumps({"body": masked(json.dumps(held))})

    assert cleanse(json.dumps({"body": json.dumps(held)})) == expected


@pytest.mark.parametrize("held", WRITTEN.values(), ids=WRITTEN)
def test_a_dump_of_python_in_a_text_is_masked_as_the_object_is(held: Any) -> None:
    assert cleanse(f"got {held!r}") == f"got {held!r}".replace(repr([S]), repr(MASK)).replace(S, MASK)


@pytest.mark.parametrize("held", INNOCENT_OBJECTS)
def test_an_object_without_a_secret_stays_in_a_text_too(held: Any) -> None:
    assert cleanse(json.dumps(held)) == json.dumps(held)
    assert cleanse(f"token {held!r}") == f"token {held!r}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"field": "password", "value": "x"}', '{"field": "password", "value": "***"}'),
        ('{"name": "api_key", "value": "x"}', '{"name": "api_key", "value": "***"}'),
        ('{"value": "x", "n": [1, {}], "field": "password"}', '{"value": "***", "n": [1, {}], "field": "password"}'),
        ('{"name": "api_key", "tags": ["a"], "value": "x"}', '{"name": "api_key", "tags": ["a"], "value": "***"}'),
        (
            '{"field": "password", "note": "a \\"b\\"", "new": "x"}',
            '{"field": "password", "note": "a \\"b\\"", "new": "***"}',
        ),
        ('{"field": "password", "new": "a \\"b\\""}', '{"field": "password", "new": "***"}'),
        ('{"field": "password", "new": 123456}', '{"field": "password", "new": "***"}'),
        ('{"field": "password", "new": ["a", {"b": "c"}]}', '{"field": "password", "new": "***"}'),
        ('{"field": "password", "new": "x", "new": "y"}', '{"field": "password", "new": "***", "new": "***"}'),
        ('{"field": "password", "old": null, "new": true}', '{"field": "password", "old": null, "new": true}'),
        ('{"field": "password", "old": "", "new": "x"}', '{"field": "password", "old": "", "new": "***"}'),
        ('{"field": "token_count", "old": 5, "new": 6}', '{"field": "token_count", "old": 5, "new": 6}'),
        ('{"field": "color", "old": "a"}, {"field": "token"', '{"field": "color", "old": "a"}, {"field": "token"'),
        ('cut {"field": "password", "new": "abc', 'cut {"field": "password", "new": "***'),
        ('cut {"field": "password", "new": "abc"', 'cut {"field": "password", "new": "***"'),
        ('{"field": "password", "new": "x", oh}', '{"field": "password", "new": "***", oh}'),
        ('{"a": oh no} {"field": "password", "new": "x"}', '{"a": oh no} {"field": "password", "new": "***"}'),
        ('{"field_name": "password", "new_value": "x"}', '{"field_name": "password", "new_value": "***"}'),
        ('{"field"=>"password", "new"=>"x"}', '{"field"=>"password", "new"=>"***"}'),
        ('{\n  "field": "password",\n  "new": "x"\n}', '{\n  "field": "password",\n  "new": "***"\n}'),
        (
            '{\\n  \\"field\\": \\"password\\",\\n  \\"new\\": \\"x\\"\\n}',
            '{\\n  \\"field\\": \\"password\\",\\n  \\"new\\": \\"***\\"\\n}',
        ),
        (
            '{"field": "secret", "new": {"app": "a", "model_name": "key", "pk": 1}}',
            '{"field": "secret", "new": {"app": "a", "model_name": "key", "pk": 1}}',
        ),
    ],
)
def test_the_value_alone_is_masked(text: str, expected: str) -> None:
    assert cleanse(text) == expected.replace("***", MASK)


# Laws
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["password", "color", "a\"b'"])
)
NAMES = st.sampled_from(["field", "name", "type", "id", "value", "new", "old", "from", "n"])
HELD = st.recursive(
    st.dictionaries(NAMES, SCALARS, max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner | SCALARS, max_size=4),
    max_leaves=6,
)
PIECES = st.lists(
    st.sampled_from(
        [
            *('{"field":"password"', ',"new":"x"', '"old":', '"', "'", "{", "}", "[", "]", ",", ":", "=>", "\\", '\\"'),
            *('{\\"field\\":\\"password\\"', ',\\"new\\":\\"x\\"', "1", "null", "a", " ", "\n", "\\n", MASK),
            *("{'field': 'password'", ", 'new': 'x'", '"value": "y"', "&quot;", "\\u0022"),
        ]
    ),
    max_size=12,
).map("".join)


@given(PIECES)
def test_masking_objects_twice_is_masking_them_once(text: str) -> None:
    once = cleanse(text)

    assert cleanse(once) == once


@given(HELD)
def test_json_stays_json_and_nothing_is_left_that_would_be_masked(held: Any) -> None:
    read = json.loads(cleanse(json.dumps(held)))

    assert _told(cleanse(read)) == _told(read)


def _told(held: Any) -> Any:
    """Without what is empty: in a text there is nothing to mask."""
    if isinstance(held, dict):
        return {key: _told(each) for key, each in held.items() if each not in ("", MASK)}
    return [_told(each) for each in held] if isinstance(held, list) else held
