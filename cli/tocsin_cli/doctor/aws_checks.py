"""What only AWS tells of a stack's health: SES, queues, alarms, the schedule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tocsin_cli.aws import Aws, asking
from tocsin_cli.dead_letters import FAILURES, depth
from tocsin_cli.doctor.finding import Check, Finding, failed, ok, warning
from tocsin_cli.errors import NotFound
from tocsin_cli.text import counted

LONG_QUEUE = 1000
"""Messages that wait: more than functions take in a minute, as long as nothing fails."""
SCHEDULE = timedelta(minutes=5)
"""The redrive function logs each minute; after this long something is wrong."""
QUIET = frozenset({"WARNING", "ERROR"})
"""Log levels at which nothing is written of what went well."""
NAMES = ("stack", "mail sender", "ses", "queues", "alarms", "schedule")


class AwsChecks:
    """Checks by AWS alone."""

    def __init__(self, aws: Aws, *, sends_mail: bool) -> None:
        self._aws = aws
        self._sends_mail = sends_mail

    def all(self) -> list[tuple[str, Check]]:
        """Every check with its name."""
        checks: list[Check] = [self.stack, self.sender, self.ses, self.queues, self.alarms, self.schedule]
        return list(zip(NAMES, checks, strict=True))

    def stack(self) -> Iterator[Finding]:
        """Whether the last deployment went well."""
        with asking("CloudFormation"):
            (stack,) = self._aws.client("cloudformation").describe_stacks(StackName=self._aws.stack)["Stacks"]
        status = stack["StackStatus"]
        if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}:
            yield ok("stack", f"{self._aws.stack} is {status}")
        else:
            yield warning("stack", f"{self._aws.stack} is {status}", "look at the stack's events in CloudFormation")

    def sender(self) -> Iterator[Finding]:
        """Whether SES has verified the address that e-mail comes from."""
        sender = self._aws.parameters.get("MailSender", "")
        if not sender:
            if self._sends_mail:
                yield failed(
                    "mail sender", "there are e-mail transports, and no MailSender", "deploy with MailSender=…"
                )
            else:
                yield ok("mail sender", "none, and no transport sends e-mail")
            return
        for identity in _identities(sender):
            if self._is_verified(identity):
                yield ok("mail sender", f"SES has verified {identity}")
                return
        yield failed("mail sender", f"SES has not verified {sender}", "verify the address or its domain in SES")

    def _is_verified(self, identity: str) -> bool:
        try:
            with asking("SES"):
                found = self._aws.client("sesv2").get_email_identity(EmailIdentity=identity)
        except NotFound:
            return False
        return bool(found.get("VerifiedForSendingStatus"))

    def ses(self) -> Iterator[Finding]:
        """Whether SES sends to anybody, or is in its sandbox."""
        with asking("SES"):
            account = self._aws.client("sesv2").get_account()
        if not account.get("SendingEnabled", True):
            yield failed("ses", f"sending is paused: {account.get('EnforcementStatus', '')}", "look at SES's console")
        elif not account.get("ProductionAccessEnabled", False):
            hint = "ask for production access, or verify each recipient"
            yield (warning if self._sends_mail else ok)(
                "ses", "is in its sandbox: only verified addresses get mail", *([hint] if self._sends_mail else [])
            )
        else:
            yield ok("ses", "sends to anybody")

    def queues(self) -> Iterator[Finding]:
        """Dead letters, and queues that are long."""
        depths = {name: depth(self._aws, url) for name, url in self._aws.queues().items()}
        troubled = False
        for name, messages in depths.items():
            if messages and (name.endswith("DeadLetters") or name == FAILURES):
                troubled = True
                yield failed("queues", f"{counted(messages, 'message')} in {name}", f"tocsin dead-letters {name}")
            elif messages >= LONG_QUEUE:
                troubled = True
                yield warning("queues", f"{messages:,} messages wait in {name}", "is its function throttled?")
        if not troubled:
            yield ok("queues", f"{counted(len(depths), 'queue')}, and no dead letters")

    def alarms(self) -> Iterator[Finding]:
        """Alarms that ring, and alarms that nobody hears."""
        names = [name for kind, name in self._aws.resources.values() if kind == "AWS::CloudWatch::Alarm" and name]
        found = []
        for start in range(0, len(names), 100):
            with asking("CloudWatch"):
                page = self._aws.client("cloudwatch").describe_alarms(AlarmNames=names[start : start + 100])
            found += page.get("MetricAlarms", [])
        for alarm in found:
            if alarm.get("StateValue") == "ALARM":
                why = alarm.get("StateReason", "")
                yield failed("alarms", f"{alarm['AlarmName']} rings: {why}", "docs/operating.md says what to do")
        deaf = [alarm["AlarmName"] for alarm in found if not alarm.get("AlarmActions")]
        if deaf:
            yield warning(
                "alarms",
                f"{counted(len(deaf), 'alarm')} without a topic: nobody hears them",
                "deploy with AlarmEmail=… or AlarmTopicArn=…",
            )
        elif found:
            yield ok("alarms", f"{counted(len(found), 'alarm')}, each with a topic")
        else:
            yield warning("alarms", "the stack has none")

    def schedule(self) -> Iterator[Finding]:
        """Whether the redrive function runs each minute: without it nothing is tried again."""
        level = self._aws.parameters.get("LogLevel", "INFO")
        if level in QUIET:
            yield ok("schedule", f"its runs are not logged, since LogLevel is {level}: RedriveIdleAlarm tells")
            return
        now = datetime.now(UTC)
        with asking("CloudWatch Logs"):
            answer = self._aws.client("logs").filter_log_events(
                logGroupName=f"/aws/lambda/{self._aws.stack}-redrive",
                filterPattern='"REDRIVE_DONE"',
                startTime=int((now - SCHEDULE).timestamp() * 1000),
                limit=1,
            )
        if answer.get("events") or self._more(answer):
            yield ok("schedule", "the redrive function ran within five minutes")
        elif self._aws.created is not None and timedelta() <= now - self._aws.created < SCHEDULE:
            yield warning("schedule", "the redrive function did not run yet, but the stack is new", "ask again later")
        else:
            hint = f"look at the log group /aws/lambda/{self._aws.stack}-redrive"
            yield failed("schedule", "the redrive function did not run for five minutes: nothing is tried again", hint)

    @staticmethod
    def _more(answer: dict[str, object]) -> bool:
        """Whether CloudWatch has not looked at all streams yet; then nothing is known to be wrong."""
        return bool(answer.get("nextToken"))


def _identities(sender: str) -> list[str]:
    """What verifies a sender: its address, its domain, or a domain above that, whose subdomains SES takes as well.

    https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html
    """
    domain = sender.partition("@")[2]
    labels = domain.split(".")
    above = [".".join(labels[position:]) for position in range(1, len(labels) - 1)]
    return [sender, domain, *above]
