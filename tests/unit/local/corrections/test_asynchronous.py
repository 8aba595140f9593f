"""When an asynchronous invocation is tried again, and when it is given up."""

import pytest

from local.corrections.asynchronous import EventQueue, Settings, handed_over

OK = {"body": None}
ERROR = {"error": True, "body": {"errorType": "E"}}
THROTTLED = {"throttle": True, "body": {}}
DESTINATION = "arn:aws:sqs:us-east-1:000000000000:given-up"


class Lambda:
    """Answers invocations in turn, the last answer for ever; time passes only while it is slept."""

    def __init__(self, *answers, speed=1.0):
        self.now = 0.0
        self.slept, self.given_up, self.invoked = [], [], 0
        self._answers = list(answers)
        self.queue = EventQueue(
            execute=self._execute,
            give_up=lambda *told: self.given_up.append(told),
            in_background=lambda run: run(),
            clock=lambda: self.now,
            sleep=self._sleep,
            speed=speed,
        )

    def _execute(self, _function, _event):
        self.invoked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def _sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def function(**config):
    settings = {"DestinationConfig": {"OnFailure": {"Destination": DESTINATION}}, **config}
    return {"config": {"FunctionName": "a"}, "event_invoke_configs": {"$LATEST": settings}}


def test_what_succeeds_is_invoked_once():
    aws = Lambda(OK)

    aws.queue.invoke(function(), "event")

    assert (aws.invoked, aws.slept, aws.given_up) == (1, [], [])


def test_what_fails_is_tried_after_one_and_two_minutes_and_then_given_up():
    aws = Lambda(ERROR)

    aws.queue.invoke(function(), "event")

    assert (aws.invoked, aws.slept) == (3, [60, 120])
    assert aws.given_up == [(DESTINATION, "a", "event", ERROR)]


def test_a_retry_that_succeeds_ends_it():
    aws = Lambda(ERROR, OK)

    aws.queue.invoke(function(), "event")

    assert (aws.invoked, aws.given_up) == (2, [])


@pytest.mark.parametrize(("retries", "invoked"), [(0, 1), (1, 2)])
def test_a_function_says_how_often_it_is_tried(retries, invoked):
    aws = Lambda(ERROR)

    aws.queue.invoke(function(MaximumRetryAttempts=retries), "event")

    assert aws.invoked == invoked


def test_an_event_that_would_be_too_old_is_given_up():
    aws = Lambda(ERROR)

    aws.queue.invoke(function(MaximumEventAgeInSeconds=60), "event")

    assert (aws.invoked, len(aws.given_up)) == (2, 1)


def test_what_is_throttled_is_tried_until_it_is_too_old_and_does_not_count_as_a_retry():
    aws = Lambda(*[THROTTLED] * 20, ERROR, ERROR, OK)

    aws.queue.invoke(function(), "event")

    assert aws.slept == [1, 2, 4, 8, 16, 32, 64, 128, 256, *[300] * 11, 60, 120]
    assert aws.given_up == []


def test_what_is_throttled_for_six_hours_is_given_up():
    aws = Lambda(THROTTLED)

    aws.queue.invoke(function(), "event")

    assert 21_300 < aws.now <= 21_600
    assert len(aws.given_up) == 1


def test_time_can_be_shortened_without_changing_how_old_events_are():
    aws = Lambda(ERROR, speed=60)

    aws.queue.invoke(function(MaximumEventAgeInSeconds=100), "event")

    assert (aws.slept, len(aws.given_up)) == ([1], 1)


@pytest.mark.parametrize(
    ("record", "settings"),
    [
        ({"config": {}}, Settings()),
        ({"config": {"DeadLetterConfig": {"TargetArn": "dead"}}}, Settings(on_failure="dead")),
        ({"event_invoke_config": {"MaximumRetryAttempts": 0}}, Settings(retries=0)),
        ({"event_invoke_configs": {"": {"MaximumEventAgeInSeconds": 60}}}, Settings(max_age_s=60)),
    ],
)
def test_settings_are_the_functions_or_lambdas_own(record, settings):
    assert Settings.of(record) == settings


def test_a_rule_hands_its_event_over_and_nothing_where_the_function_is_gone():
    invoked = []
    dispatch = handed_over({"there": function()}.get, lambda record, event: invoked.append((record, event)))

    dispatch("there", '{"source": "a"}')
    dispatch("gone", "{}")

    assert invoked == [(function(), {"source": "a"})]
