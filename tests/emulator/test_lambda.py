"""What Lambda refuses, stops, freezes and repeats."""

import json
import subprocess
import time

import pytest

from local.corrections.lambda_limits import MAX_EVENT, MAX_REQUEST, MAX_RESPONSE
from local.corrections.recursion import MAX_INVOCATIONS
from local.waiting import until
from tests.emulator.conftest import fresh

ANSWERS_SO_MUCH = """
    def handler(event, context):
        return "a" * event["length"]
"""
LOOPS = """
    import os

    import boto3

    sqs = boto3.client("sqs")

    def handler(event, context):
        for record in event["Records"]:
            number = int(record["body"])
            queue = os.environ["QUEUE"] if number < int(os.environ["TIMES"]) else os.environ["DONE"]
            sqs.send_message(QueueUrl=queue, MessageBody=str(number + 1))
"""
TELLS_THE_TIME = """
    import time

    def handler(event, context):
        return {"monotonic": time.monotonic(), "wall": time.time()}
"""
LOGS = """
    import logging

    def handler(event, context):
        return logging.getLevelName(logging.getLogger("a.library").getEffectiveLevel())
"""
FAILS = """
    import os

    import boto3

    sqs = boto3.client("sqs")

    def handler(event, context):
        sqs.send_message(QueueUrl=os.environ["ATTEMPTS"], MessageBody="attempt")
        raise ValueError("no")
"""


def messages(account, url):
    """What a queue holds, taken."""
    found = account.aws.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for message in found:
        account.aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [message["Body"] for message in found]


def test_a_response_of_six_megabytes_is_answered_and_a_byte_more_is_an_error(account):
    function = account.function(ANSWERS_SO_MUCH)

    most = account.invoke(function, {"length": MAX_RESPONSE - 2})
    more = account.invoke(function, {"length": MAX_RESPONSE - 1})

    assert len(most) == MAX_RESPONSE - 2
    assert more["errorType"] == "Function.ResponseSizeTooLarge"


def test_an_event_of_more_than_a_mebibyte_is_not_taken(account, refused):
    function = account.function(ANSWERS_SO_MUCH)
    payload = json.dumps("a" * MAX_EVENT).encode()

    def invoke():
        account.aws.awslambda.invoke(FunctionName=function, InvocationType="Event", Payload=payload)

    assert refused(invoke).startswith(f"RequestEntityTooLargeException: {len(payload)} byte payload is too large")


def test_a_request_of_more_than_six_megabytes_is_not_taken(account, refused):
    function = account.function(ANSWERS_SO_MUCH)
    payload = json.dumps("a" * MAX_REQUEST).encode()

    def invoke():
        account.aws.awslambda.invoke(FunctionName=function, Payload=payload)

    assert refused(invoke).startswith(f"RequestTooLargeException: Request must be smaller than {MAX_REQUEST} bytes")


@pytest.mark.parametrize(
    ("configured", "level"),
    [
        ({"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG"}, "DEBUG"),
        ({"LogFormat": "JSON"}, "INFO"),
        ({"LogFormat": "Text"}, "WARNING"),
    ],
)
def test_a_functions_loggers_write_from_its_application_log_level_on(account, configured, level):
    function = account.function(LOGS, LoggingConfig=configured)

    assert account.invoke(function) == level


@pytest.fixture
def loop(account):
    """`loop(times)` is a function that sends itself that many messages: (name, its dead letters, where it ends)."""

    def looping(times):
        dead_letters, done = account.queue(), account.queue()
        redrive = {"deadLetterTargetArn": account.arn_of_queue(dead_letters), "maxReceiveCount": 1}
        queue = account.queue(VisibilityTimeout="5", RedrivePolicy=json.dumps(redrive))
        settings = {"QUEUE": queue, "DONE": done, "TIMES": str(times)}
        function = account.function(LOOPS, Timeout=30, Environment={"Variables": settings})
        account.invoke(function, {"Records": []})  # a cold start would take longer than the message stays invisible
        account.aws.awslambda.create_event_source_mapping(
            FunctionName=function, EventSourceArn=account.arn_of_queue(queue), BatchSize=1
        )
        return function, queue, dead_letters, done

    return looping


def test_a_function_that_feeds_itself_through_a_queue_is_stopped(account, loop):
    function, queue, dead_letters, _ = loop(1_000)

    account.aws.sqs.send_message(QueueUrl=queue, MessageBody="1")

    stopped = until(lambda: messages(account, dead_letters), 180, of="the message that invoked nobody")
    assert stopped == [str(MAX_INVOCATIONS + 1)]
    metrics = account.client("cloudwatch").list_metrics(Namespace="AWS/Lambda")["Metrics"]
    dimensions = [{"Name": "FunctionName", "Value": function}]
    assert {"RecursiveInvocationsDropped"} <= {
        each["MetricName"] for each in metrics if each["Dimensions"] == dimensions
    }


def test_a_function_that_may_loop_is_not_stopped(account, loop):
    function, queue, _, done = loop(MAX_INVOCATIONS + 3)
    account.aws.awslambda.put_function_recursion_config(FunctionName=function, RecursiveLoop="Allow")

    account.aws.sqs.send_message(QueueUrl=queue, MessageBody="1")

    assert until(lambda: messages(account, done), 180, of="the last message") == [str(MAX_INVOCATIONS + 4)]


def test_a_template_says_whether_a_function_may_loop(account):
    name, stack = fresh("function"), fresh("stack")
    properties = {
        "FunctionName": name,
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": account.role(),
        "Code": {"ZipFile": "def handler(event, context): pass"},
    }

    def deployed(deploy, **more):
        function = {"Type": "AWS::Lambda::Function", "Properties": properties | more}
        deploy(StackName=stack, TemplateBody=json.dumps({"Resources": {"Function": function}}))
        cloudformation = account.aws.cloudformation
        until(
            lambda: cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"].endswith("COMPLETE"),
            30,
            of="the stack",
        )
        return account.aws.awslambda.get_function_recursion_config(FunctionName=name)["RecursiveLoop"]

    assert deployed(account.aws.cloudformation.create_stack, RecursiveLoop="Allow") == "Allow"
    assert deployed(account.aws.cloudformation.update_stack) == "Terminate"


def test_a_process_is_frozen_between_invocations(account):
    function = account.function(TELLS_THE_TIME)

    account.invoke(function)

    (pid,) = account.emulator.function_processes(function)
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout
    assert state.startswith("T")


def test_a_frozen_process_goes_on_with_the_next_invocation_and_its_clock_stood_still(account):
    function = account.function(TELLS_THE_TIME)

    first = account.invoke(function)
    until(lambda: time.time() > first["wall"] + 1, 120, of="a second")
    second = account.invoke(function)

    assert second["wall"] - first["wall"] > 1
    assert 0 <= second["monotonic"] - first["monotonic"] < 0.5


@pytest.mark.parametrize(("retries", "attempts"), [(None, 3), (0, 1), (1, 2)])
def test_what_a_rule_hands_over_is_tried_as_often_as_the_function_says(account, retries, attempts):
    tried, given_up = account.queue(), account.queue()
    function = account.function(FAILS, Timeout=30, Environment={"Variables": {"ATTEMPTS": tried}})
    config = {} if retries is None else {"MaximumRetryAttempts": retries}
    account.aws.awslambda.put_function_event_invoke_config(
        FunctionName=function,
        DestinationConfig={"OnFailure": {"Destination": account.arn_of_queue(given_up)}},
        **config,
    )
    source, events = fresh("source"), account.client("events")
    events.put_rule(Name=source, EventPattern=json.dumps({"source": [source]}))
    arn = account.aws.awslambda.get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    events.put_targets(Rule=source, Targets=[{"Id": "1", "Arn": arn}])

    events.put_events(Entries=[{"Source": source, "DetailType": "test", "Detail": "{}"}])

    (told,) = until(lambda: messages(account, given_up), 180, of="the event that was given up")
    assert json.loads(told)["requestPayload"]["source"] == source
    assert len(messages(account, tried)) == attempts
