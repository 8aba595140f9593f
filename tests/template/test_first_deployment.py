"""What a first deployment on AWS would meet and the emulator does not show."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config

from tests.expanded_template import expanded_template
from tocsin.aws import clients

TEMPLATE: dict[str, Any] = expanded_template()
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
PARAMETERS: dict[str, dict[str, Any]] = TEMPLATE["Parameters"]
SMALLEST_BURST = 1250
"""The account's burst of the HTTP API in 13 regions.
https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"""


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """{logical id: properties} of the resources of a type."""
    return {name: each.get("Properties", {}) for name, each in RESOURCES.items() if each["Type"] == kind}


def references(node: Any) -> Iterator[str]:
    """Whatever `node` names by Ref, Fn::GetAtt or Fn::Sub."""
    if isinstance(node, list):
        for each in node:
            yield from references(each)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "Ref" and isinstance(value, str):
                yield value
            elif key == "Fn::GetAtt":
                yield str(value[0] if isinstance(value, list) else value).split(".")[0]
            elif key == "Fn::Sub":
                text = value if isinstance(value, str) else value[0]
                yield from (part.partition("}")[0].split(".")[0] for part in text.split("${")[1:])
                yield from references(value) if isinstance(value, list) else ()
            else:
                yield from references(value)


def test_without_a_mail_sender_nothing_of_ses_is_made_or_named() -> None:
    # some regions have no SES: eu-south-2, mx-central-1, cn-north-1
    mail = {name for name, each in RESOURCES.items() if each["Type"].startswith("AWS::SES::")}

    assert {RESOURCES[name]["Condition"] for name in mail} == {"HasMailSender"}
    for name, each in RESOURCES.items():
        assert name in mail or not mail & set(references(each)), name


def test_the_burst_fits_the_smallest_accounts_of_all_regions() -> None:
    assert int(PARAMETERS["RequestBurst"]["Default"]) <= SMALLEST_BURST


def test_metrics_of_each_route_are_made_only_where_they_are_asked_for() -> None:
    """The fault: each route made metrics of its own, at 0.30 $ a metric and month."""
    stages = [each for each in of_type("AWS::ApiGatewayV2::Stage").values() if "RouteSettings" in each]
    settings = [each["DefaultRouteSettings"] for each in stages]
    settings += [route for each in stages for route in each["RouteSettings"].values()]

    assert PARAMETERS["DetailedMetrics"]["Default"] == "false"
    assert settings
    assert all(each["DetailedMetricsEnabled"] == {"Ref": "DetailedMetrics"} for each in settings)


def test_a_run_of_a_schedule_is_never_tried_again() -> None:
    scheduled = [
        each
        for each in of_type("AWS::Serverless::Function").values()
        if any(event["Type"] == "Schedule" for event in each.get("Events", {}).values())
    ]

    assert scheduled
    for each in scheduled:
        assert each["EventInvokeConfig"] == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}


def test_no_queue_can_have_all_of_an_accounts_concurrency() -> None:
    for name, function in of_type("AWS::Serverless::Function").items():
        for event in function.get("Events", {}).values():
            if event["Type"] == "SQS":
                limit = event["Properties"]["ScalingConfig"]["MaximumConcurrency"]["Ref"]
                assert 2 <= int(PARAMETERS[limit]["Default"]) <= 50, name


def test_who_takes_events_in_can_have_concurrency_of_its_own() -> None:
    functions = of_type("AWS::Serverless::Function")
    reserved = {name for name, each in functions.items() if "ReservedConcurrentExecutions" in each}

    assert reserved == {"AuthorizerFunction", "IngestFunction"}
    assert PARAMETERS["ReservedConcurrency"]["Default"] == "0"


@pytest.mark.parametrize(("api", "stage_name"), [("HttpApi", "HttpStage"), ("LiveApi", "LiveStage")])
def test_whoever_has_no_key_has_a_rate_of_their_own(api: str, stage_name: str) -> None:
    stage = RESOURCES[stage_name]["Properties"]
    routes = of_type("AWS::ApiGatewayV2::Route")
    public = {
        each["RouteKey"]: name
        for name, each in routes.items()
        if each["ApiId"] == {"Ref": api}
        and each.get("AuthorizationType") == "NONE"
        and not each["RouteKey"].startswith("OPTIONS ")
    }

    assert stage["RouteSettings"].keys() == public.keys()
    for settings in stage["RouteSettings"].values():
        assert settings["ThrottlingRateLimit"] <= 50
        assert settings["ThrottlingBurstLimit"] <= 100
    # CloudFormation refuses settings of a route that is not there yet
    assert set(RESOURCES[stage_name]["DependsOn"]) == set(public.values())


def test_two_stacks_of_an_account_share_no_name() -> None:
    named = {
        name: value
        for name, each in RESOURCES.items()
        for key, value in each.get("Properties", {}).items()
        if each["Type"] not in {"AWS::Lambda::Permission", "AWS::Lambda::EventSourceMapping"}  # these name no new thing
        and each["Type"] != "AWS::ApiGatewayV2::Authorizer"
        and key
        in {"Name", "FunctionName", "LayerName", "LogGroupName", "QueueName", "TableName", "RoleName", "DashboardName"}
    }

    assert not [name for name, value in named.items() if "AWS::StackName" not in json.dumps(value)]
    # without a name of its own, a layer is called by its logical id
    assert all("LayerName" in each for each in of_type("AWS::Serverless::LayerVersion").values())


def test_the_access_log_takes_no_room_of_the_accounts_resource_policy() -> None:
    name = of_type("AWS::Logs::LogGroup")["HttpAccessLog"]["LogGroupName"]

    assert name == {"Fn::Sub": "/aws/vendedlogs/apis/${AWS::StackName}"}


def test_what_unsubscribe_links_are_made_with_outlives_the_stack() -> None:
    assert RESOURCES["UnsubscribeSecret"]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert RESOURCES["UnsubscribeSecret"]["UpdateReplacePolicy"] == "Retain"


def test_links_lead_to_the_domain_that_is_given_else_to_the_api_itself() -> None:
    """The fault: links in mails, which never end, named the API's own host, which goes with the stack."""
    functions = of_type("AWS::Serverless::Function").values()
    urls = [
        variables["API_URL"]
        for each in functions
        if "API_URL" in (variables := each.get("Environment", {}).get("Variables", {}))
    ]

    own = {"Fn::Sub": "https://${HttpApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}"}
    assert len(urls) == 5  # of the four that deliver, and of files that were exported
    assert all(url == {"Fn::If": ["HasApiDomain", {"Fn::Sub": "https://${ApiDomain}"}, own]} for url in urls)
    assert TEMPLATE["Conditions"]["HasApiDomain"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "ApiDomain"}, ""]}]}
    assert PARAMETERS["ApiDomain"]["Default"] == ""


@pytest.mark.parametrize("given", ["", "audit.example.com", "a", "xn--fa-hia.example"])
def test_a_host_name_is_taken_as_the_domain_of_links(given: str) -> None:
    assert re.search(PARAMETERS["ApiDomain"]["AllowedPattern"], given)


@pytest.mark.parametrize(
    "given", ["https://audit.example.com", "audit.example.com/", "Audit.example.com", "a b", ".example.com", "a:443"]
)
def test_what_is_no_host_name_is_refused_as_the_domain_of_links(given: str) -> None:
    assert not re.search(PARAMETERS["ApiDomain"]["AllowedPattern"], given)


def test_a_record_of_the_stream_is_given_up_for_its_age_alone() -> None:
    streams = of_type("AWS::Lambda::EventSourceMapping")

    assert streams
    assert {each["MaximumRetryAttempts"] for each in streams.values()} == {10_000}


WHOLE = {
    "MatchWindow": (0, 60),
    "AuthorizerCacheSeconds": (0, 60),
    "RequestsPerSecond": (1, 999_999),
    "RequestBurst": (1, 999_999),
    "ReservedConcurrency": (0, 1000),
    "MailPerSecond": (1, 500),
    **dict.fromkeys((f"{kind}Concurrency" for kind in ("Webhook", "Slack", "Email", "Inbox", "Match")), (2, 1000)),
}
"""The parameters that are numbers, from their least to their most."""


def test_every_number_is_known_to_be_whole() -> None:
    """The fault: MatchWindow=0.5 was taken, and Lambda refused it in the middle of a deployment; MailPerSecond=14.5 was
    deployed, and no mail went out any more."""
    numbers = {name for name, each in PARAMETERS.items() if str(each.get("Default", "")).isdigit()}
    free = {name for name, each in PARAMETERS.items() if each["Type"] == "Number" and "AllowedValues" not in each}

    # 443 is a list of ports; what a log is kept for is one of the days that CloudWatch takes
    assert numbers - {"AllowedPorts", "LogRetentionDays"} == WHOLE.keys()
    assert not free


@pytest.mark.parametrize("name", WHOLE)
def test_a_number_is_whole_and_within_its_limits(name: str) -> None:
    least, most = WHOLE[name]
    takes = re.compile(PARAMETERS[name]["AllowedPattern"]).fullmatch

    taken = [number for number in (*range(2_000), 999_999, 1_000_000) if takes(str(number))]

    assert (min(taken), max(taken)) == (least, most)
    assert len([number for number in taken if number < 2_000]) == min(most, 1_999) - least + 1
    for odd in ("", "0.5", "2.0", "-1", "1e2", f"0{most}", f"{most}.5", f" {most}"):
        assert not takes(odd)


def test_no_log_needs_a_role_that_the_account_may_not_have() -> None:
    """The fault: in an account without API Gateway's role for logs the WebSocket API's stage, and so the stack, failed.

    An HTTP API's access log needs none.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-logging.html
    """
    live = RESOURCES["LiveStage"]["Properties"]

    assert TEMPLATE["Conditions"]["LogsLiveAccess"] == {"Fn::Equals": [{"Ref": "LogLiveAccess"}, "true"]}
    assert PARAMETERS["LogLiveAccess"]["Default"] == "false"
    assert live["AccessLogSettings"]["Fn::If"][::2] == ["LogsLiveAccess", {"Ref": "AWS::NoValue"}]
    assert not {"LoggingLevel", "DataTraceEnabled"} & {key for each in _settings(live) for key in each}
    assert RESOURCES["LiveAccessLog"]["Condition"] == "LogsLiveAccess"


def _settings(stage: dict[str, Any]) -> list[dict[str, Any]]:
    return [stage["DefaultRouteSettings"], *stage["RouteSettings"].values()]


def longest_wait(config: Config) -> float:
    """Seconds until a call to an endpoint that answers nothing is given up.

    botocore's standard mode waits up to 1, 2, 4, … seconds between tries, at most 20.
    https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
    """
    settings: Any = config
    tries = settings.retries["total_max_attempts"]
    pauses = sum(min(2**number, 20) for number in range(tries - 1))
    return float(tries * (settings.connect_timeout + settings.read_timeout) + pauses)


CALLING_AWS = of_type("AWS::Serverless::Function").keys() - {"ConsoleFunction"}


@pytest.mark.parametrize("function", sorted(CALLING_AWS))
def test_a_stuck_connection_is_given_up_before_the_function_is(function: str) -> None:
    timeout = of_type("AWS::Serverless::Function")[function].get("Timeout", TEMPLATE["Globals"]["Function"]["Timeout"])

    assert longest_wait(clients.HURRIED if function == "AuthorizerFunction" else clients.PATIENT) < timeout


def test_who_reads_logs_waits_for_its_turn_and_is_answered_in_time() -> None:
    """The fault: GET /status reads fourteen logs at once, of which AWS lets an account read five a second."""
    settings: Any = clients.INSISTENT

    assert longest_wait(clients.INSISTENT) < TEMPLATE["Globals"]["Function"]["Timeout"]
    # what was refused comes again within 1, 3 and 7 seconds: time for 5 + 35 calls
    assert settings.retries["total_max_attempts"] == 4


def test_an_upgrade_changes_who_reads_events_before_who_writes_them() -> None:
    """The release before reads no event of a new form: its matcher would put those among its dead letters."""
    assert set(RESOURCES["IngestFunction"]["DependsOn"]) >= {"MatcherFunction", "RollupFunction"}
