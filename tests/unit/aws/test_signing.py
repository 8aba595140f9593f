"""Our signatures are botocore's, and our clients' calls are what a bare client's would be."""

from datetime import UTC, datetime
from typing import Any

import botocore.auth
import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from tocsin.aws import clients, signing

NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)


@pytest.fixture(autouse=True)
def at_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (botocore.auth, signing):
        monkeypatch.setattr(module, "get_current_datetime", lambda: NOW)
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    clients.forget()


def signed(kind: type[SigV4Auth], *, token: str | None = "token", times: int = 1, **asked: Any) -> dict[str, str]:
    known: dict[str, Any] = {"method": "POST", "url": "https://dynamodb.eu-central-1.amazonaws.com/", "data": b"{}"}
    known["headers"] = {"X-Amz-Target": "DynamoDB_20120810.PutItem", "Content-Type": "application/x-amz-json-1.0"}
    request = AWSRequest(**(known | asked))
    for _ in range(times):
        kind(Credentials("id", "secret", token), "dynamodb", "eu-central-1").add_auth(request)
    return dict(request.headers.items())


CASES: dict[str, dict[str, Any]] = {
    "a call": {},
    "without a token": {"token": None},
    "tried again": {"times": 2},
    "no path": {"url": "https://sqs.eu-central-1.amazonaws.com"},
    "another port": {"url": "http://127.0.0.1:4566/"},
    "the scheme's port": {"url": "https://localhost:443/"},
    "no body": {"data": b""},
    "a body as text": {"data": "{}"},
    "a path": {"url": "https://example.com/a%20b/../c"},
    "a query": {"url": "https://example.com/?b=2&a=1"},
    "parameters": {"params": {"b": "2", "a": "1 3"}},
    "another method": {"method": "GET", "data": b""},
    "a date": {"headers": {"Date": "Sun, 01 Mar 2026 12:30:15 GMT"}},
    "a host": {"headers": {"Host": "other.example.com"}},
    "its body's digest": {"headers": {"X-Amz-Content-SHA256": "0" * 64}},
    "headers that are not signed": {"headers": {"User-Agent": "x", "Expect": "100-continue", "X-Amzn-Trace-Id": "y"}},
}


@pytest.mark.parametrize("case", CASES)
def test_a_signature_is_botocores(case: str) -> None:
    assert signed(signing.Signer, **CASES[case]) == signed(SigV4Auth, **CASES[case])


@given(body=st.binary(max_size=200), name=st.from_regex(r"X-[A-Za-z0-9]{1,20}", fullmatch=True), value=TEXTS)
def test_a_signature_is_botocores_whatever_is_said(body: bytes, name: str, value: str) -> None:
    asked = {"data": body, "headers": {name: value, "Content-Type": "application/x-amz-json-1.0"}}

    assert signed(signing.Signer, **asked) == signed(SigV4Auth, **asked)


def sent(client: Any, operation: str, **parameters: Any) -> tuple[str, dict[str, str], bytes]:
    """What `client` sends for a call: address, headers, body; without those that differ from call to call, and what
    signers of botocore do each in their way (with the AWS CRT, which Lambda has not, they name the host)."""
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


def test_a_wrong_call_is_found_by_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAMBDA_TASK_ROOT", raising=False)

    with pytest.raises(botocore.exceptions.ParamValidationError):
        clients.dynamodb().put_item(TableName="events", Item={"pk": {"S": 1}})  # type: ignore[dict-item]


def test_our_clients_sign_by_our_signer() -> None:
    for client in (clients.dynamodb(), clients.sqs()):
        signer = client._request_signer
        version = signer._choose_signer("PutItem", "standard", {"auth_type": "v4"})

        assert isinstance(signer.get_auth_instance("s", "r", version), signing.Signer)
