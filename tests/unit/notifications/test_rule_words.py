"""A rule's own title, body and runbook: rendered for each notification, checked before they are stored."""

import pytest

from tests.loaded_modules import loaded_by
from tests.unit.notifications.test_context import rendering_context
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.outcome import Outcome, State
from tocsin.notifications.rule_words import (
    MAX_BODY,
    MAX_TITLE,
    RuleWords,
    check_runbook,
    check_template,
    in_rules_words,
)
from tocsin.notifications.templates.sandbox import TemplateRejected
from tocsin.notifications.text import MARK, units
from tocsin.types import JsonObject


def told(own: RuleWords | None, context: RenderingContext | None = None) -> tuple[RenderingContext, Outcome]:
    """What is delivered by a rule that says `own`, and the outcome."""
    delivered: list[RenderingContext] = []

    def deliver(given: RenderingContext) -> Outcome:
        delivered.append(given)
        return Outcome(State.DELIVERED, "sent")

    names = {"failed logins": own}
    outcome = in_rules_words(deliver, names.get, "https://api.example.com/console")(context or rendering_context())
    return delivered[0], outcome


def test_a_rules_title_and_body_are_rendered_with_what_templates_see() -> None:
    own = RuleWords(
        title="{{ event.user.username }} can't get in",
        body="{{ user.name }}: {{ event.context.reason | default('no reason') }} ({{ rule.name }}, {{ severity }})",
    )

    context, outcome = told(own)

    assert context.title == "mallory can't get in"
    assert context.notification.body == "Alice Adams: wrong password (failed logins, alert)"
    assert outcome == Outcome(State.DELIVERED, "sent")


@pytest.mark.parametrize(
    "own", [RuleWords(title="Refund"), RuleWords(title="Refund", body="  "), RuleWords(title="Refund", body="{# #}")]
)
def test_a_title_without_a_body_leaves_the_sentence(own: RuleWords) -> None:
    given = rendering_context()

    context, _ = told(own, given)

    assert (context.title, context.notification) == ("Refund", given.notification)


def test_a_rule_without_words_changes_nothing() -> None:
    given = rendering_context()

    context, _ = told(RuleWords(group="oncall"), given)

    assert (context.notification, context.title) == (given.notification, None)
    assert context.own == RuleWords(group="oncall")
    assert context.console == "https://api.example.com/console"


def test_a_notification_of_no_rule_is_told_in_tocsins_words() -> None:
    context, _ = told(None)

    assert (context.own, context.title) == (None, None)


def test_a_template_that_fails_on_an_event_keeps_nobody_from_being_told() -> None:
    given = rendering_context({})

    context, outcome = told(RuleWords(title="{{ event.context.reason }}", body="{{ event.context.order.id }}"), given)

    assert (context.title, context.notification) == (None, given.notification)
    assert (outcome.state, outcome.mapping) == (State.DELIVERED, True)
    assert outcome.detail is not None
    assert "the rule's title failed: " in outcome.detail
    assert "body failed: " in outcome.detail


def test_what_held_more_back_is_said_behind_a_rules_body_too() -> None:
    made = rendering_context()
    remarked = RenderingContext.of(made.notification.with_remark("and 3 more held back"), made.transport)

    context, _ = told(RuleWords(body="Look."), remarked)

    assert context.notification.body == "Look. (and 3 more held back)"


@pytest.mark.parametrize("blank", ["{# nothing #}", " \n ", "{% if false %}x{% endif %}"])
def test_a_body_or_title_that_says_nothing_is_none(blank: str) -> None:
    given = rendering_context()

    context, outcome = told(RuleWords(title=blank, body=blank), given)

    assert (context.title, context.notification.body) == (None, given.notification.body)
    assert not outcome.mapping


def test_long_words_are_cut_with_a_mark() -> None:
    value: JsonObject = {"x": "😀" * 5_000}

    context, _ = told(RuleWords(title="{{ event.context.x }}", body="{{ event.context.x }}"), rendering_context(value))

    assert context.title is not None
    assert (units(context.title), context.title[-1]) == (MAX_TITLE - 1, MARK)
    assert (units(context.notification.body), context.notification.body[-1]) == (MAX_BODY - 1, MARK)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{{ evnt.action }}", "line 1: there is no 'evnt'; there are: event, notification, rule, severity"),
        ("{{ event.action", "line 1: "),
        ("\n{{ range(9) }}", "line 2: calls are not allowed"),
        ("{% include 'x' %}", "line 1: include is not allowed"),
    ],
)
def test_a_template_that_could_never_be_rendered_is_refused_with_its_place(source: str, why: str) -> None:
    with pytest.raises(TemplateRejected) as refused:
        check_template(source)

    assert why in str(refused.value)


@pytest.mark.parametrize(
    "source",
    [
        "{{ event.user.username | default('somebody') }}",
        "{% for key, value in event.context | items %}{{ loop.index }} {{ key }}{% endfor %}",
        "{% set who = user.name %}{{ who }}",
    ],
)
def test_a_template_may_name_things_itself(source: str) -> None:
    check_template(source)


@pytest.mark.parametrize("url", ["ftp://x.example/", "javascript:alert(1)", "wiki/page", "https://a:b@x.example/", "x"])
def test_a_runbook_is_a_web_link(url: str) -> None:
    with pytest.raises(ValueError, match="http"):
        check_runbook(url)


def test_rules_without_words_load_no_template_engine() -> None:
    loaded = loaded_by("import tocsin.notifications.rule_words, tocsin.notifications.wording")

    assert not {"jinja2", "pydantic", "boto3"} & loaded
