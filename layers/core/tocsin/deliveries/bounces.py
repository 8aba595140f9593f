"""Bounces and complaints: what SES reports of sent mail, by EventBridge.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html has the fields of `detail`.

    Bounce     Permanent               the address is stopped: no such mailbox, or SES suppresses it itself
               Transient               left alone: full, too large, refused this once
               Undetermined            left alone: SES could not tell what the bounce means
    Complaint  any feedback type       the address is stopped, but not for `not-spam`, which takes a complaint back
    others     Send, Delivery, Reject, Open, Click, Rendering Failure, DeliveryDelay, Subscription: not subscribed
               to (template.yaml, MailFeedback), and left alone where somebody subscribes to them

An event of another shape raises an error, so that it is kept among the dead letters and not ignored.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parseaddr
from typing import Any

from tocsin.aws.logging import Code, note
from tocsin.deliveries.alerts import Alerts
from tocsin.errors import Unavailable
from tocsin.notifications.email.suppressions import SuppressionReason, Suppressions
from tocsin.times import utc_now

SUPPRESSED = "OnAccountSuppressionList"
"""The sub type of a bounce or complaint that comes from SES's own suppression list: nothing was sent."""
_SUPPRESSED_ADVICE = "it is on SES's suppression list for this account: take it off there before the stop is lifted"


class SesFeedback:
    """Stops mail to addresses that bounce permanently or complain. Raises Unavailable."""

    def __init__(self, stops: Suppressions, alerts: Alerts, clock: Callable[[], datetime] = utc_now) -> None:
        self._stops = stops
        self._alerts = alerts
        self._clock = clock

    def take(self, detail: Mapping[str, Any]) -> int:
        """Take one event's detail; return how many addresses it stops that were not stopped before.

        Raises KeyError, TypeError, AttributeError or ValueError where it is not what SES documents.
        """
        match detail["eventType"]:
            case "Bounce":
                return self._bounced(detail["bounce"])
            case "Complaint":
                return self._complained(detail["complaint"])
            case other:
                note(Code.MAIL_FEEDBACK, "nothing to do", kind=str(other)[:40])
                return 0

    def _bounced(self, bounce: Mapping[str, Any]) -> int:
        sub_type = bounce.get("bounceSubType")
        if bounce["bounceType"] != "Permanent":
            note(Code.MAIL_FEEDBACK, "a bounce that may pass", kind=f"{bounce['bounceType']} {sub_type}"[:80])
            return 0
        return sum(
            self._stop(recipient, SuppressionReason.BOUNCED, _said(sub_type, recipient))
            for recipient in bounce["bouncedRecipients"]
        )

    def _complained(self, complaint: Mapping[str, Any]) -> int:
        kind = str(complaint.get("complaintFeedbackType") or "")
        if kind == "not-spam":
            note(Code.MAIL_FEEDBACK, "somebody says that a mail is no spam", kind=kind)
            return 0
        said = _SUPPRESSED_ADVICE if complaint.get("complaintSubType") == SUPPRESSED else kind
        return sum(
            self._stop(recipient, SuppressionReason.COMPLAINED, said) for recipient in complaint["complainedRecipients"]
        )

    def _stop(self, recipient: Mapping[str, Any], reason: SuppressionReason, detail: str) -> bool:
        _, address = parseaddr(recipient["emailAddress"])
        if not address:
            raise ValueError("the recipient of a bounce or complaint has no address")
        now, detail = self._clock(), " ".join(detail.split())
        if not self._stops.stop(address, reason, detail, now=now, untold=True):
            return False
        note(Code.MAIL_STOPPED, "no more mail goes to an address", level=logging.WARNING, reason=reason.value)
        if not self._alerts.mail_stopped(address, f"it {reason.value}", now=now):
            raise Unavailable("mail to an address is stopped, and the event that says so could not be stored")
        self._stops.note_told(address, reason, detail, now=now)
        return True


def _said(sub_type: object, recipient: Mapping[str, Any]) -> str:
    """Describe a bounce: by the mail system's words, else its status code, else SES's classification."""
    if sub_type == SUPPRESSED:
        return _SUPPRESSED_ADVICE
    return str(recipient.get("diagnosticCode") or recipient.get("status") or sub_type or "")
