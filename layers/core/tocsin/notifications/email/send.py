"""E-mail by SES v2."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tocsin.aws.errors import code_of
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.email.message import MailMessage, MailTemplates, NoAddress, mail_message
from tocsin.notifications.email.suppressions import Suppressions
from tocsin.notifications.email.unsubscribe import Subscription, UnsubscribeLinks
from tocsin.notifications.outcome import Deliver, Outcome, State
from tocsin.notifications.templates.sandbox import TemplateRejected, render_custom

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

_NOT_ALLOWED = (
    "SES refused the permission: check that MailSender is a verified sender; while SES is in its sandbox, the recipient"
    " is to be verified too"
)
_FINAL = {
    "MailFromDomainNotVerifiedException": "verify the MAIL FROM domain in SES",
    "MessageRejected": "SES refused the message; verify the sender, and the recipient while SES is in its sandbox",
    "AccountSuspendedException": "SES suspended sending for this account: see its account dashboard",
    "BadRequestException": "SES could not use the message",
    "NotFoundException": "an SES resource that the message names is not there: check MailSender",
    "AccessDeniedException": _NOT_ALLOWED,
    "AccessDenied": _NOT_ALLOWED,
}
"""What time does not heal, and what does. All else is tried again: throttling, the daily quota, SES itself."""


def mail_delivery(
    ses: SESV2Client,
    templates: MailTemplates,
    sender: str,
    stops: Suppressions,
    *,
    configuration_set: str = "",
    links: Callable[[], UnsubscribeLinks | None] = lambda: None,
) -> Deliver:
    """Delivers by e-mail from `sender`, an address that SES has verified, to addresses that `stops` has not.

    With `links`, each mail can be unsubscribed from with one click; with `configuration_set`, SES says what
    became of it.
    """

    def deliver(context: RenderingContext) -> Outcome:
        if not sender:
            return Outcome(State.FAILED, "no_sender", "no sender is configured: deploy with MailSender")
        try:
            message = _message(context, templates, links())
        except NoAddress as missing:
            return Outcome(State.DISCARDED, "no_address", str(missing))
        except TemplateRejected as rejected:
            return Outcome.of_mapping(rejected)
        stop = stops.get(message.to_address)
        if stop is not None:
            detail = f"the address {stop.reason.value} on {stop.since[:10]}; DELETE /mail-stops/{{address}} lifts that"
            return Outcome(State.DISCARDED, f"address_{stop.reason.value}", detail)
        try:
            sent = ses.send_email(**_request(message, sender, configuration_set))
        except ClientError as error:
            code = code_of(error)
            if code in _FINAL:
                return Outcome(State.FAILED, code, _FINAL[code])
            return Outcome(State.RETRYING, code, "SES did not take the message")
        except BotoCoreError as error:
            return Outcome(State.RETRYING, type(error).__name__, "SES could not be reached")
        return Outcome(State.DELIVERED, "sent", remote_id=sent["MessageId"])

    return deliver


def _message(context: RenderingContext, templates: MailTemplates, links: UnsubscribeLinks | None) -> MailMessage:
    message = mail_message(context, templates)
    if links is not None:
        name = context.user.username if context.user else ""
        subscription = Subscription(name, message.to_address, context.transport.name, context.rule)
        message = mail_message(context, templates, links.url(subscription))
    transport = context.transport
    if transport.html_template is not None:
        message = replace(message, html=_rendered("HTML", transport.html_template, context))
    if transport.text_template is not None:
        message = replace(message, text=_rendered("text", transport.text_template, context))
    return message


def _rendered(which: str, template: str, context: RenderingContext) -> str:
    """A template of the transport's own, rendered. TemplateRejected says which one failed."""
    try:
        return render_custom(template, context, html=which == "HTML")
    except TemplateRejected as rejected:
        raise TemplateRejected(f"the {which} template failed: {rejected}") from rejected


def _request(message: MailMessage, sender: str, configuration_set: str) -> dict[str, Any]:
    content: dict[str, Any] = {
        "Subject": {"Data": message.subject, "Charset": "UTF-8"},
        "Body": {
            "Text": {"Data": message.text, "Charset": "UTF-8"},
            "Html": {"Data": message.html, "Charset": "UTF-8"},
        },
    }
    if message.headers:
        content["Headers"] = [{"Name": name, "Value": value} for name, value in message.headers.items()]
    request: dict[str, Any] = {
        "FromEmailAddress": sender,
        "Destination": {"ToAddresses": [message.to]},
        "Content": {"Simple": content},
        "EmailTags": [{"Name": name, "Value": value} for name, value in message.tags.items()],
    }
    if configuration_set:
        request["ConfigurationSetName"] = configuration_set
    return request
