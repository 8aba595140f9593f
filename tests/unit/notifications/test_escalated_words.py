"""What a step of an escalation says, to whom, in each language, and that it is a notification of its own."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.notifications.test_context import rendering_context
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.model import delivery_id, notification_id
from tocsin.notifications.outcome import Outcome, State
from tocsin.notifications.remarks import escalated, held_back, in_short, translated
from tocsin.notifications.rule_words import RuleWords, in_rules_words
from tocsin.notifications.translations import ENGLISH, Catalogues
from tocsin.notifications.webhook import message_id
from tocsin.notifications.wording import Words, words_of

GERMAN = Catalogues.packaged().best("de")
QUARTER = timedelta(minutes=15)
OWN = RuleWords(group="oncall", event_user=True, groups_of_steps=("second", "chiefs"))


def told(step: int | None, remark: str | None = None, language: str = "en") -> Words:
    """What the first person of a rule with two steps reads."""
    made = rendering_context({}, action="logout")
    given = replace(made, step=step)
    if remark is not None:
        given = replace(given, notification=made.notification.with_remark(remark))
    seen: list[RenderingContext] = []

    def deliver(context: RenderingContext) -> Outcome:
        seen.append(context)
        return Outcome(State.DELIVERED, "ok")

    in_rules_words(deliver, lambda _: OWN, "")(given)
    return words_of(seen[0], GERMAN if language == "de" else ENGLISH)


def test_a_step_says_that_it_is_one_and_what_did_not_happen() -> None:
    words = told(1, escalated(1, QUARTER, unless_seen=False))

    assert words.title == "Escalated: Logout"
    assert words.text == ("mallory logged out from 10.0.0.1 (escalated: step 1, nobody acknowledged it within 15 min)")


def test_a_step_says_so_in_german() -> None:
    words = told(2, escalated(2, timedelta(hours=1, minutes=30), unless_seen=True), "de")

    assert words.title is not None and words.title.startswith("Eskaliert: ")
    assert words.text.endswith("(eskaliert: Stufe 2, niemand hat es innerhalb von 1 h 30 min gesehen)")


def test_a_rules_own_body_has_the_remark_in_the_readers_language_too() -> None:
    remark = escalated(1, QUARTER, unless_seen=False)
    made = rendering_context()
    remarked = made.notification.with_remark(remark)

    def german(body: str) -> str:
        return words_of(replace(made, notification=replace(remarked, body=body)), GERMAN).text

    assert german(f"Look. ({remark})") == ("Look. (eskaliert: Stufe 1, niemand hat es innerhalb von 15 min bestätigt)")
    assert german("Rewritten by a mapping") == "Rewritten by a mapping"


@pytest.mark.parametrize(("step", "group"), [(None, "oncall"), (1, "second"), (2, "chiefs"), (3, "oncall")])
def test_people_are_told_by_which_group_they_hear_of_it(step: int | None, group: str) -> None:
    assert told(step).why == f"You are told since you are in “{group}” and rule “failed logins” fired."


def test_a_step_is_a_notification_and_a_delivery_of_its_own() -> None:
    context = rendering_context()
    ids = {notification_id(context.event.id, "r", "ana", step) for step in (None, 1, 2)}
    deliveries = {delivery_id(context.event.id, "r", "t", "ana", step) for step in (None, 1, 2)}
    webhooks = {message_id(replace(context, step=step)) for step in (None, 1, 2)}

    assert [len(each) for each in (ids, deliveries, webhooks)] == [3, 3, 3]


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(seconds=90), "1 min"),
        (timedelta(seconds=59), "0 min"),
        (timedelta(hours=2), "2 h"),
        (timedelta(days=7), "7 d"),
        (timedelta(days=1, hours=1, minutes=1), "1 d 1 h 1 min"),
    ],
    ids=str,
)
def test_times_are_short(span: timedelta, said: str) -> None:
    assert in_short(span) == said


@pytest.mark.parametrize(
    "remark", [held_back(1234), escalated(1, QUARTER, unless_seen=True), "as another version says"]
)
def test_a_remark_is_itself_in_english(remark: str) -> None:
    assert translated(remark, ENGLISH) == remark
