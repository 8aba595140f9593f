"""An event as leaves, and whether one choice of array elements meets all conditions."""

import pytest

from tocsin.patterns import Pattern
from tocsin.patterns.leaves import NOWHERE, Step, consistent


def test_a_condition_that_no_leaf_meets_can_not_be_met() -> None:
    assert not consistent([Step([NOWHERE]), Step([])])


def test_a_condition_of_absence_is_met_where_there_is_no_leaf() -> None:
    assert consistent([Step([NOWHERE]), Step([], there=[])])
    assert not consistent([Step([NOWHERE]), Step([], there=[NOWHERE])])


def test_a_value_that_json_does_not_know_is_refused() -> None:
    with pytest.raises(TypeError, match="not set"):
        Pattern({"a": [1]}).matches({"a": {1}})  # type: ignore[dict-item]
