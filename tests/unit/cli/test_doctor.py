"""What `tocsin doctor` finds: by the API over HTTP, by AWS with boto3's own stubs."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.stub import Stubber

from tests.unit.cli.serving import Reply, serving
from tocsin_cli.api import Api
from tocsin_cli.aws import Aws, NoAws
from tocsin_cli.doctor.api_checks import ApiChecks
from tocsin_cli.doctor.aws_checks import AwsChecks
from tocsin_cli.doctor.finding import State, run
from tocsin_cli.errors import Refused
from tocsin_cli.profiles import Profile
from tocsin_cli.times import iso

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Tocsin:
    """An API that answers lists by their paths, and filters deliveries by state."""

    def __init__(self, **lists):
        self.lists = lists
        self.breaker = {"state": "closed"}
        self.date = None
        self.forbidden = set()
        self.status = "ok"
        self.refusal = None

    def answer(self, asked):
        path = urlsplit(asked.path).path
        query = {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}
        if self.refusal is not None:
            return self.refusal
        if path in self.forbidden:
            return Reply(403, {"title": "Forbidden", "detail": "the key lacks a scope"})
        if path == "/health":
            headers = {} if self.date is None else {"Date": f"{self.date:%a, %d %b %Y %H:%M:%S} GMT"}
            return Reply(200, {"status": self.status, "version": "1.0"}, headers)
        if path.endswith("/breaker"):
            return Reply(200, self.breaker)
        items = self.lists.get(path.strip("/").replace("-", "_").replace("/", "_"), [])
        if path == "/deliveries" and "state" in query:
            items = [item for item in items if item["state"] == query["state"]]
        return Reply(200, {"items": items[: int(query.get("limit", 100))], "cursor": None})


def found(tocsin, check):
    with serving(tocsin.answer) as site:
        checks = ApiChecks(Api(site.url, "key", sleep=lambda _: None), now=NOW)
        return list(run([(check, getattr(checks, check))]))


def states(findings):
    return [finding.state for finding in findings]


def test_a_stack_that_answers_is_well():
    (finding,) = found(Tocsin(), "reachable")

    assert finding.state is State.OK
    assert "Tocsin 1.0" in finding.message


@pytest.mark.parametrize("check", ["reachable", "scopes"])
@pytest.mark.parametrize(
    "refusal", [Reply(500, {"title": "no"}), Reply(drop=True), Reply(401, {"detail": "this API key is not known"})]
)
def test_an_api_that_does_not_answer_and_a_key_that_it_does_not_know_are_failures(check, refusal):
    tocsin = Tocsin()
    tocsin.refusal = refusal

    assert states(found(tocsin, check)) == [State.FAILED]


def test_something_else_at_the_url_is_a_failure():
    tocsin = Tocsin()
    tocsin.status = ""

    assert states(found(tocsin, "reachable")) == [State.FAILED]


@pytest.mark.parametrize(
    ("away", "state"),
    [(0, State.OK), (90, State.WARNING), (-90, State.WARNING), (600, State.FAILED), (-600, State.FAILED)],
)
def test_a_clock_that_is_off_is_found(away, state):
    tocsin = Tocsin()
    tocsin.date = datetime.now(UTC) + timedelta(seconds=away)

    assert states(found(tocsin, "clock")) == [state]


def test_what_the_key_may_not_read_is_said():
    tocsin = Tocsin()
    tocsin.forbidden = {"/settings"}

    (finding,) = found(tocsin, "scopes")

    assert finding.state is State.WARNING
    assert "config:read" in finding.message


def test_a_check_that_may_not_be_made_is_unknown_and_stops_no_other():
    tocsin = Tocsin()
    tocsin.forbidden = {"/keys"}

    with serving(tocsin.answer) as site:
        checks = ApiChecks(Api(site.url, "key"), now=NOW)
        findings = list(run([("keys", checks.keys), ("mail", checks.mail_stops)]))

    assert states(findings) == [State.UNKNOWN, State.OK]
    assert "lacks a scope" in findings[0].message


def test_keys_that_have_expired_or_soon_will_are_found():
    keys = [
        {"name": "old", "expires": iso(NOW - timedelta(days=1))},
        {"name": "soon", "expires": iso(NOW + timedelta(days=3))},
        {"name": "later", "expires": iso(NOW + timedelta(days=30))},
        {"name": "never", "expires": None},
    ]

    findings = found(Tocsin(keys=keys), "keys")

    assert [(finding.state, finding.message) for finding in findings] == [
        (State.FAILED, "old expired 24h ago"),
        (State.WARNING, "soon expires in 3d"),
    ]


HOOK = {"name": "hook", "mode": "webhook", "enabled": True}
DELIVERED = {"state": "delivered", "updated": iso(NOW - timedelta(minutes=5))}
FAILED = {"state": "failed", "event_id": "e1", "attempts": [{"reason": "http_404", "status": 404}]}


@pytest.mark.parametrize(
    ("transport", "deliveries", "breaker", "state", "said"),
    [
        (HOOK, [DELIVERED], {"state": "closed"}, State.OK, "delivered 5m ago"),
        (
            HOOK,
            [DELIVERED, FAILED],
            {"state": "closed"},
            State.WARNING,
            "1 failed of the last day's events: http_404 404",
        ),
        (HOOK, [FAILED], {"state": "closed"}, State.FAILED, "never delivered: failed, http_404 404"),
        (HOOK, [], {"state": "closed"}, State.WARNING, "was never used"),
        (HOOK | {"enabled": False}, [], {"state": "closed"}, State.WARNING, "is off"),
        (
            HOOK,
            [DELIVERED],
            {"state": "open", "last_failure": "timeout", "failing_since": iso(NOW - timedelta(hours=2))},
            State.FAILED,
            "its breaker is open: timeout, failing since 2h ago",
        ),
    ],
)
def test_a_transport_is_judged_by_what_it_did(transport, deliveries, breaker, state, said):
    tocsin = Tocsin(transports=[transport], deliveries=deliveries)
    tocsin.breaker = breaker

    (finding,) = found(tocsin, "transports")

    assert finding.state is state
    assert said in finding.message


RULE = {
    "name": "r",
    "enabled": True,
    "bindings": [{"policy": "p"}],
    "transports": ["hook"],
    "destination_group": "team",
}


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (RULE, None),
        (RULE | {"bindings": []}, "never fires"),
        (RULE | {"bindings": [{"policy": "p", "enabled": False}]}, "never fires"),
        (RULE | {"bindings": [], "enabled": False}, None),
        (RULE | {"destination_group": None}, "neither a group nor the event's user"),
        (RULE | {"destination_group": None, "destination_event_user": True}, None),
        (RULE | {"destination_group": None, "transports": ["channel"]}, None),
        (RULE | {"destination_group": "empty"}, "empty and the groups below it are empty"),
        (RULE | {"destination_group": "parent"}, None),
    ],
)
def test_a_rule_that_can_tell_nobody_is_found(rule, said):
    tocsin = Tocsin(
        rules=[rule],
        transports=[HOOK, {"name": "channel", "mode": "webhook_slack", "send_once": True}],
        groups=[
            {"name": "team", "children": []},
            {"name": "empty", "children": ["empty"]},
            {"name": "parent", "children": ["empty", "team"]},
        ],
        groups_team_members=[{"username": "ana"}],
    )

    (finding,) = found(tocsin, "rules")

    assert (finding.state is State.OK) is (said is None)
    assert said is None or said in finding.message


def test_a_long_silence_is_found():
    silences = [
        {"name": "short", "ends": iso(NOW + timedelta(hours=1))},
        {"name": "long", "ends": iso(NOW + timedelta(days=30)), "comment": "forgotten"},
    ]

    findings = found(Tocsin(silences=silences), "silences")

    assert states(findings) == [State.WARNING, State.OK]
    assert "long" in findings[0].message


def test_addresses_that_get_no_mail_and_tocsins_own_errors_are_found():
    event = {"id": "e1", "summary": "delivery failed"}

    assert states(found(Tocsin(mail_stops=[{"address": "a@b"}]), "mail_stops")) == [State.WARNING]
    (finding,) = found(Tocsin(events=[event]), "own_errors")
    assert "1 error of the last day; the latest: delivery failed" in finding.message


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
    aws.told("logs", "filter_log_events", answer)

    assert states(by_aws(aws, "schedule")) == [state]


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
