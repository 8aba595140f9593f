"""The whole answer to why a rule would tell of an event, as the API shows it: each binding, transport, person, step."""

from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import CHAT, HOOK, INBOX, ONCALL, configure, rule
from tocsin.identity.directory import User

LEADS = {"name": "leads", "roster": "2"}
ALL = {"name": "all", "roster": "3", "children": ["oncall", "leads"]}
EMPTY = {"name": "empty", "roster": "4"}
PEOPLE = [User("alice", "alice@example.com"), User("bob"), User("carol")]
MEMBERS = {"oncall": ["alice"], "leads": ["bob", "carol"], "all": []}
BINDINGS = [{"policy": "failed-login", "order": 2}, {"group": "leads", "negate": True, "failure_result": True}]
STEPS = [
    {"after": "minutes=15", "destination_group": "leads", "unless": "seen", "transports": ["chat"]},
    {"after": "hours=1", "destination_group": "oncall"},
]
AT_ONCE = {"decision": "send", "cause": "nothing", "reason": "told at once"}


def explained(stack: Stack, **event: Any) -> dict[str, Any]:
    asked = {"event": {"action": "login_failed", "user": {"username": "alice"}} | event}
    answer = Api.of(stack)("POST", "/rules/failed-logins/test", asked)
    assert answer.status == 200, answer.text
    body: dict[str, Any] = answer.body
    return body


def test_all_that_would_happen_is_said(stack: Stack) -> None:
    fields: dict[str, Any] = {"bindings": BINDINGS, "policy_engine_mode": "all", "severity": "alert"}
    configure(
        stack,
        users=PEOPLE,
        members=MEMBERS,
        groups=[ONCALL, LEADS, ALL],
        transports=[INBOX, CHAT | {"url": "https://hooks.slack.com/services/x"}],
        rules=[rule(transports=["inbox", "chat"], escalate=STEPS, **fields)],
    )

    assert explained(stack) == {
        "rule": "failed-logins",
        "enabled": True,
        "fires": True,
        "ends": False,
        "ends_error": None,
        "tells": True,
        "policy_engine_mode": "all",
        "bindings": [
            {
                "binding": "group leads",
                "order": 0,
                "negate": True,
                "failure_result": True,
                "passed": True,
                "reason": "group leads does not hold, negated",
                "error": None,
            },
            {
                "binding": "policy failed-login",
                "order": 2,
                "negate": False,
                "failure_result": False,
                "passed": True,
                "reason": "policy failed-login holds",
                "error": None,
            },
        ],
        "loop": None,
        "age": {"seconds": 0, "max_age": "hours=24", "passes": True},
        "silence": None,
        "throttle": None,
        "severity": "alert",
        "transports": [
            {"name": "inbox", "mode": "local", "send_once": False, "used": True},
            {"name": "chat", "mode": "webhook_slack", "send_once": True, "used": True},
        ],
        "recipients": {"usernames": ["alice"], "more": False},
        "reason": "told at once",
        "decisions": [
            {"user": None, "transport": "chat", **AT_ONCE},
            {"user": "alice", "transport": "inbox", **AT_ONCE},
        ],
        "escalate": [
            {
                "step": 1,
                "after": "minutes=15",
                "unless": "seen",
                "destination_group": "leads",
                "transports": ["chat"],
                "recipients": {"usernames": ["bob", "carol"], "more": False},
                "reason": "escalated: step 1, nobody has seen it within 15 min",
            },
            {
                "step": 2,
                "after": "hours=1",
                "unless": "acknowledged",
                "destination_group": "oncall",
                "transports": ["inbox", "chat"],
                "recipients": {"usernames": ["alice"], "more": False},
                "reason": "escalated: step 2, nobody acknowledged it within 1 h",
            },
        ],
    }


@pytest.mark.parametrize(
    ("most", "shown", "more"), [(2, ["alice", "bob"], True), (3, ["alice", "bob", "carol"], False)]
)
def test_the_first_people_are_shown_and_whether_there_are_more(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, most: int, shown: list[str], more: bool
) -> None:
    """Carol is the last: behind her is a group without members, which is nobody more."""
    monkeypatch.setattr("tocsin.matching.explain.MAX_RECIPIENTS", most)
    monkeypatch.setattr("tocsin.matching.recipients.PAGE", 1)
    monkeypatch.setattr("tocsin.matching.recipients.PAGES_AT_ONCE", 1)
    groups = [ONCALL, LEADS, EMPTY, ALL | {"children": ["oncall", "leads", "empty"]}]
    configure(stack, users=PEOPLE, members=MEMBERS, groups=groups, rules=[rule(destination_group="all")])

    assert explained(stack)["recipients"] == {"usernames": shown, "more": more}


def test_a_transport_of_another_mode_is_no_inbox_for_having_its_name(stack: Stack) -> None:
    configure(stack, transports=[HOOK | {"name": "inbox"}], rules=[rule(transports=[])])

    assert explained(stack)["transports"] == [{"name": "inbox", "mode": "local", "send_once": False, "used": True}]
