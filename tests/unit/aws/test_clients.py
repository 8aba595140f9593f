"""Clients from our own session: of every service that we ask, as botocore's own would be."""

from pathlib import Path

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.useragent import UserAgentString

from tocsin.aws import clients
from tocsin.aws.models import SERVICES, Models

USER_AGENT = UserAgentString.to_string
"""botocore's own, also where tests of the same process have it say less (tests/moto_as_aws.py)."""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    clients.forget()


@pytest.mark.parametrize("service", sorted(set(SERVICES) - {"apigatewaymanagementapi"}))
def test_there_is_a_client_of_each_service_and_it_goes_to_the_functions_region(service: str) -> None:
    client = getattr(clients, service)()

    assert client.meta.region_name == "eu-central-1"
    assert "eu-central-1" in client.meta.endpoint_url or service == "s3"
    assert client._request_signer._credentials.get_frozen_credentials().token == "token"


@pytest.mark.parametrize("service", SERVICES)
def test_the_user_agent_is_not_put_together_for_each_call(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "connections" if service == "apigatewaymanagementapi" else service
    client = getattr(clients, name)(*(["https://live1.example.com/live"] if name == "connections" else []))
    monkeypatch.setattr(client._user_agent_creator, "_build_sdk_metadata", lambda: pytest.fail("it was"))

    assert USER_AGENT(client._user_agent_creator).startswith("Botocore/")


def test_a_log_that_is_refused_for_its_rate_is_read_in_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    client = clients.logs()
    refused = AWSResponse("https://logs", 400, {}, None)
    refused._content = b'{"__type": "ThrottlingException", "message": "Rate exceeded"}'
    taken = AWSResponse("https://logs", 200, {}, None)
    taken._content = b'{"events": []}'
    answers = iter([refused, refused, refused, taken])
    client.meta.events.register("before-send.cloudwatch-logs.FilterLogEvents", lambda **_: next(answers))

    assert client.filter_log_events(logGroupName="group")["events"] == []


def test_connections_are_asked_at_their_own_address() -> None:
    client = clients.connections("https://live1.execute-api.eu-central-1.amazonaws.com/live")

    assert client.meta.endpoint_url == "https://live1.execute-api.eu-central-1.amazonaws.com/live"


@pytest.mark.parametrize("kind", ["service-2", "endpoint-rule-set-1"])
def test_models_are_botocores_own(kind: str) -> None:
    own = Loader(include_default_search_paths=False, extra_search_paths=[Loader.BUILTIN_DATA_PATH])

    assert Models().load_service_model("sqs", kind) == own.load_service_model("sqs", kind)


def test_of_another_service_there_is_no_client() -> None:
    with pytest.raises(UnknownServiceError):
        Models().load_service_model("ec2", "service-2")


def test_a_file_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert Models().file_loader.load_file(str(tmp_path / "nothing")) is None
    assert not Models().file_loader.exists(str(tmp_path / "nothing"))
