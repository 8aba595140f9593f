"""boto3 clients, made once a process, with time limits that fit a Lambda function.

A client is made from botocore's own session: `boto3.resource` and its models would cost a cold start
and give nothing that we use. AWS_ENDPOINT_URL, where set, points them all at the local stack.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sqs import SQSClient

PATIENT = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=32,
)
"""24 s at most (three tries of 7 s, and up to 1 + 2 s between them), within the time limit of every function but the
authorizer. What still fails then is for the queue, the stream or the caller to try again."""

SLOW = Config(connect_timeout=2, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 2})
"""67 s at most: parts of files are large. Only for functions that have minutes."""

HURRIED = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})
"""9 s at most (two tries of 4 s, and up to 1 s between them), within the 10 s that API Gateway gives an authorizer."""

BRISK = Config(connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1})
"""2 s at most: what is not taken by then is dropped, since whoever sends it has other things to do."""


@cache
def dynamodb(config: Config = PATIENT) -> DynamoDBClient:
    """The DynamoDB client; `config` says how long a call may take."""
    return boto3.client("dynamodb", config=config)


@cache
def sqs() -> SQSClient:
    """The SQS client."""
    return boto3.client("sqs", config=PATIENT)


@cache
def s3() -> S3Client:
    """The S3 client. Its addresses are those of the bucket's own region, which its links are for."""
    style: Literal["path", "virtual"] = "path" if os.environ.get("AWS_ENDPOINT_URL") else "virtual"
    return boto3.client("s3", config=SLOW.merge(Config(signature_version="s3v4", s3={"addressing_style": style})))


@cache
def sesv2() -> SESV2Client:
    """The SES v2 client."""
    return boto3.client("sesv2", config=PATIENT)


@cache
def secretsmanager(config: Config = PATIENT) -> SecretsManagerClient:
    """The Secrets Manager client; `config` as for DynamoDB."""
    return boto3.client("secretsmanager", config=config)


@cache
def logs() -> CloudWatchLogsClient:
    """The client of CloudWatch's logs."""
    return boto3.client("logs", config=PATIENT)


@cache
def cloudwatch() -> Any:  # noqa: ANN401 - no types of this service are installed
    """The client of CloudWatch's metrics."""
    make: Any = boto3.client
    return make("cloudwatch", config=PATIENT)


@cache
def connections(endpoint: str) -> Any:  # noqa: ANN401 - no types of this service are installed
    """The client of a WebSocket API's connections; `endpoint` is https://<api>.execute-api.<region>.amazonaws.com/<stage>.

    AWS_ENDPOINT_URL goes before it, as it does for every other service.
    """
    # boto3's own client() is told apart by types of services; those of this one are not installed.
    make: Any = boto3.client
    url = None if os.environ.get("AWS_ENDPOINT_URL") else endpoint
    return make("apigatewaymanagementapi", config=BRISK, endpoint_url=url)
