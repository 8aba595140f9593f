"""What SES says of mail after it was sent: bounces and complaints, by EventBridge.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html has the fields of `detail`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from tocsin.deliveries.courier import utc_now
from tocsin.deliveries.reports import Reports
from tocsin.observability import Code, note
from tocsin.store.mail_stops import MailStops, StopReason


class Feedback:
    """Stops mail to addresses that bounce for good or complain. Raises Unavailable."""

    def __init__(self, stops: MailStops, reports: Reports, clock: Callable[[], datetime] = utc_now) -> None:
        self._stops = stops
        self._reports = reports
        self._clock = clock

    def take(self, detail: Mapping[str, Any]) -> int:
        """Take one event's detail; how many addresses are stopped by it. A transient bounce stops none."""
        match detail.get("eventType"):
            case "Bounce":
                bounce = detail.get("bounce") or {}
                if bounce.get("bounceType") != "Permanent":
                    note(Code.MAIL_FEEDBACK, "a bounce that may pass", kind=bounce.get("bounceSubType"))
                    return 0
                recipients = bounce.get("bouncedRecipients") or []
                return sum(
                    self._stop(
                        recipient, StopReason.BOUNCED, str(recipient.get("diagnosticCode") or recipient.get("status"))
                    )
                    for recipient in recipients
                )
            case "Complaint":
                complaint = detail.get("complaint") or {}
                kind = str(complaint.get("complaintFeedbackType") or "")
                recipients = complaint.get("complainedRecipients") or []
                return sum(self._stop(recipient, StopReason.COMPLAINED, kind) for recipient in recipients)
            case other:
                note(Code.MAIL_FEEDBACK, "nothing to do", kind=str(other)[:40])
                return 0

    def _stop(self, recipient: Mapping[str, Any], reason: StopReason, detail: str) -> bool:
        address = str(recipient.get("emailAddress") or "")
        now = self._clock()
        if not address or not self._stops.stop(address, reason, " ".join(detail.split()), now=now):
            return False
        note(Code.MAIL_STOPPED, "no more mail goes to an address", level=logging.WARNING, reason=reason.value)
        self._reports.mail_stopped(address, f"it {reason.value}", now=now)
        return True
