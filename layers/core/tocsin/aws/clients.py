"""boto3 clients, made once a process, with time limits that fit a Lambda function.

A client is made from botocore's own session: `boto3.resource` and its models would cost a cold start
and give nothing that we use. AWS_ENDPOINT_URL, where set, points them all at the local stack.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sqs import SQSClient

# Short enough that a stuck connection is given up well within the shortest function timeout (10 s), with
# three tries: what still fails then is for the queue, the stream or the caller to try again.
_CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=32,
)


@cache
def dynamodb() -> DynamoDBClient:
    """The DynamoDB client."""
    return boto3.client("dynamodb", config=_CONFIG)


@cache
def sqs() -> SQSClient:
    """The SQS client."""
    return boto3.client("sqs", config=_CONFIG)


@cache
def sesv2() -> SESV2Client:
    """The SES v2 client."""
    return boto3.client("sesv2", config=_CONFIG)


@cache
def secretsmanager() -> SecretsManagerClient:
    """The Secrets Manager client."""
    return boto3.client("secretsmanager", config=_CONFIG)
