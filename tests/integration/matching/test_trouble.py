"""What becomes of records and messages that can't be matched: each alone, and none for ever."""

from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tests.integration.handler_calls import failing, throttled
from tests.integration.matching.matching_world import FAILED_LOGIN, ONCALL, configure, event, match, rule, store, work
from tests.unit.rules.test_load import branching
from tocsin.aws.logging import Code
from tocsin.errors import ConfigurationBroken
from tocsin.matching.matcher import Matcher
from tocsin.matching.message import MatchMessage
from tocsin.matching.recipients import MAX_PAGES
from tocsin.patterns.leaves import value_at


@pytest.mark.parametrize("body", ["{}", '{"event_id": "x", "rule": "failed-logins", "cursor": 1}'])
def test_a_message_that_can_not_be_read_comes_back_and_keeps_no_other(stack: Stack, body: str) -> None:
    """The fault: a cursor that is no object failed the whole batch."""
    configure(stack)
    good = event()
    store(stack, good)
    broken = work({"event_id": good.id}) | {"messageId": "broken", "body": body}

    answer = stack.call("matcher", {"Records": [broken, work({"event_id": good.id})]})

    assert answer == {"batchItemFailures": [{"itemIdentifier": "broken"}]}
    assert len(stack.messages("Inbox")) == 1


def test_an_event_that_is_gone_is_matched_no_more(stack: Stack) -> None:
    configure(stack)

    answer = stack.call("matcher", {"Records": [work({"event_id": event().id})]})

    assert answer == {"batchItemFailures": []}
    assert stack.messages("Inbox") == []


def test_an_event_that_was_handed_on_and_that_no_rule_is_about_any_more_tells_nobody(stack: Stack) -> None:
    configure(stack, rules=[rule(enabled=False)])
    about = event()
    store(stack, about)

    answer = stack.call("matcher", {"Records": [work({"event_id": about.id})]})

    assert answer == {"batchItemFailures": []}
    assert (stack.messages("Inbox"), stack.messages("Match"), stack.items("deliveries")) == ([], [], [])


def test_a_fault_of_ours_costs_one_event_its_time_and_is_handed_on(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(stack)
    unlucky, lucky = event(), event()
    judge = Matcher.judge

    def faulty(self: Matcher, about: Any) -> Any:
        if about.id == unlucky.id:
            raise RuntimeError("a bug")
        return judge(self, about)

    monkeypatch.setattr(Matcher, "judge", faulty)

    answer = match(stack, unlucky, lucky)

    assert answer == {"batchItemFailures": []}
    assert [message["event_id"] for message in stack.messages("Inbox")] == [lucky.id]
    (waiting,) = stack.messages("Match")
    assert (waiting["event_id"], waiting["reason"]) == (unlucky.id, "RuntimeError while matching")


def test_without_a_configuration_that_can_be_read_the_whole_batch_comes_back(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(stack)

    def broken(_: Matcher, __: Any) -> Any:
        raise ConfigurationBroken("the snapshot is not whole")

    monkeypatch.setattr(Matcher, "judge", broken)

    with pytest.raises(ConfigurationBroken):
        match(stack, event())
    assert stack.messages("Match") == []


def test_a_policy_that_can_not_be_loaded_is_said_when_rules_are_and_stops_no_other_rule(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    vast = {"name": "vast", "kind": "pattern", "pattern": branching(1000, 30)}
    rules = [rule(), rule(name="vast", bindings=[{"policy": "vast"}])]
    configure(stack, policies=[FAILED_LOGIN, vast], rules=rules)

    match(stack, event(), event())

    assert len(stack.messages("Inbox")) == 2
    said = [vars(line) for line in caplog.records if getattr(line, "code", None) == Code.POLICY_FAILED]
    (loading,) = [line for line in said if line["message"].startswith("it could not be loaded: the pattern comes to")]
    assert (loading["policy"], loading["levelname"]) == ("vast", "ERROR")


def test_pages_of_a_rule_that_is_gone_or_disabled_tell_nobody(stack: Stack) -> None:
    configure(stack, rules=[rule(enabled=False)])
    about = event()
    store(stack, about)
    page = {"group": 0, "after": None, "page": 1, "once_told": False, "remark": None}

    pages = [work({"event_id": about.id, "rule": name, "cursor": page}) for name in ("gone", "failed-logins")]
    answer = stack.call("matcher", {"Records": pages})

    assert answer == {"batchItemFailures": []}
    assert stack.messages("Inbox") == []


def test_a_message_without_both_a_rule_and_a_cursor_is_of_an_event_to_match(stack: Stack) -> None:
    configure(stack)
    other, about = event(action="logout"), event()
    store(stack, other)
    store(stack, about)
    page = {"group": 0, "after": None, "page": 1, "once_told": False, "remark": None}
    bodies = [{"event_id": other.id, "rule": "failed-logins"}, {"event_id": about.id, "cursor": page}]

    answer = stack.call("matcher", {"Records": [work(each) for each in bodies]})

    assert answer == {"batchItemFailures": []}
    assert [message["event_id"] for message in stack.messages("Inbox")] == [about.id]


def test_pages_without_end_fail_and_are_handed_on_no_more(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    configure(stack)
    about = event()
    store(stack, about)
    page = {"group": 0, "after": None, "page": MAX_PAGES, "once_told": False, "remark": None}

    answer = stack.call("matcher", {"Records": [work({"event_id": about.id, "rule": "failed-logins", "cursor": page})]})

    assert len(answer["batchItemFailures"]) == 1
    assert (stack.messages("Inbox"), stack.messages("Match")) == ([], [])
    assert "rule failed-logins told 20,000 pages of people" in caplog.text


def test_pages_of_the_end_of_a_rule_that_has_no_end_any_more_tell_nobody(stack: Stack) -> None:
    configure(stack, rules=[rule(resolve=None)])
    about = event()
    store(stack, about)
    page = {"group": 0, "after": "alice", "page": 1, "once_told": False, "remark": None}

    body = {"event_id": about.id, "rule": "failed-logins", "cursor": page, "ends": True}
    answer = stack.call("matcher", {"Records": [work(body)]})

    assert answer == {"batchItemFailures": []}
    assert (stack.messages("Inbox"), stack.messages("Match")) == ([], [])


def test_pages_of_a_group_that_is_gone_end(stack: Stack) -> None:
    configure(stack, groups=[ONCALL])
    about = event()
    store(stack, about)
    page = {"group": 7, "after": None, "page": 1, "once_told": False, "remark": None}

    answer = stack.call("matcher", {"Records": [work({"event_id": about.id, "rule": "failed-logins", "cursor": page})]})

    assert answer == {"batchItemFailures": []}
    assert (stack.messages("Inbox"), stack.messages("Match")) == ([], [])


def test_an_event_that_the_queue_does_not_take_goes_back_to_the_stream(stack: Stack) -> None:
    configure(stack)
    about = event()

    with failing(throttled(), "SendMessageBatch", service="sqs"):
        answer = match(stack, about)

    assert answer["batchItemFailures"]


def test_the_story_of_an_event_names_its_rules_and_how_many_deliveries_each_made(stack: Stack) -> None:
    configure(stack, rules=[rule()])
    about = event()
    store(stack, about)
    match(stack, about)

    story = Api.of(stack)("GET", f"/events/{about.id}/deliveries").body

    (told,) = story["rules"]
    assert (told["rule"], told["deliveries"]) == ("failed-logins", {"inbox": 1})


def test_a_matching_message_reads_what_it_wrote() -> None:
    message = MatchMessage("019ac0de-5a00-7b31-8c55-1f2e3d4c5b6a", rule="r", reason="large")

    assert MatchMessage.from_body(message.to_body()) == message


def test_a_path_into_what_is_no_object_has_no_value() -> None:
    assert value_at({"user": {"username": "alice"}}, "user.username.first") is None
