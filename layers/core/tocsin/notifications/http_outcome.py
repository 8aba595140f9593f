"""What an endpoint's answer, or its silence, makes of a delivery."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime

from tocsin.notifications.outcome import MAX_EXCERPT, MAX_RETRY_AFTER, Outcome, State
from tocsin.outbound import OutboundBlocked, OutboundError, Response
from tocsin.times import utc_now

_SECONDS = re.compile(r"[0-9]{1,15}(?:\.[0-9]{0,15})?")

RETRIED_STATUSES = frozenset({408, 425, 429})
"""4xx answers that time can heal; all others are final."""


def posted(post: Callable[[], Response]) -> Outcome:
    """The outcome of a POST: delivered for 2xx; retried or failed, with the reason, for all else."""
    try:
        response = post()
    except OutboundBlocked as blocked:
        return Outcome(State.FAILED, f"blocked_{blocked.reason}", str(blocked))
    except OutboundError as error:
        return Outcome(State.RETRYING, error.kind, str(error))
    return answered(response)


def answered(response: Response) -> Outcome:
    """The outcome of an endpoint's answer by its status alone."""
    status = response.status
    answer = excerpt(response)
    if 200 <= status < 300:
        return Outcome(State.DELIVERED, f"http_{status}", status=status, answer=answer)
    if status in RETRIED_STATUSES or status >= 500:
        return Outcome(
            State.RETRYING,
            f"http_{status}",
            f"the endpoint answered {status}",
            status=status,
            answer=answer,
            retry_after=retry_after(response),
        )
    detail = "redirects are not followed: give the final URL" if 300 <= status < 400 else "which is final"
    if status == 410:
        detail = "which says that nothing is wanted there any more"
    return Outcome(
        State.FAILED,
        f"http_{status}",
        f"the endpoint answered {status}; {detail}",
        status=status,
        answer=answer,
        disables=status == 410,
    )


def excerpt(response: Response) -> str | None:
    """The beginning of an answer as text, whatever bytes it has; None for an empty one."""
    text = response.body[:MAX_EXCERPT].decode("utf-8", "replace").replace("\x00", "�")
    return text.strip() or None


def retry_after(response: Response) -> float | None:
    """Seconds that the endpoint asks us to wait (Retry-After: seconds, also fractions, or a date), bounded."""
    given = response.headers.get("Retry-After", "").strip()
    if not given:
        return None
    if _SECONDS.fullmatch(given):
        seconds = float(given)
    else:
        try:
            moment = parsedate_to_datetime(given)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            seconds = (moment - utc_now()).total_seconds()
        except (ValueError, OverflowError):  # no date, or a year or zone beyond what dates can be
            return None
    return min(seconds, MAX_RETRY_AFTER) if seconds > 0 else None
