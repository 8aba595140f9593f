"""Templates: JSON with holes."""

import re
from typing import Any

import pytest

from tocsin.notifications.presets.template import ABSENT, Dialect, Squeeze, Values, rendered


def made(template: Any, **options: Any) -> Any:
    values = Values(
        known={"link": "https://example.com/", "count": 7, "none": None, "severity": "alert"},
        free={"title": "Login failed", "text": "abcdefghij", "empty": ""},
        lists={"facts": ([("a", "1"), ("b", "2"), ("c", "3")], options.pop("beyond", 0)), "nothing": ([], 0)},
        **options,
    )
    return rendered(template, values)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{title}", "Login failed"),
        ("{title}: {text|5}", "Login failed: abcd…"),
        ("{text|6b}", "abc…"),
        ("{count}", 7),
        ("{count} events", "7 events"),
        ({"a": "{none}", "b": "{count}"}, {"b": 7}),
        (["{none}", "{count}"], [7]),
        ({"$if": "link", "then": "yes", "else": "no"}, "yes"),
        ({"$if": "none", "then": "yes", "else": "no"}, "no"),
        ({"$if": "empty", "then": "yes"}, ABSENT),
        ([{"$if": "none", "then": "yes"}], []),
        ({"$by": "severity", "alert": 5, "else": 3}, 5),
        ({"$by": "title", "else": 3}, 3),
        ({"$by": "title"}, ABSENT),
        ({"$each": "facts", "as": "{label}={value}"}, ["a=1", "b=2", "c=3"]),
        (["x", {"$each": "facts", "as": "{label}"}, "y"], ["x", "a", "b", "c", "y"]),
        ({"$each": "facts", "as": "{label}", "most": 2}, ["a", "…"]),
        ({"$each": "facts", "as": "{value}", "most": 2}, ["1", "2 more not shown"]),
        ({"$each": "facts", "as": "{value}", "most": 3}, ["1", "2", "3"]),
        ({"$each": "facts", "key": "{label}", "as": "{value}"}, {"a": "1", "b": "2", "c": "3"}),
        ({"$each": "facts", "key": "same", "as": "{value}"}, {"same": "1", "same (1)": "2", "same (2)": "3"}),
        ({"$each": "nothing", "as": "{value}"}, []),
        ({"$lines": ["{title}", "{none}", "{empty}", "{count}"]}, "Login failed\n7"),
        ({"$lines": ["{title}", {"$each": "facts", "as": "{label}"}], "between": ", "}, "Login failed, a, b, c"),
        ({"$basic": ["user", "{count}"]}, "Basic dXNlcjo3"),
        ({"$schema": "x"}, {"$schema": "x"}),
        ([1, 2.5, True, None], [1, 2.5, True, None]),
    ],
)
def test_a_template_is_filled(template: Any, expected: Any) -> None:
    assert made(template) == expected


def test_what_was_left_out_before_is_counted_with_what_is_left_out_here() -> None:
    assert made({"$each": "facts", "as": "{value}"}, beyond=5) == ["1", "2", "3", "5 more not shown"]
    assert made({"$each": "facts", "as": "{value}", "most": 3}, beyond=5) == ["1", "2", "6 more not shown"]


def test_a_squeeze_cuts_what_others_chose_and_nothing_else() -> None:
    said = made(
        ["{title}", "{severity}", "{link}", {"$each": "facts", "as": "{value}"}],
        squeeze=Squeeze(text=5, entries=0, link=10),
    )

    assert said == ["Logi…", "alert"]


def test_what_would_act_is_opened_and_escaped() -> None:
    dialect = Dialect(re.compile(r"@(?=all)"), {"<": "&lt;"})
    values = Values(known={"link": "https://a/?b=<c>"}, free={"text": "<b> @all"}, lists={}, dialect=dialect)

    assert rendered("{text} {link}", values) == "&lt;b> @\u200ball https://a/?b=<c>"
    assert rendered("{text|6}", values) == "&lt;b…"


@pytest.mark.parametrize("template", ["{absent}", {"$each": "absent", "as": ""}])
def test_a_template_that_names_what_there_is_not_is_an_error(template: Any) -> None:
    with pytest.raises(KeyError):
        made(template)
