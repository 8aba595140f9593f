"""The emulator alone, without our stack: small functions, tables and queues that show what its corrections do."""

import io
import json
import textwrap
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.aws import REGION, ROOT_KEY, EmulatedAws
from local.emulator import Emulator
from local.processes import free_port
from local.switches import Switches

ACCOUNT = "000000000000"
MAY_BE_ASSUMED = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
NO_RETRIES = Config(retries={"total_max_attempts": 1})
SWITCHES = Switches(retry_speed=600, schedule_speed=60)
"""What is retried after a minute on AWS is retried after a tenth of a second; what is done each minute, each second."""

_numbers = count(1)


@dataclass(frozen=True)
class Account:
    """An account of the emulator, and what tests make in it."""

    emulator: Emulator

    @property
    def aws(self) -> EmulatedAws:
        """boto3 clients, as the root user."""
        return self.emulator.aws

    def client(self, service: str) -> Any:
        """A client of a service that local/ has no use for."""
        keys = {"aws_access_key_id": ROOT_KEY, "aws_secret_access_key": ROOT_KEY}
        make: Any = boto3.client  # typed for services by their names alone
        return make(service, endpoint_url=self.emulator.endpoint_url, region_name=REGION, **keys)

    def role(self, *statements: dict[str, Any]) -> str:
        """The ARN of a role with these statements; by default one that may do everything."""
        granted = statements or ({"Effect": "Allow", "Action": "*", "Resource": "*"},)
        name = fresh("role")
        self.aws.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(MAY_BE_ASSUMED))
        document = {"Version": "2012-10-17", "Statement": list(granted)}
        self.aws.iam.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=json.dumps(document))
        return f"arn:aws:iam::{ACCOUNT}:role/{name}"

    def function(self, source: str, *, role: str | None = None, **settings: Any) -> str:
        """The name of a function whose module is `source`, with a `handler` in it."""
        name = fresh("function")
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("app.py", textwrap.dedent(source))
        self.aws.awslambda.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="app.handler",
            Role=role or self.role(),
            Code={"ZipFile": content.getvalue()},
            **settings,
        )
        return name

    def invoke(self, function: str, event: object = None) -> Any:
        """What the function returns; its error (errorType, errorMessage) where it fails."""
        answer = self.aws.awslambda.invoke(FunctionName=function, Payload=json.dumps(event).encode())
        return json.loads(answer["Payload"].read())

    def user(self, service: str, *statements: dict[str, Any]) -> Any:
        """A client as a user who may do what the statements say."""
        name = fresh("user")
        self.aws.iam.create_user(UserName=name)
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        self.aws.iam.put_user_policy(UserName=name, PolicyName="policy", PolicyDocument=json.dumps(document))
        key = self.aws.iam.create_access_key(UserName=name)["AccessKey"]
        secrets = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
        make: Any = boto3.client
        return make(service, endpoint_url=self.emulator.endpoint_url, region_name=REGION, config=NO_RETRIES, **secrets)

    def table(self, *, index: str | None = None) -> str:
        """The name of a table with keys pk and sk; and an index by that attribute and sk."""
        name = fresh("table")
        attributes = ["pk", "sk", *([index] if index else [])]
        by_index = {"IndexName": f"by-{index}", "KeySchema": keys(str(index)), "Projection": {"ProjectionType": "ALL"}}
        self.aws.dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in attributes],
            KeySchema=keys("pk"),
            **({"GlobalSecondaryIndexes": [by_index]} if index else {}),  # type: ignore[arg-type]
        )
        return name

    def queue(self, **attributes: str) -> str:
        """The URL of a queue."""
        return self.aws.sqs.create_queue(QueueName=fresh("queue"), Attributes=attributes)["QueueUrl"]

    def arn_of_queue(self, url: str) -> str:
        """A queue's ARN."""
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rpartition('/')[2]}"

    def http_api(self, function: str, **integration: Any) -> str:
        """The URL of an HTTP API, all of whose routes are that function's."""
        api = self.client("apigatewayv2")
        made = api.create_api(Name=fresh("api"), ProtocolType="HTTP")["ApiId"]
        target = api.create_integration(
            ApiId=made,
            IntegrationType="AWS_PROXY",
            IntegrationUri=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}",
            PayloadFormatVersion="2.0",
            **integration,
        )["IntegrationId"]
        api.create_route(ApiId=made, RouteKey="$default", Target=f"integrations/{target}")
        api.create_stage(ApiId=made, StageName="$default", AutoDeploy=True)
        return self.emulator.api_url(made)


def keys(hash_key: str) -> Any:
    """A key schema."""
    return [{"AttributeName": hash_key, "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]


def fresh(kind: str) -> str:
    """A name that nothing has yet."""
    return f"{kind}-{next(_numbers)}"


def item(pk: str, sk: str = "1", **more: str) -> dict[str, Any]:
    """An item of a table, as DynamoDB's JSON."""
    return {name: {"S": value} for name, value in {"pk": pk, "sk": sk, **more}.items()}


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account of an emulator that all tests of this directory share."""
    directory: Path = tmp_path_factory.mktemp("emulator")
    log, scratch = directory / "emulator.log", directory / "scratch"
    with Emulator.started(free_port(), log=log, scratch=scratch, switches=SWITCHES) as emulator:
        yield Account(emulator)


@pytest.fixture
def refused() -> Callable[[Callable[[], object]], str]:
    """`refused(call)` is the code and message that AWS refuses a call with."""

    def refused_with(call: Callable[[], object]) -> str:
        with pytest.raises(ClientError) as raised:
            call()
        error = raised.value.response["Error"]
        return f"{error['Code']}: {error['Message']}"

    return refused_with
