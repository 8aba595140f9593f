"""A rule's own title, body and runbook are checked when it is saved."""

from typing import Any

import pytest

from tests.unit.config.test_blueprint_validate import RULE, wrong


def wrong_rule(**fields: Any) -> dict[str, str]:
    return wrong(rules=[RULE | fields])


def test_a_rule_may_have_words_of_its_own() -> None:
    words = {
        "title": "{{ event.user.username }} can't get in",
        "body": "{% for key, value in event.context | items %}{{ key }}: {{ value }}{% endfor %}",
        "runbook": "https://wiki.example.com/logins?a=b#c",
    }

    assert wrong_rule(**words) == {}


@pytest.mark.parametrize(
    ("fields", "path", "message"),
    [
        ({"title": "{{ evnt }}"}, "rules[0].title", "line 1: there is no 'evnt'; there are: event, notification"),
        ({"body": "a\n{{ event.action"}, "rules[0].body", "line 2: "),
        ({"body": "{{ cycler() }}"}, "rules[0].body", "line 1: calls are not allowed"),
        ({"runbook": "javascript:alert(1)"}, "rules[0].runbook", "must be an http(s) link with a host"),
        ({"runbook": "wiki.example.com"}, "rules[0].runbook", "'wiki.example.com'"),
    ],
    ids=["unknown name", "not closed", "a call", "a script", "no scheme"],
)
def test_words_that_could_never_be_told_are_refused_with_their_place(
    fields: dict[str, str], path: str, message: str
) -> None:
    refused = wrong_rule(**fields)

    assert list(refused) == [path]
    assert message in refused[path]
