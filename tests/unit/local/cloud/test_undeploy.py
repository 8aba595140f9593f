"""Deleting a stack says what it leaves, and asks. The client is real, its answers AWS's by shape."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from local.cloud.place import Place, PlaceError
from local.cloud.undeploy import kept_resources, undeploy
from tests.expanded_template import expanded_template

PLACE = Place("prod", "tocsin-prod", "eu-central-1")
STACK = {"StackName": "tocsin-prod", "StackStatus": "CREATE_COMPLETE", "CreationTime": "2026-01-01T00:00:00Z"}
RESOURCES = {
    "EventsTable": ("AWS::DynamoDB::Table", "tocsin-prod-EventsTable-1ABC"),
    "UnsubscribeSecret": ("AWS::SecretsManager::Secret", "arn:aws:secretsmanager:…:UnsubscribeSecret-2DEF"),
    "ClientLayer0123456789": ("AWS::Lambda::LayerVersion", "arn:aws:lambda:…:layer:tocsin-prod-client:3"),
    "CoreLayer0123456789": ("AWS::Lambda::LayerVersion", "arn:aws:lambda:…:layer:tocsin-prod-core:3"),
    "WebhookQueue": ("AWS::SQS::Queue", "https://sqs/tocsin-prod-WebhookQueue"),
}


@pytest.fixture
def cloudformation() -> Any:
    make: Any = boto3.client
    return make("cloudformation", "eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")


@pytest.fixture
def stub(cloudformation: Any) -> Iterator[Stubber]:
    """A stack that is there; it ends with every answer given."""
    with Stubber(cloudformation) as stub:
        stub.add_response("describe_stacks", {"Stacks": [STACK]})
        summaries = [
            {
                "LogicalResourceId": name,
                "PhysicalResourceId": physical,
                "ResourceType": kind,
                "LastUpdatedTimestamp": "2026-01-01T00:00:00Z",
                "ResourceStatus": "CREATE_COMPLETE",
            }
            for name, (kind, physical) in RESOURCES.items()
        ]
        stub.add_response("list_stack_resources", {"StackResourceSummaries": summaries})
        yield stub
        stub.assert_no_pending_responses()


def test_what_stays_is_said_before_anything_is_asked(cloudformation: Any, stub: Stubber) -> None:
    said: list[str] = []

    def confirm(question: str) -> str:
        said.append(question)
        return "no"

    status = undeploy(PLACE, cloudformation, confirm=confirm, say=said.append)

    asked = said.index("Type tocsin-prod to delete it: ")
    kept = "\n".join(said[:asked])
    assert status == 1
    assert all(name in kept for name in ("tocsin-prod-EventsTable-1ABC", "UnsubscribeSecret-2DEF", "client:3"))
    assert "core:3" not in kept
    assert "WebhookQueue" not in kept
    assert said[-1] == "Nothing was deleted."


def test_it_is_deleted_where_its_name_is_typed(cloudformation: Any, stub: Stubber) -> None:
    stub.add_response("delete_stack", {}, {"StackName": "tocsin-prod"})
    stub.add_response("describe_stacks", {"Stacks": [STACK | {"StackStatus": "DELETE_COMPLETE"}]})
    said: list[str] = []

    assert undeploy(PLACE, cloudformation, confirm=lambda _: "tocsin-prod\n", say=said.append) == 0

    assert said[-1].startswith("tocsin-prod is deleted.")


def test_a_stack_that_is_not_there_is_said_to_be_none(cloudformation: Any) -> None:
    with Stubber(cloudformation) as stub:
        stub.add_client_error("describe_stacks", "ValidationError", "Stack with id tocsin-prod does not exist")

        with pytest.raises(PlaceError, match="there is no stack tocsin-prod"):
            undeploy(PLACE, cloudformation, confirm=lambda _: "", say=lambda _: None)


def test_what_holds_data_for_longer_than_the_stack_is_kept() -> None:
    tables = {name for name, each in expanded_template()["Resources"].items() if each["Type"] == "AWS::DynamoDB::Table"}

    assert kept_resources() == tables | {"UnsubscribeSecret", "ClientLayer", "ExportsBucket"}
