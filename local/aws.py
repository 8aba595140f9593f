"""boto3 clients of the emulated AWS, blind to the developer's own profiles, keys and endpoints."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
import botocore.session
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sqs import SQSClient

REGION = "us-east-1"
# Both halves of the key of the emulator's root user. No real account has such a key.
ROOT_KEY = "test"

_CONFIG = Config(
    connect_timeout=2,
    read_timeout=300,  # longer than any function may take, on a busy machine too: a second attempt would run it twice
    retries={"mode": "standard", "total_max_attempts": 2},
    proxies={},
)


@dataclass(frozen=True)
class EmulatedAws:
    """Clients of the emulator at `endpoint_url`, as its root user, each made when it is first asked for."""

    endpoint_url: str

    def environment(self) -> dict[str, str]:
        """The variables that make a program (sam, aws, boto3) use the emulator."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @cached_property
    def _session(self) -> boto3.Session:
        nowhere = {
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
            "ignore_configured_endpoint_urls": (None, None, True, None),
        }
        return boto3.Session(
            aws_access_key_id=ROOT_KEY,
            aws_secret_access_key=ROOT_KEY,
            region_name=REGION,
            botocore_session=botocore.session.Session(session_vars=nowhere),
        )

    @cached_property
    def cloudformation(self) -> CloudFormationClient:
        """CloudFormation."""
        return self._session.client("cloudformation", endpoint_url=self.endpoint_url, config=_CONFIG)

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        """DynamoDB."""
        return self._session.client("dynamodb", endpoint_url=self.endpoint_url, config=_CONFIG)

    @cached_property
    def dynamodbstreams(self) -> DynamoDBStreamsClient:
        """DynamoDB Streams."""
        return self._session.client("dynamodbstreams", endpoint_url=self.endpoint_url, config=_CONFIG)

    @cached_property
    def iam(self) -> IAMClient:
        """IAM."""
        return self._session.client("iam", endpoint_url=self.endpoint_url, config=_CONFIG)

    @cached_property
    def awslambda(self) -> LambdaClient:
        """Lambda."""
        return self._session.client("lambda", endpoint_url=self.endpoint_url, config=_CONFIG)

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        """CloudWatch Logs."""
        return self._session.client("logs", endpoint_url=self.endpoint_url, config=_CONFIG)

    @cached_property
    def secretsmanager(self) -> SecretsManagerClient:
        """Secrets Manager."""
        return self._session.client("secretsmanager", endpoint_url=self.endpoint_url, config=_CONFIG)

    @cached_property
    def sesv2(self) -> SESV2Client:
        """SES v2."""
        return self._session.client("sesv2", endpoint_url=self.endpoint_url, config=_CONFIG)

    @cached_property
    def sqs(self) -> SQSClient:
        """SQS."""
        return self._session.client("sqs", endpoint_url=self.endpoint_url, config=_CONFIG)
