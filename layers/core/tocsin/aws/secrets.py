"""Secrets that the stack makes for itself at deploy, in Secrets Manager."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from tocsin.aws import clients
from tocsin.aws.environment import Environment
from tocsin.aws.errors import as_unavailable

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


def secret_text(client: SecretsManagerClient, arn: str, *, what: str = "reading a secret") -> str:
    """The text of a secret. Raises Unavailable, which says that `what` failed."""
    with as_unavailable(what):
        return client.get_secret_value(SecretId=arn)["SecretString"]


def link_secret(environment: Environment) -> Callable[[], str | None]:
    """Return what reads the secret that signs links, once, when the first link is made or followed.

    It gives None where LINK_SECRET names none, and raises Unavailable.
    """

    @cache
    def read() -> str | None:
        arn = environment.optional("LINK_SECRET")
        return secret_text(clients.secretsmanager(), arn) if arn else None

    return read
