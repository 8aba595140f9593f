"""What became of an event, as a tree."""

import pytest

from tests.unit.cli.serving import Reply, serving
from tocsin_cli.api import Api
from tocsin_cli.output import Colour, Output
from tocsin_cli.story import read_story, story_tree

EVENT = {"id": "e1", "action": "login_failed", "summary": "alice failed", "created": "2026-03-01T12:00:00.000Z"}
MATCH = {
    "rule": "logins",
    "severity": "warning",
    "at": "2026-03-01T12:00:00.500Z",
    "bindings": [{"binding": "policy login", "passed": True, "reason": "policy login holds"}],
    "deliveries": {"mail": 1},
}


def delivery(state="delivered", **more):
    attempt = {
        "at": "2026-03-01T12:00:01.000Z",
        "duration_ms": 200,
        "state": state,
        "reason": "http_500",
        "status": 500,
    }
    return {
        "id": "e1-1",
        "rule": "logins",
        "transport": "mail",
        "user": "ana",
        "state": state,
        "attempts": [attempt],
    } | more


def lines(capsys, rules, deliveries, **more):
    Output(colour=Colour.NEVER).console.print(
        story_tree({"event": EVENT, "rules": rules, "deliveries": deliveries} | more)
    )
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_a_delivery_is_below_its_rule_with_its_attempts(capsys):
    told = lines(capsys, [MATCH], [delivery()])

    assert told[0].startswith("login_failed  alice failed")
    assert "rule logins  warning" in told[1]
    assert "✓ policy login holds" in told[2]
    assert "✓ mail → ana  delivered 1.2 s after the event" in told[3]
    assert "delivered  http_500 500  200 ms" in told[4]


def test_an_event_of_a_clock_that_is_ahead_was_not_delivered_after_it(capsys):
    """The fault: what was delivered four minutes before the event's time was `delivered 4m after the event`."""
    early = {"at": "2026-03-01T11:56:00.000Z", "duration_ms": 200, "state": "delivered", "reason": "stored"}

    told = "\n".join(lines(capsys, [MATCH], [delivery(attempts=[early])]))

    assert "after the event" not in told


def test_steps_stand_with_their_rule(capsys):
    step = {
        "step": 1,
        "at": "2026-03-01T12:15:00.000Z",
        "destination_group": "second",
        "reason": "escalated: step 1, nobody acknowledged it within 15 min",
    }

    told = "\n".join(lines(capsys, [MATCH | {"escalated": [step]}], [delivery()]))

    assert "escalated: step 1, nobody acknowledged it within 15 min" in told
    assert "group second" in told


def test_what_was_not_delivered_shows_the_id_that_retry_takes(capsys):
    told = "\n".join(lines(capsys, [MATCH], [delivery("retrying", next_attempt="2026-03-01T12:05:00.000Z")]))

    assert "e1-1" in told
    assert "next attempt" in told


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (
            {"silence": {"name": "deploy", "ends": "2026-03-01T13:00:00Z", "comment": "v2"}},
            "held by silence deploy until",
        ),
        (
            {"throttle": {"group": ["alice"], "max": 3, "window": "minutes=10", "until": "2026-03-01T12:10:00Z"}},
            "held by throttle (3 in minutes=10) for ['alice'] until",
        ),
        (
            {"age": {"max_age": "hours=24", "seconds": 3 * 86_400}},
            "held by age: it was matched 3d after it happened; the rule's max_age is hours=24",
        ),
        ({"moon": "full"}, "held by moon: full"),
    ],
)
def test_what_held_a_rule_is_said(capsys, held, said):
    told = lines(capsys, [MATCH | {"deliveries": {}, "held_by": held}], [])

    assert said in "\n".join(told)
    assert "nobody to tell" not in "\n".join(told)


def test_a_rule_without_anybody_to_tell_says_so(capsys):
    assert "nobody to tell" in "\n".join(lines(capsys, [MATCH | {"deliveries": {}}], []))


def test_why_the_events_user_hears_nothing_is_said(capsys):
    """The fault: the API said why, and the story was `nobody to tell`."""
    told = lines(capsys, [MATCH | {"deliveries": {}, "event_user": "ivy is not active"}], [])

    assert "the event's user hears nothing: ivy is not active" in "\n".join(told)


def test_what_an_endpoint_answered_stands_beside_what_it_means(capsys):
    """The fault: the endpoint's own words, which say what it did not like, were never shown of a failure."""
    attempt = {"at": "2026-03-01T12:00:01.000Z", "duration_ms": 2, "state": "failed", "reason": "http_400"}
    attempt |= {"detail": "the endpoint answered 400; which is final", "answer": "no such\nchannel"}

    told = "\n".join(lines(capsys, [MATCH], [delivery("failed", attempts=[attempt])]))

    assert "the endpoint answered 400; which is final  “no such channel”" in told


def test_deliveries_that_no_function_has_taken_yet_are_counted(capsys):
    told = "\n".join(lines(capsys, [MATCH | {"deliveries": {"mail": 3}}], [delivery()]))

    assert "2 more deliveries in a queue" in told


def test_an_event_that_no_rule_matched_says_so(capsys):
    assert "no rule matched it" in "\n".join(lines(capsys, [], []))


def test_log_lines_are_told_in_order(capsys):
    logs = [{"at": "2026-03-01T12:00:00.100Z", "service": "matcher", "code": "RULE_FIRED", "message": "rule fired"}]

    assert "RULE_FIRED  rule fired" in "\n".join(lines(capsys, [MATCH], [delivery()], logs=logs))


def test_what_an_outsider_wrote_is_harmless(capsys):
    told = "\n".join(lines(capsys, [MATCH], [delivery(user="a\x1b[2J\nb")]))

    assert "\x1b" not in told
    assert "[2J b" in told


def test_a_story_of_many_pages_is_read_whole():
    pages = {
        "/events/e1": EVENT,
        "first": {"rules": [MATCH], "deliveries": [delivery()], "cursor": "c"},
        "second": {"rules": [], "deliveries": [delivery(id="e1-2")], "cursor": None},
    }

    def answer(asked):
        if asked.path == "/events/e1":
            return Reply(200, pages["/events/e1"])
        return Reply(200, pages["second" if "cursor=c" in asked.path else "first"])

    with serving(answer) as site:
        told = read_story(Api(site.url, "key"), "e1")

    assert [each["id"] for each in told["deliveries"]] == ["e1-1", "e1-2"]
    assert len(told["rules"]) == 1


def test_what_policies_said_that_log_is_told(capsys):
    policies = [
        {"policy": "night", "passed": True, "message": "holds", "duration_ms": 0.1},
        {"policy": "odd", "passed": False, "message": 'there is no key "hour"', "duration_ms": 0.2},
    ]

    told = lines(capsys, [], [], policies=policies)

    assert "✓ policy night: holds  0.1 ms" in told[2]
    assert '✗ policy odd: there is no key "hour"' in told[3]
