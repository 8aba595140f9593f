"""botocore's clients, made once a process, with time limits that fit a Lambda function.

They are the clients that boto3 would give, from a session that does no more at init than our functions need
(`_session`); boto3 itself, with its resources and transfers, is not loaded. AWS_ENDPOINT_URL, where set, points them
all at the local stack.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import botocore
from botocore.config import Config
from botocore.credentials import ContainerProvider, CredentialResolver, EnvProvider
from botocore.session import Session

from tocsin import __version__
from tocsin.aws.models import Models

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sqs import SQSClient

# As one text: botocore would put it together from its parts twice a call, a third of a call's own time.
_AGENT = f"Botocore/{botocore.__version__} tocsin/{__version__}"

PATIENT = Config(
    user_agent=_AGENT,
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=32,
)
"""24 s at most (three tries of 7 s, and up to 1 + 2 s between them), within the time limit of every function but the
authorizer. What still fails then is for the queue, the stream or the caller to try again."""

SLOW = Config(
    user_agent=_AGENT, connect_timeout=2, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 2}
)
"""67 s at most: parts of files are large. Only for functions that have minutes."""

HURRIED = Config(
    user_agent=_AGENT, connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2}
)
"""9 s at most (two tries of 4 s, and up to 1 s between them), within the 10 s that API Gateway gives an authorizer."""

INSISTENT = Config(
    user_agent=_AGENT,
    connect_timeout=1,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=32,  # as many as ask at once: urllib3 warns of each that it has no room to keep
)
"""23 s at most (four tries of 4 s, and up to 1 + 2 + 4 s between them), within the API's 30 s: for what AWS takes few
calls a second of, so that some of those made at once wait for their turn."""

BRISK = Config(
    user_agent=_AGENT, connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1}
)
"""2 s at most: what is not taken by then is dropped, since whoever sends it has other things to do. A connection that
ended before it was used costs no time, and another one is taken (tocsin.aws.connections)."""


@cache
def _session() -> Session:
    """The session of all clients.

    Its credentials are where Lambda puts them: in the environment, or at an address that the environment names (where a
    function starts from a snapshot).
    """
    session = Session()
    session.register_component("data_loader", Models())
    session.register_component("credential_provider", CredentialResolver([EnvProvider(), ContainerProvider()]))
    return session


def _client(service: str, **options: Any) -> Any:  # noqa: ANN401 - what type it is, the functions below say
    return _session().create_client(service, **options)


def _hot(service: str, config: Config) -> Any:  # noqa: ANN401 - as `_client`
    """A client whose calls take less of the processor's time than botocore's take: docs/performance.md.

    Its endpoint is found once, when it is made, not by the service's rules with each call. And where it is deployed,
    calls are not checked against the service's model, which AWS does as well: tests do.
    """
    if "LAMBDA_TASK_ROOT" in os.environ:
        config = config.merge(Config(parameter_validation=False))
    client = _client(service, config=config)
    known = client.meta.config
    if not (known.use_fips_endpoint or known.use_dualstack_endpoint):  # whose names the rules alone know everywhere
        client._ruleset_resolver = None  # then it calls meta.endpoint_url; one that has no such attribute works as ever
    return client


def forget() -> None:
    """Have clients, and their session, made anew."""
    for made in (_session, dynamodb, sqs, s3, sesv2, secretsmanager, logs, cloudwatch, connections):
        made.cache_clear()


@cache
def dynamodb(config: Config = PATIENT) -> DynamoDBClient:
    """The DynamoDB client; `config` says how long a call may take."""
    client: DynamoDBClient = _hot("dynamodb", config)
    return client


@cache
def sqs() -> SQSClient:
    """The SQS client."""
    client: SQSClient = _hot("sqs", PATIENT)
    return client


@cache
def s3() -> S3Client:
    """The S3 client. Its addresses are those of the bucket's own region, which its links are for."""
    style: Literal["path", "virtual"] = "path" if os.environ.get("AWS_ENDPOINT_URL") else "virtual"
    own = Config(signature_version="s3v4", s3={"addressing_style": style})
    client: S3Client = _client("s3", config=SLOW.merge(own))
    return client


@cache
def sesv2() -> SESV2Client:
    """The SES v2 client."""
    client: SESV2Client = _client("sesv2", config=PATIENT)
    return client


@cache
def secretsmanager(config: Config = PATIENT) -> SecretsManagerClient:
    """The Secrets Manager client; `config` as for DynamoDB."""
    client: SecretsManagerClient = _client("secretsmanager", config=config)
    return client


@cache
def logs() -> CloudWatchLogsClient:
    """The client of CloudWatch's logs, of which an account may read five times a second (FilterLogEvents).

    https://repost.aws/knowledge-center/cloudwatch-logs-throttling
    """
    client: CloudWatchLogsClient = _client("logs", config=INSISTENT)
    return client


@cache
def cloudwatch() -> Any:  # noqa: ANN401 - no types of this service are installed
    """The client of CloudWatch's metrics."""
    return _client("cloudwatch", config=PATIENT)


@cache
def connections(endpoint: str) -> Any:  # noqa: ANN401 - no types of this service are installed
    """The client of a WebSocket API's connections; `endpoint` is https://<api>.execute-api.<region>.amazonaws.com/<stage>.

    AWS_ENDPOINT_URL goes before it, as it does for every other service.
    """
    url = None if os.environ.get("AWS_ENDPOINT_URL") else endpoint
    return _client("apigatewaymanagementapi", config=BRISK, endpoint_url=url)
