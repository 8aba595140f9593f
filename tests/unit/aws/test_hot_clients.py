"""Clients of DynamoDB and SQS, which take a shorter way: their calls are what a bare client's would be."""

from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ParamValidationError

from tocsin.aws import clients


@pytest.fixture(autouse=True)
def deployed_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    clients.forget()


def sent(client: Any, operation: str, **parameters: Any) -> tuple[str, dict[str, str], bytes]:
    """What `client` sends for a call: address, headers, body; without those that differ from call to call."""
    found: list[Any] = []

    def keep(request: Any, **_given: object) -> AWSResponse:
        found.append(request)
        return AWSResponse(request.url, 200, {}, Raw())

    client.meta.events.register_first("before-send", keep)
    getattr(client, operation)(**parameters)
    request = found[0]
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
    }
    varying = {"amz-sdk-invocation-id", "user-agent", "authorization", "host", "x-amz-date"}
    return request.url, {name: value for name, value in headers.items() if name not in varying}, request.body


class Raw:
    """An empty answer."""

    def stream(self, **_given: object) -> Any:
        yield b"{}"


@pytest.mark.parametrize("region", ["eu-central-1", "us-east-1", "cn-north-1", "us-gov-west-1"])
@pytest.mark.parametrize("deployed", [True, False], ids=["deployed", "in tests"])
def test_calls_go_where_and_as_those_of_a_bare_client(region: str, deployed: bool, monkeypatch: Any) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    monkeypatch.setenv("LAMBDA_TASK_ROOT", "/var/task") if deployed else monkeypatch.delenv("LAMBDA_TASK_ROOT", False)
    item = {"pk": {"S": "a"}, "sk": {"S": "ü"}, "data": {"B": b"\x00\xff"}, "list": {"L": [{"N": "1"}]}}
    entries = [{"Id": "0", "MessageBody": "{}", "MessageGroupId": "g"}]
    asked = {
        "dynamodb": ("put_item", {"TableName": "events", "Item": item, "ConditionExpression": "attribute_exists(pk)"}),
        "sqs": ("send_message_batch", {"QueueUrl": f"https://sqs.{region}.amazonaws.com/1/q", "Entries": entries}),
    }
    for service, (operation, parameters) in asked.items():
        bare = botocore.session.Session().create_client(service)

        assert sent(getattr(clients, service)(), operation, **parameters) == sent(bare, operation, **parameters)


@pytest.mark.parametrize("variable", ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"])
@pytest.mark.parametrize("region", ["us-gov-west-1", "us-east-1", "us-iso-east-1"])
def test_other_kinds_of_endpoints_are_those_of_a_bare_client(region: str, variable: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    monkeypatch.setenv(variable, "true")
    asked = {"dynamodb": {"TableName": "events", "Key": {"pk": {"S": "a"}}}, "sqs": {"QueueUrl": "https://q/1/q"}}
    for service, parameters in asked.items():
        operation = "get_item" if service == "dynamodb" else "receive_message"
        bare = botocore.session.Session().create_client(service)

        assert sent(getattr(clients, service)(), operation, **parameters) == sent(bare, operation, **parameters)


def test_a_wrong_call_is_found_by_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAMBDA_TASK_ROOT", raising=False)

    with pytest.raises(ParamValidationError):
        clients.dynamodb().put_item(TableName="events", Item={"pk": {"S": 1}})  # type: ignore[dict-item]
