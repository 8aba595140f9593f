"""What a deployment asks of the account first. The clients are real, their answers AWS's by shape."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from local.cloud.deploy import preflight
from local.cloud.place import defaults
from local.cloud.preflight import QUEUES, Finding, Level, Preflight
from tests.expanded_template import expanded_template

SENDER = {"MailSender": "tocsin@mail.example.com"}
KEYS = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "eu-central-1"}
MISSING = "NotFoundException"


@contextmanager
def account(
    *,
    verified: tuple[str, ...] = (),
    production: bool = True,
    concurrency: int = 1000,
    reserved: int = 0,
    burst: int = 5000,
    rate: int = 10000,
    region_has_ses: bool = True,
    log_role: str = "",
) -> Iterator[Preflight]:
    """An account that answers so, once each."""
    make: Any = boto3.client
    ses, awslambda, apigateway = (make(name, **KEYS) for name in ("sesv2", "lambda", "apigateway"))
    with ExitStack() as stack:
        mail, functions, gateway = (stack.enter_context(Stubber(each)) for each in (ses, awslambda, apigateway))
        for identity in (SENDER["MailSender"], "mail.example.com", "example.com"):
            asked = {"EmailIdentity": identity}
            if identity in verified:
                mail.add_response("get_email_identity", {"VerifiedForSendingStatus": True}, asked)
                break
            mail.add_client_error("get_email_identity", MISSING, http_status_code=404, expected_params=asked)
        mail.add_response("get_account", {"ProductionAccessEnabled": production})
        free = concurrency - reserved
        limits = {"ConcurrentExecutions": concurrency, "UnreservedConcurrentExecutions": free}
        functions.add_response("get_account_settings", {"AccountLimit": limits})
        throttle = {"burstLimit": burst, "rateLimit": float(rate)}
        settings = {"throttleSettings": throttle, **({"cloudwatchRoleArn": log_role} if log_role else {})}
        gateway.add_response("get_account", settings)
        gateway.add_response("get_account", settings)
        yield Preflight(ses if region_has_ses else None, awslambda, apigateway, "eu-central-1")


def findings(preflight: Preflight, **parameters: str) -> list[Finding]:
    return preflight.findings(defaults() | parameters)


def worst(found: list[Finding]) -> Level:
    levels = {each.level for each in found}
    return next(level for level in (Level.FAILED, Level.WARNING, Level.OK) if level in levels)


@pytest.mark.parametrize("identity", ["tocsin@mail.example.com", "mail.example.com", "example.com"])
def test_an_account_with_a_verified_address_or_domain_and_room_passes(identity: str) -> None:
    with account(verified=(identity,)) as asked:
        assert worst(findings(asked, **SENDER)) is Level.OK


def test_no_sender_needs_no_ses() -> None:
    with account(region_has_ses=False) as asked:
        assert worst(findings(asked)) is Level.OK


def test_a_sender_in_a_region_without_ses_fails() -> None:
    with account(region_has_ses=False) as asked:
        (failed,) = [each for each in findings(asked, **SENDER) if each.level is Level.FAILED]

    assert "eu-central-1 has no SES" in failed.detail


def test_a_sender_that_is_not_verified_fails_and_is_named() -> None:
    with account() as asked:
        (failed,) = [each for each in findings(asked, **SENDER) if each.level is Level.FAILED]

    assert "neither tocsin@mail.example.com nor mail.example.com nor example.com" in failed.detail


def test_the_sandbox_is_a_warning() -> None:
    with account(verified=("mail.example.com",), production=False) as asked:
        found = findings(asked, **SENDER)

    assert worst(found) is Level.WARNING
    assert any("sandbox" in each.detail for each in found)


def test_a_small_concurrency_is_a_warning_that_says_what_to_do() -> None:
    with account(concurrency=10) as asked:
        (warned,) = [each for each in findings(asked) if each.level is Level.WARNING]

    assert "the account has 10" in warned.detail
    assert "ReservedConcurrency" in warned.detail


@pytest.mark.parametrize(("concurrency", "level"), [(1000, Level.OK), (259, Level.FAILED)])
def test_a_reservation_leaves_a_hundred_unreserved(concurrency: int, level: Level) -> None:
    with account(concurrency=concurrency, reserved=50) as asked:
        assert worst(findings(asked, ReservedConcurrency="55")) is level


@pytest.mark.parametrize(("held", "level"), [(110, Level.OK), (0, Level.FAILED)])
def test_what_the_stack_has_reserved_already_is_not_counted_twice(held: int, level: Level) -> None:
    """The fault: whoever had a reservation could not deploy again where the account had no room for a second one."""
    with account(concurrency=1000, reserved=790 + 110) as asked:
        found = findings(replace(asked, reserved=held), ReservedConcurrency="55")

    assert worst(found) is level


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"RequestBurst": "2000"}, "RequestBurst is 2000"),
        ({"RequestsPerSecond": "20000"}, "RequestsPerSecond is 20000"),
    ],
)
def test_a_stage_that_lets_through_more_than_the_account_fails(parameters: dict[str, str], says: str) -> None:
    with account(burst=1250) as asked:
        (failed,) = [each for each in findings(asked, **parameters) if each.level is Level.FAILED]

    assert failed.detail.startswith(says)


@pytest.mark.parametrize(
    ("role", "level"), [("", Level.FAILED), ("arn:aws:iam::123456789012:role/api-gateway-logs", Level.OK)]
)
def test_the_live_apis_log_needs_a_role_of_the_account(role: str, level: Level) -> None:
    with account(log_role=role) as asked:
        (found,) = [each for each in findings(asked, LogLiveAccess="true") if each.what == "the live API's log"]

    assert found.level is level


def test_what_can_not_be_asked_is_a_warning_and_keeps_nothing_else_from_being_checked() -> None:
    make: Any = boto3.client
    clients = [make(name, **KEYS) for name in ("lambda", "apigateway")]
    with Stubber(clients[0]) as functions, Stubber(clients[1]) as gateway:
        functions.add_client_error("get_account_settings", "AccessDeniedException", http_status_code=403)
        gateway.add_response("get_account", {"throttleSettings": {"burstLimit": 5000, "rateLimit": 10000.0}})

        found = findings(Preflight(None, *clients, "eu-central-1"))

    assert [each.level for each in found] == [Level.OK, Level.WARNING, Level.OK, Level.OK]
    assert "AccessDeniedException" in found[1].detail


@pytest.mark.parametrize(
    ("region", "has"), [("eu-central-1", True), ("eu-south-2", False), ("mx-central-1", False), ("cn-north-1", False)]
)
def test_regions_without_ses_are_known(region: str, has: bool) -> None:
    session = boto3.Session(**(KEYS | {"region_name": region}))  # type: ignore[arg-type]

    assert (preflight(session).ses is not None) is has


def test_every_queue_of_a_function_is_counted() -> None:
    limits = {
        event["Properties"]["ScalingConfig"]["MaximumConcurrency"]["Ref"]
        for each in expanded_template()["Resources"].values()
        if each["Type"] == "AWS::Serverless::Function"
        for event in each["Properties"].get("Events", {}).values()
        if event["Type"] == "SQS"
    }

    assert limits == set(QUEUES)
