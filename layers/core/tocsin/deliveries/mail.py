"""E-mail by SES v2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from tocsin.deliveries.courier import Deliver
from tocsin.deliveries.models import Outcome, State
from tocsin.rendering.context import RenderingContext
from tocsin.rendering.mail import MailTemplates, NoAddress, mail_message
from tocsin.store.failures import code_of

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

_FINAL = {
    "MailFromDomainNotVerifiedException": "verify the MAIL FROM domain in SES",
    "MessageRejected": "SES refused the message; verify the sender, and the recipient while SES is in its sandbox",
    "AccountSuspendedException": "SES suspended sending for this account",
    "BadRequestException": "SES could not use the message",
    "NotFoundException": "an SES resource that the message names is not there",
    "AccessDeniedException": "the function's role may not send from this sender; check MailIdentity",
    "AccessDenied": "the function's role may not send from this sender; check MailIdentity",
}


def mail_delivery(ses: SESV2Client, templates: MailTemplates, sender: str) -> Deliver:
    """Delivers by e-mail from `sender`, an address that SES has verified."""

    def deliver(context: RenderingContext) -> Outcome:
        if not sender:
            return Outcome(State.FAILED, "no_sender", "no sender is configured: deploy with MailSender")
        try:
            message = mail_message(context, templates)
        except NoAddress as missing:
            return Outcome(State.DISCARDED, "no_address", str(missing))
        try:
            sent = ses.send_email(
                FromEmailAddress=sender,
                Destination={"ToAddresses": [message.to]},
                Content={
                    "Simple": {
                        "Subject": {"Data": message.subject, "Charset": "UTF-8"},
                        "Body": {
                            "Text": {"Data": message.text, "Charset": "UTF-8"},
                            "Html": {"Data": message.html, "Charset": "UTF-8"},
                        },
                    }
                },
                EmailTags=[{"Name": name, "Value": value} for name, value in message.tags.items()],
            )
        except ClientError as error:
            code = code_of(error)
            if code in _FINAL:
                return Outcome(State.FAILED, code, _FINAL[code])
            return Outcome(State.RETRYING, code, "SES did not take the message")
        except BotoCoreError as error:
            return Outcome(State.RETRYING, type(error).__name__, "SES could not be reached")
        return Outcome(State.DELIVERED, "sent", f"SES message {sent['MessageId']}")

    return deliver
