"""What is switched off tells nobody, also when it is while a rule's people are being told; how long a story is kept."""

from datetime import UTC, datetime, timedelta

from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import HOOK, INBOX, configure, event, match, rule, store, told, work
from tocsin.events.model import Cause
from tocsin.identity.directory import User
from tocsin.times import parse_duration


def test_a_disabled_transport_is_told_nothing_and_the_others_are(stack: Stack) -> None:
    configure(stack, transports=[INBOX, HOOK | {"enabled": False}], rules=[rule(transports=["inbox", "hook"])])

    match(stack, event())

    assert stack.messages("Webhook") == []
    assert told(stack.messages("Inbox")) == ["alice"]


def test_a_rule_that_names_no_transport_keeps_to_how_the_inbox_is_configured(stack: Stack) -> None:
    configure(stack, transports=[INBOX | {"enabled": False}], rules=[rule(transports=[])])

    match(stack, event())

    assert stack.messages("Inbox") == []


def test_an_event_that_the_inbox_caused_does_not_go_there_of_a_rule_that_names_no_transport(stack: Stack) -> None:
    configure(stack, rules=[rule(transports=[])])

    match(stack, event(cause=Cause(None, "inbox", 1)))

    assert stack.messages("Inbox") == []


def test_a_rule_that_is_disabled_meanwhile_tells_the_rest_of_its_people_nothing(stack: Stack) -> None:
    people = [User(f"member-{number:04d}") for number in range(310)]
    members = {"oncall": [user.username for user in people]}
    configure(stack, users=people, members=members)
    about = event()
    store(stack, about)
    match(stack, about)
    (rest,) = stack.messages("Match")
    before = len(stack.messages("Inbox", 1000))

    configure(stack, users=people, members=members, rules=[rule(enabled=False)])
    stack.call("matcher", {"Records": [work(rest)]})

    assert before == 300
    assert stack.messages("Inbox", 1000) == []


def test_a_story_is_kept_a_day_longer_than_the_notifications(stack: Stack) -> None:
    configure(stack, settings={"notification_retention": "days=3"})
    before = datetime.now(UTC)

    match(stack, event())

    (story,) = [item for item in stack.items("deliveries") if item["sk"]["S"].startswith("rule#")]
    kept = datetime.fromtimestamp(int(story["expires_at"]["N"]), UTC) - before
    assert parse_duration("days=4") <= kept + timedelta(seconds=1)
    assert kept < parse_duration("days=5")
