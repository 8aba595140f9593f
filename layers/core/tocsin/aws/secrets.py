"""Secrets that the stack makes for itself at deploy, in Secrets Manager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.aws.errors import as_unavailable

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


def secret_text(client: SecretsManagerClient, arn: str, *, what: str = "reading a secret") -> str:
    """The text of a secret. Raises Unavailable, which says that `what` failed."""
    with as_unavailable(what):
        return client.get_secret_value(SecretId=arn)["SecretString"]
