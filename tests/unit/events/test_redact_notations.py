"""Names and values in notations that few logs have: the value is masked, and all else stays readable."""

import json

import pytest

from tests.unit.events.secret_notations import INNOCENT_NOTATIONS, INNOCENT_OBJECTS, NOTATIONS, OBJECTS
from tests.unit.events.secret_payloads import S
from tocsin.events.redact import MASK, cleanse


@pytest.mark.parametrize("around", ["{}", "got {} from h", "a\n{}\nb"])
@pytest.mark.parametrize("text", NOTATIONS.values(), ids=NOTATIONS)
def test_a_value_in_any_notation_is_masked_and_nothing_else(text, around):
    text = around.format(text)

    cleansed = cleanse(text)

    assert cleansed == text.replace(f"correct horse {S}", S).replace(S, MASK)
    assert cleanse(cleansed) == cleansed


def test_a_quote_within_a_value_does_not_end_it():
    assert cleanse(f"{{\\u0022password\\u0022:\\u0022a\\\\\\u0022{S}\\u0022}}") == (
        f"{{\\u0022password\\u0022:\\u0022{MASK}\\u0022}}"
    )


@pytest.mark.parametrize("text", INNOCENT_NOTATIONS)
def test_a_text_that_is_like_such_a_notation_stays_as_it_is(text):
    assert cleanse(text) == text
    assert cleanse(f"got {text} from h") == f"got {text} from h"


@pytest.mark.parametrize("held", OBJECTS.values(), ids=OBJECTS)
def test_a_value_beside_its_name_is_masked_and_nothing_else(held):
    expected = json.loads(json.dumps(held).replace(json.dumps([S]), json.dumps(MASK)).replace(S, MASK))

    assert cleanse(held) == expected
    assert cleanse(expected) == expected


@pytest.mark.parametrize("held", INNOCENT_OBJECTS)
def test_a_value_beside_another_name_stays_as_it_is(held):
    assert cleanse(held) == held
