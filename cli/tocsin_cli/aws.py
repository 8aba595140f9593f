"""What only AWS knows: queues, log lines, SES, alarms. Asked by boto3, where it is installed and has credentials.

Tocsin's API is asked for everything that it can tell; see docs/cli.md for what is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from tocsin_cli.errors import CliError, NotFound, Refused, Unavailable
from tocsin_cli.profiles import Profile

EXTRA = "pipx install 'tocsin-cli[aws]'"


class NoAws(CliError):
    """AWS can't be asked: no boto3, no credentials, no name of the stack."""


@dataclass
class Aws:
    """A deployed stack as AWS knows it. Methods raise NoAws, NotFound, Refused and Unavailable."""

    stack: str
    region: str | None = None
    aws_profile: str | None = None
    _clients: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, profile: Profile, stack: str | None = None) -> Aws:
        """The stack of a profile, or the one that is named. NoAws where nothing names one or boto3 is missing."""
        name = stack or profile.stack
        if not name:
            raise NoAws("which stack? AWS knows it by a name", hint="--stack, TOCSIN_STACK, or `tocsin login --stack`")
        try:
            import boto3  # noqa: F401 - only whether it is there
        except ImportError:
            raise NoAws("this asks AWS, and boto3 is not installed", hint=EXTRA) from None
        return cls(name, profile.region or None, profile.aws_profile or None)

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes clients at run time
        """A client, made when it is first asked for."""
        if service not in self._clients:
            with asking(service):
                self._clients[service] = self._session.client(service, config=self._config)
        return self._clients[service]

    @cached_property
    def _session(self) -> Any:  # noqa: ANN401
        import boto3

        with asking("AWS"):
            return boto3.Session(profile_name=self.aws_profile, region_name=self.region)

    @cached_property
    def _config(self) -> Any:  # noqa: ANN401
        from botocore.config import Config

        return Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3})

    @cached_property
    def resources(self) -> Mapping[str, tuple[str, str]]:
        """The stack's resources by their logical names: (type, physical id)."""
        with asking("CloudFormation"):
            pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.stack)
            found = {
                each["LogicalResourceId"]: (each["ResourceType"], each.get("PhysicalResourceId", ""))
                for page in pages
                for each in page["StackResourceSummaries"]
            }
        if not found:
            raise NotFound(f"there is no stack {self.stack!r} in this account and region")
        return found

    @cached_property
    def described(self) -> Mapping[str, Any]:
        """What CloudFormation says of the stack."""
        with asking("CloudFormation"):
            (stack,) = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        said: Mapping[str, Any] = stack
        return said

    @property
    def parameters(self) -> Mapping[str, str]:
        """What the stack was deployed with."""
        given = self.described.get("Parameters", [])
        return {each["ParameterKey"]: each.get("ParameterValue", "") for each in given}

    @property
    def created(self) -> datetime | None:
        """When the stack was made; None where CloudFormation does not say."""
        created = self.described.get("CreationTime")
        return created if isinstance(created, datetime) else None

    def queues(self) -> dict[str, str]:
        """The URLs of the stack's queues, by their logical names."""
        return {
            name: physical for name, (kind, physical) in sorted(self.resources.items()) if kind == "AWS::SQS::Queue"
        }


@contextmanager
def asking(service: str) -> Iterator[None]:
    """Turn what boto3 raises into our own errors, in words."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError, ProfileNotFound

    try:
        yield
    except (NoCredentialsError, NoRegionError, ProfileNotFound) as error:
        raise NoAws(f"{service} can't be asked: {error}", hint="set AWS_PROFILE and AWS_REGION") from None
    except ClientError as error:
        told = error.response.get("Error", {})
        code, message = told.get("Code", ""), told.get("Message", "")
        if code in {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "ExpiredToken"}:
            raise Refused(f"{service} refuses: {message or code}") from None
        if code in {"ResourceNotFoundException", "NotFoundException"} or "does not exist" in message:
            raise NotFound(f"{service}: {message or code}") from None
        raise Unavailable(f"{service} answers {code}: {message}") from None
    except BotoCoreError as error:
        raise Unavailable(f"{service} can't be asked: {error}") from None
