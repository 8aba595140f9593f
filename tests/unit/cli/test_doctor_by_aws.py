"""What `tocsin doctor` finds by AWS, with boto3's own stubs."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.stub import Stubber

from tests.unit.cli.test_doctor import NOW, states
from tocsin_cli.aws import Aws, NoAws
from tocsin_cli.doctor.aws_checks import AwsChecks
from tocsin_cli.doctor.finding import State, run
from tocsin_cli.errors import Refused
from tocsin_cli.profiles import Profile


@pytest.fixture
def aws(monkeypatch):
    """A stack whose clients answer what they are told to; `aws.told(service, operation, answer)`."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    stack = Aws("tocsin", region="us-east-1")
    stubs = {}

    def told(service, operation, answer):
        if service not in stubs:
            stack._clients[service] = boto3.client(service, region_name="us-east-1")
            stubs[service] = Stubber(stack._clients[service])
            stubs[service].activate()
        if isinstance(answer, str):
            stubs[service].add_client_error(operation, answer)
        else:
            stubs[service].add_response(operation, answer)

    stack.told = told
    return stack


def by_aws(aws, check, *, sends_mail=True):
    return list(run([(check, getattr(AwsChecks(aws, sends_mail=sends_mail), check))]))


def deployed(status="UPDATE_COMPLETE", **parameters):
    given = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
    return {"Stacks": [{"StackName": "tocsin", "CreationTime": NOW, "StackStatus": status, "Parameters": given}]}


@pytest.mark.parametrize(
    ("status", "state"), [("UPDATE_COMPLETE", State.OK), ("UPDATE_ROLLBACK_COMPLETE", State.WARNING)]
)
def test_a_deployment_that_went_wrong_is_found(aws, status, state):
    aws.told("cloudformation", "describe_stacks", deployed(status))

    assert states(by_aws(aws, "stack")) == [state]


def test_a_stack_that_is_not_there_is_unknown(aws):
    aws.told("cloudformation", "describe_stacks", "AccessDenied")

    assert states(by_aws(aws, "stack")) == [State.UNKNOWN]


def test_a_verified_sender_is_well_also_by_its_domain(aws):
    aws.told("cloudformation", "describe_stacks", deployed(MailSender="tocsin@example.com"))
    aws.told("sesv2", "get_email_identity", "NotFoundException")
    aws.told("sesv2", "get_email_identity", {"VerifiedForSendingStatus": True})

    (finding,) = by_aws(aws, "sender")

    assert finding.state is State.OK
    assert "example.com" in finding.message


def test_a_sender_is_well_by_a_domain_above_its_own(aws):
    aws.told("cloudformation", "describe_stacks", deployed(MailSender="tocsin@mail.example.com"))
    aws.told("sesv2", "get_email_identity", "NotFoundException")
    aws.told("sesv2", "get_email_identity", "NotFoundException")
    aws.told("sesv2", "get_email_identity", {"VerifiedForSendingStatus": True})

    (finding,) = by_aws(aws, "sender")

    assert (finding.state, finding.message) == (State.OK, "SES has verified example.com")


def test_a_sender_that_ses_has_not_verified_is_a_failure(aws):
    aws.told("cloudformation", "describe_stacks", deployed(MailSender="tocsin@example.com"))
    aws.told("sesv2", "get_email_identity", {"VerifiedForSendingStatus": False})
    aws.told("sesv2", "get_email_identity", "NotFoundException")

    assert states(by_aws(aws, "sender")) == [State.FAILED]


@pytest.mark.parametrize(("sends_mail", "state"), [(True, State.FAILED), (False, State.OK)])
def test_no_sender_matters_where_mail_is_sent(aws, sends_mail, state):
    aws.told("cloudformation", "describe_stacks", deployed())

    assert states(by_aws(aws, "sender", sends_mail=sends_mail)) == [state]


@pytest.mark.parametrize(
    ("account", "state"),
    [
        ({"ProductionAccessEnabled": True, "SendingEnabled": True}, State.OK),
        ({"ProductionAccessEnabled": False, "SendingEnabled": True}, State.WARNING),
        ({"ProductionAccessEnabled": True, "SendingEnabled": False}, State.FAILED),
    ],
)
def test_the_sandbox_and_a_paused_account_are_found(aws, account, state):
    aws.told("sesv2", "get_account", account)

    assert states(by_aws(aws, "ses")) == [state]


def resources(*pairs):
    found = [
        {
            "LogicalResourceId": name,
            "ResourceType": kind,
            "PhysicalResourceId": physical,
            "LastUpdatedTimestamp": NOW,
            "ResourceStatus": "CREATE_COMPLETE",
        }
        for name, kind, physical in pairs
    ]
    return {"StackResourceSummaries": found}


@pytest.mark.parametrize(
    ("name", "messages", "state"),
    [
        ("WebhookDeadLetters", 3, State.FAILED),
        ("StreamFailures", 1, State.FAILED),
        ("WebhookQueue", 3, State.OK),
        ("WebhookQueue", 5000, State.WARNING),
        ("WebhookDeadLetters", 0, State.OK),
    ],
)
def test_dead_letters_and_long_queues_are_found(aws, name, messages, state):
    aws.told("cloudformation", "list_stack_resources", resources((name, "AWS::SQS::Queue", "https://sqs/q")))
    aws.told("sqs", "get_queue_attributes", {"Attributes": {"ApproximateNumberOfMessages": str(messages)}})

    assert states(by_aws(aws, "queues")) == [state]


@pytest.mark.parametrize(
    ("alarm", "expected"),
    [
        ({"StateValue": "OK", "AlarmActions": ["arn:aws:sns:x"]}, [State.OK]),
        ({"StateValue": "OK", "AlarmActions": []}, [State.WARNING]),
        ({"StateValue": "ALARM", "StateReason": "5 > 0", "AlarmActions": ["arn:aws:sns:x"]}, [State.FAILED, State.OK]),
    ],
)
def test_alarms_that_ring_or_that_nobody_hears_are_found(aws, alarm, expected):
    aws.told("cloudformation", "list_stack_resources", resources(("A", "AWS::CloudWatch::Alarm", "tocsin-A")))
    aws.told("cloudwatch", "describe_alarms", {"MetricAlarms": [{"AlarmName": "tocsin-A"} | alarm]})

    assert states(by_aws(aws, "alarms")) == expected


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"events": [{"message": "REDRIVE_DONE", "timestamp": 0}]}, State.OK),
        ({"events": [], "nextToken": "more"}, State.OK),
        ({"events": []}, State.FAILED),
    ],
)
def test_a_schedule_that_stands_still_is_found(aws, answer, state):
    aws.told("cloudformation", "describe_stacks", deployed(LogLevel="INFO"))
    aws.told("logs", "filter_log_events", answer)

    assert states(by_aws(aws, "schedule")) == [state]


@pytest.mark.parametrize(("minutes", "state"), [(2, State.WARNING), (6, State.FAILED)])
def test_the_schedule_of_a_new_stack_may_not_have_run_yet(aws, minutes, state):
    """The fault: right after a deployment, nothing was tried again, as doctor had it."""
    made = datetime.now(UTC) - timedelta(minutes=minutes)
    (stack,) = deployed(LogLevel="INFO")["Stacks"]
    aws.told("cloudformation", "describe_stacks", {"Stacks": [stack | {"CreationTime": made}]})
    aws.told("logs", "filter_log_events", {"events": []})

    assert states(by_aws(aws, "schedule")) == [state]


@pytest.mark.parametrize("level", ["WARNING", "ERROR"])
def test_a_schedule_whose_runs_are_not_logged_is_no_failure(aws, level):
    aws.told("cloudformation", "describe_stacks", deployed(LogLevel=level))

    (finding,) = by_aws(aws, "schedule")

    assert finding.state is State.OK
    assert "RedriveIdleAlarm" in finding.message


def test_without_a_stacks_name_aws_is_not_asked():
    with pytest.raises(NoAws) as refused:
        Aws.of(Profile("", "https://x"))

    assert "TOCSIN_STACK" in refused.value.hint


def test_without_credentials_it_is_said_so(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))

    with pytest.raises(NoAws, match="credentials"):
        _ = Aws("tocsin", region="us-east-1").resources


def test_aws_saying_no_is_a_refusal(aws):
    aws.told("cloudformation", "list_stack_resources", "AccessDenied")

    with pytest.raises(Refused):
        _ = aws.resources
