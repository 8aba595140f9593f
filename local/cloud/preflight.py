"""What an account and a region must have for the parameters that are to be deployed, asked before anything changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sesv2 import SESV2Client

QUEUES = ("WebhookConcurrency", "SlackConcurrency", "EmailConcurrency", "InboxConcurrency", "MatchConcurrency")
REST = 50
"""Concurrent executions beside those of the queues: authorizer, ingest and API under moderate load, stream readers,
the schedule."""
UNRESERVED = 100
"""What Lambda keeps for functions without a reservation.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html"""


class Level(StrEnum):
    """How bad a finding is. A failed one stops the deployment."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """What a check found, and what to do about it."""

    level: Level
    what: str
    detail: str

    def __str__(self) -> str:
        """As it is shown."""
        return f"{self.level.value:<8}{self.what:<22}{self.detail}"


@dataclass(frozen=True)
class Preflight:
    """Checks of an account in a region. `ses` is None where the region has no SES."""

    ses: SESV2Client | None
    awslambda: LambdaClient
    apigateway: APIGatewayClient
    region: str
    reserved: int = 0
    """Concurrent executions that the stack, where it is there, has reserved already."""

    def findings(self, parameters: Mapping[str, str]) -> list[Finding]:
        """What the checks found for these parameters."""
        found: list[Finding] = []
        checks: dict[str, Callable[[Mapping[str, str]], Iterator[Finding]]] = {
            "mail": self.mail,
            "Lambda's concurrency": self.concurrency,
            "the HTTP API's burst": self.burst,
            "the live API's log": self.live_log,
        }
        for what, check in checks.items():
            try:
                found += check(parameters)
            except (ClientError, BotoCoreError) as error:
                found.append(Finding(Level.WARNING, what, f"could not be asked: {error}"))
        return found

    def mail(self, parameters: Mapping[str, str]) -> Iterator[Finding]:
        """Whether the region has SES, and SES takes mail from the sender."""
        sender = parameters["MailSender"]
        if not sender:
            yield Finding(Level.OK, "mail", "no MailSender: e-mail deliveries will fail and say so")
            return
        if self.ses is None:
            yield Finding(
                Level.FAILED, "mail", f"{self.region} has no SES: leave MailSender empty or take another region"
            )
            return
        identities = _identities(sender)
        if verified := next((each for each in identities if _is_verified(self.ses, each)), None):
            yield Finding(Level.OK, "mail", f"SES has verified {verified}")
        else:
            yield Finding(Level.FAILED, "mail", f"SES in {self.region} has verified neither {' nor '.join(identities)}")
        if not self.ses.get_account().get("ProductionAccessEnabled", False):
            detail = "SES is in its sandbox: it sends to verified addresses only, 200 a day; request production access"
            yield Finding(Level.WARNING, "mail", detail)

    def concurrency(self, parameters: Mapping[str, str]) -> Iterator[Finding]:
        """Whether the account has room for all functions that may run at once."""
        what = "Lambda's concurrency"
        limit = self.awslambda.get_account_settings()["AccountLimit"]
        has, free = limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"] + self.reserved
        reserved = reserved_by(parameters)
        if reserved and free - reserved < UNRESERVED:
            detail = f"others leave {free}, ReservedConcurrency takes {reserved}, and {UNRESERVED} must remain"
            yield Finding(Level.FAILED, what, detail)
            return
        wanted = sum(int(parameters[name]) for name in QUEUES) + REST
        if wanted > has:
            detail = (
                f"the account has {has}, and with full queues Tocsin uses about {wanted}: raise the quota, or lower"
                f" {', '.join(QUEUES)}; ReservedConcurrency keeps POST /events going"
            )
            yield Finding(Level.WARNING, what, detail)
        else:
            yield Finding(Level.OK, what, f"the account has {has}, Tocsin uses up to about {wanted}")

    def burst(self, parameters: Mapping[str, str]) -> Iterator[Finding]:
        """Whether the stage's rate and burst are within the account's.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html
        """
        limits = self.apigateway.get_account().get("throttleSettings", {})
        for parameter, name in (("RequestBurst", "burstLimit"), ("RequestsPerSecond", "rateLimit")):
            wanted, has = int(parameters[parameter]), int(limits.get(name, 0))  # type: ignore[call-overload]
            if not has:
                detail = f"the account does not say its {name}"
                yield Finding(Level.WARNING, "the HTTP API's burst", detail)
            elif wanted > has:
                detail = f"{parameter} is {wanted}, and the account has {has}"
                yield Finding(Level.FAILED, "the HTTP API's burst", detail)
            else:
                yield Finding(Level.OK, "the HTTP API's burst", f"{parameter} {wanted} of the account's {has}")

    def live_log(self, parameters: Mapping[str, str]) -> Iterator[Finding]:
        """Whether API Gateway may write the WebSocket API's access log, where one is wanted.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-logging.html
        """
        if parameters["LogLiveAccess"] == "true":
            if role := self.apigateway.get_account().get("cloudwatchRoleArn"):
                yield Finding(Level.OK, "the live API's log", f"API Gateway writes it as {role}")
            else:
                detail = "LogLiveAccess needs a role in API Gateway's account settings (CloudWatch log role ARN)"
                yield Finding(Level.FAILED, "the live API's log", detail)


def reserved_by(parameters: Mapping[str, str]) -> int:
    """How many concurrent executions a stack with these parameters reserves: for the authorizer and for ingest."""
    return 2 * int(parameters.get("ReservedConcurrency", "0"))


def _identities(sender: str) -> list[str]:
    """What verifies a sender: its address, its domain, or a domain above that, whose subdomains SES takes as well.

    https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html
    """
    domain = sender.partition("@")[2]
    labels = domain.split(".")
    above = [".".join(labels[position:]) for position in range(1, len(labels) - 1)]
    return [sender, domain, *above]


def _is_verified(ses: SESV2Client, identity: str) -> bool:
    try:
        return ses.get_email_identity(EmailIdentity=identity).get("VerifiedForSendingStatus", False)
    except ses.exceptions.NotFoundException:
        return False
