"""The house policy of template.yaml: what linters do not notice, and nobody should have to remember."""

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.expanded_template import ROOT, expanded_template
from tests.template.resources import FUNCTIONS, GLOBALS, RESOURCES, TEMPLATE, name_in, of_type
from tocsin.config.lock import LOCK_SECONDS

QUEUES = of_type("AWS::SQS::Queue")
TABLES = of_type("AWS::DynamoDB::Table")


def sources(kind: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(function, event, properties) of the event sources of a kind."""
    if kind == "DynamoDB":
        for name, properties in of_type("AWS::Lambda::EventSourceMapping").items():
            yield name_in(properties["FunctionName"]), name, properties
    for function, properties in FUNCTIONS.items():
        for event, source in properties.get("Events", {}).items():
            if source["Type"] == kind:
                yield function, event, source["Properties"]


@pytest.mark.parametrize(("function", "event", "source"), list(sources("SQS")))
def test_a_message_is_not_given_out_again_while_its_function_may_still_run(
    function: str, event: str, source: dict[str, Any]
) -> None:
    timeout = FUNCTIONS[function].get("Timeout", GLOBALS["Timeout"])

    visibility = QUEUES[name_in(source["Queue"])]["VisibilityTimeout"]

    assert visibility >= 6 * timeout


@pytest.mark.parametrize(("function", "event", "source"), list(sources("SQS")))
def test_each_queue_that_feeds_a_function_has_dead_letters_of_its_own(
    function: str, event: str, source: dict[str, Any]
) -> None:
    redrive = QUEUES[name_in(source["Queue"])]["RedrivePolicy"]

    assert name_in(redrive["deadLetterTargetArn"]) in QUEUES
    assert 1 < redrive["maxReceiveCount"] <= 10
    targets = [
        name_in(queue["RedrivePolicy"]["deadLetterTargetArn"]) for queue in QUEUES.values() if "RedrivePolicy" in queue
    ]
    assert len(set(targets)) == len(targets)


@pytest.mark.parametrize(("function", "event", "source"), [*sources("SQS"), *sources("DynamoDB")])
def test_every_batch_can_fail_in_part(function: str, event: str, source: dict[str, Any]) -> None:
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize(("function", "event", "source"), list(sources("DynamoDB")))
def test_a_stream_gives_new_events_only_and_gives_up_in_bounds_and_not_silently(
    function: str, event: str, source: dict[str, Any]
) -> None:
    patterns = [json.loads(each["Pattern"]) for each in source["FilterCriteria"]["Filters"]]
    kinds = [kind for pattern in patterns for kind in pattern["eventName"]]

    # what counts events has to hear of those that are deleted; what tells people of them must not
    assert kinds == (["INSERT", "REMOVE"] if function == "RollupFunction" else ["INSERT"])
    assert source["BisectBatchOnFunctionError"] is True
    assert 0 < source["MaximumRetryAttempts"] <= 10_000
    assert 0 < source["MaximumRecordAgeInSeconds"] <= 86_400  # a stream keeps a day
    assert name_in(source["DestinationConfig"]["OnFailure"]["Destination"]) in QUEUES


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_function_has_a_log_group_of_its_own_with_retention(function: str) -> None:
    group = name_in(FUNCTIONS[function]["LoggingConfig"]["LogGroup"])

    assert "RetentionInDays" in of_type("AWS::Logs::LogGroup")[group]
    groups = [name_in(each["LoggingConfig"]["LogGroup"]) for each in FUNCTIONS.values()]
    assert len(set(groups)) == len(groups)


def test_every_function_runs_python_3_13() -> None:
    assert GLOBALS["Runtime"] == "python3.13"
    assert not [name for name, each in FUNCTIONS.items() if "Runtime" in each]


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_kept_recoverable_encrypted_and_forgets(table: str) -> None:
    properties = TABLES[table]

    # kept when the stack goes, but not behind a first deployment that fails
    assert RESOURCES[table]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert RESOURCES[table]["UpdateReplacePolicy"] == "Retain"
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"]["SSEEnabled"] is True
    assert properties["TimeToLiveSpecification"]["Enabled"] is True


def test_every_route_asks_the_authorizer_but_those_that_are_for_everybody() -> None:
    public = {
        route["RouteKey"]
        for route in of_type("AWS::ApiGatewayV2::Route").values()
        if name_in(route["ApiId"]) == "HttpApi"
        if route.get("AuthorizationType") != "CUSTOM" or "AuthorizerId" not in route
    }

    console = {"GET /console", "GET /console/{proxy+}"}
    links = {"GET /unsubscribe", "POST /unsubscribe", "GET /acknowledge", "POST /acknowledge", "POST /sign-in"}
    assert public <= {"GET /health", "OPTIONS /{proxy+}"} | links | console
    assert "GET /health" in public


@pytest.mark.parametrize("api", ["HttpStage", "LiveStage"])
def test_an_api_is_throttled_and_logs_access(api: str) -> None:
    stages = of_type("AWS::ApiGatewayV2::Stage")
    stage = stages[api]
    logs = stage["AccessLogSettings"]
    logs = logs["Fn::If"][1] if "Fn::If" in logs else logs  # that of the live API is asked for

    assert stages.keys() == {"HttpStage", "LiveStage"}
    assert {"ThrottlingRateLimit", "ThrottlingBurstLimit"} <= stage["DefaultRouteSettings"].keys()
    assert logs["DestinationArn"]
    assert "querystring" not in logs["Format"].lower()


def test_parameters_and_outputs_are_described() -> None:
    assert not [name for name, each in TEMPLATE["Parameters"].items() if not each.get("Description")]
    assert not [name for name, each in TEMPLATE["Outputs"].items() if not each.get("Description")]


def test_every_parameter_is_in_one_group_of_those_that_are_asked_for() -> None:
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]

    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(TEMPLATE["Parameters"])


def test_every_parameter_is_used() -> None:
    text = (ROOT / "template.yaml").read_text("utf-8")

    unused = [
        name for name in TEMPLATE["Parameters"] if not re.search(rf"!Ref {name}\b|\$\{{{name}\}}|\[!Ref {name}", text)
    ]

    assert not unused


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_its_log_group_and_its_code_have_one_name(function: str) -> None:
    properties = FUNCTIONS[function]
    name = properties["CodeUri"].removeprefix("functions/").rstrip("/")
    group = RESOURCES[name_in(properties["LoggingConfig"]["LogGroup"])]["Properties"]

    assert (ROOT / "functions" / name / "app.py").is_file()
    assert properties["FunctionName"] == {"Fn::Sub": f"${{AWS::StackName}}-{name}"}
    assert group["LogGroupName"] == {"Fn::Sub": ["/aws/lambda/${AWS::StackName}-${Name}", {"Name": name}]}
    assert properties["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == name


def test_what_checks_tokens_is_the_authorizers_alone() -> None:
    attached = {name for name, each in FUNCTIONS.items() if {"Ref": "TokensLayer"} in each.get("Layers", [])}

    assert attached == {"AuthorizerFunction"}


def test_tokens_are_taken_for_an_audience_or_not_at_all() -> None:
    (rule,) = TEMPLATE["Rules"].values()

    assert rule["RuleCondition"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "OidcIssuer"}, ""]}]}
    assert rule["Assertions"][0]["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "OidcAudience"}, ""]}]}
    assert TEMPLATE["Parameters"]["OidcIssuer"]["Default"] == ""


def test_each_directory_of_functions_is_deployed() -> None:
    deployed = {properties["CodeUri"].rstrip("/") for properties in FUNCTIONS.values()}

    assert deployed == {f"functions/{path.parent.name}" for path in (ROOT / "functions").glob("*/app.py")}


@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_is_encrypted_and_dead_letters_are_kept_for_ten_days_at_least(queue: str) -> None:
    # a dead letter's age counts from when the message was first sent to the queue that it comes from
    days = 4 if "RedrivePolicy" in QUEUES[queue] else 14

    assert QUEUES[queue]["SqsManagedSseEnabled"] is True
    assert QUEUES[queue]["MessageRetentionPeriod"] == days * 24 * 3600


def timeout_of(function: str) -> int:
    seconds: int = FUNCTIONS[function].get("Timeout", GLOBALS["Timeout"])
    return seconds


def test_who_answers_http_ends_before_the_http_api_gives_up() -> None:
    assert max(timeout_of(f"{name}Function") for name in ("Authorizer", "Ingest", "Api")) <= 30


def test_a_lock_outlives_the_function_that_took_it() -> None:
    assert timeout_of("ApiFunction") < LOCK_SECONDS


def test_what_a_parameter_may_be_is_said() -> None:
    limits = {"AllowedValues", "AllowedPattern", "MinValue", "MaxValue", "MinLength", "MaxLength"}
    free = {name for name, each in TEMPLATE["Parameters"].items() if not limits & each.keys()}

    assert free <= {"CorsOrigins"}


def test_the_first_key_is_made_at_deploy_and_can_not_be_guessed() -> None:
    made = of_type("AWS::SecretsManager::Secret")["AdminKey"]["GenerateSecretString"]

    assert made["PasswordLength"] >= 40
    assert "SecretString" not in of_type("AWS::SecretsManager::Secret")["AdminKey"]


@pytest.mark.parametrize("name", ["default", "local", "prod"])
def test_samconfig_has_each_place(name: str) -> None:
    places = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))

    assert places[name]["global"]["parameters"]["stack_name"]
    assert places[name]["deploy"]["parameters"]["capabilities"] == "CAPABILITY_IAM"


@pytest.mark.parametrize("name", ["default", "prod", "local"])
def test_sam_is_told_to_expand_the_loops_of_the_template(name: str) -> None:
    places = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))

    assert TEMPLATE["Transform"] == ["AWS::LanguageExtensions", "AWS::Serverless-2016-10-31"]
    assert places[name]["global"]["parameters"]["language_extensions"] is True


def test_what_holds_data_keeps_its_logical_id() -> None:
    # under another one, an upgrade would make an empty table, queue or secret in place of the one there is
    assert TABLES.keys() == {"EventsTable", "ConfigTable", "DeliveriesTable"}
    assert of_type("AWS::SecretsManager::Secret").keys() == {"AdminKey", "UnsubscribeSecret"}
    assert QUEUES.keys() == {
        *("WebhookQueue", "SlackQueue", "EmailQueue", "InboxQueue", "MatchQueue"),
        *("WebhookDeadLetters", "SlackDeadLetters", "EmailDeadLetters", "InboxDeadLetters", "MatchDeadLetters"),
        *("FeedbackDeadLetters", "StreamFailures"),
    }
    assert of_type("AWS::Logs::LogGroup").keys() == {
        "HttpAccessLog",
        "LiveAccessLog",
        *(f"{function.removesuffix('Function')}Log" for function in FUNCTIONS),
    }


def test_the_dashboard_shows_warnings_and_errors_of_every_function() -> None:
    _body, texts = of_type("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"]["Fn::Sub"]
    query = texts["Wrong"]["Fn::Sub"]

    assert "filter level in ['WARNING', 'ERROR']" in query
    assert {f"{function.removesuffix('Function')}Log" for function in FUNCTIONS} == set(
        re.findall(r"SOURCE '\$\{(\w+)\}'", query)
    )


def test_what_sends_to_its_own_queue_is_not_stopped_as_a_loop() -> None:
    """Lambda stops a function after about 16 hops through its own queue: docs/decisions/0009."""
    resources = expanded_template()["Resources"]
    loops = {name for name, each in resources.items() if each.get("Properties", {}).get("RecursiveLoop") == "Allow"}

    assert loops == {f"{name}Function" for name in ("Matcher", "Webhook", "Slack", "Email", "Inbox")}


def test_every_function_is_traced() -> None:
    assert GLOBALS["Tracing"] == {"Ref": "Tracing"}
    assert TEMPLATE["Parameters"]["Tracing"]["Default"] == "Active"
    assert not [name for name, each in FUNCTIONS.items() if "Tracing" in each]
