"""What an endpoint's answer, or its silence, makes of a delivery."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from tocsin.events.redact import cleanse
from tocsin.notifications.outcome import MAX_EXCERPT, MAX_RETRY_AFTER, Outcome, State
from tocsin.notifications.spelled_secrets import decoded, without_secrets
from tocsin.notifications.text import plain
from tocsin.outbound import OutboundBlocked, OutboundError
from tocsin.times import utc_now

if TYPE_CHECKING:
    from tocsin.outbound import Response

_SECONDS = re.compile(r"[0-9]{1,15}(?:\.[0-9]{0,15})?")

RETRIED_STATUSES = frozenset({408, 425, 429})
"""4xx answers that time can heal; all others are final."""


def posted(
    post: Callable[[], Response],
    used: Iterable[str] = (),
    read: Callable[[Response, Iterable[str]], Outcome] | None = None,
) -> Outcome:
    """The outcome of a POST: delivered for 2xx; retried or failed, with the reason, for all else.

    `used` are the secrets that the request was made with: an endpoint that repeats them has them masked. `read` makes
    the outcome of an answer where its status alone does not say it; it is given the answer and `used`.
    """
    try:
        response = post()
    except OutboundBlocked as blocked:
        return Outcome(State.FAILED, f"blocked_{blocked.reason}", str(blocked))
    except OutboundError as error:
        return Outcome(State.RETRYING, error.kind, str(error))
    return (read or answered)(response, used)


def answered(response: Response, used: Iterable[str] = ()) -> Outcome:
    """The outcome of an endpoint's answer by its status alone."""
    status = response.status
    answer = excerpt(response, used)
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


def excerpt(response: Response, used: Iterable[str] = ()) -> str | None:
    """The beginning of an answer as plain text, whatever bytes it has; None for an empty one.

    Who reads deliveries is not to learn secrets from endpoints that repeat what they were sent: `used` is masked, and
    what an event's texts are cleansed of.
    """
    # More than is kept, so that a secret which the end cuts in two is masked before.
    shown = masked(response.body[: 4 * MAX_EXCERPT].decode("utf-8", "replace"), used)
    return shown.encode()[:MAX_EXCERPT].decode("utf-8", "ignore").strip() or None


def masked(text: str, used: Iterable[str] = ()) -> str:
    """`text` of an endpoint, plain, without the secrets in `used` and what an event's texts are cleansed of."""
    cleansed = cleanse(without_secrets(plain(text), used))
    return cleansed if isinstance(cleansed, str) else ""


def secrets_in(url: str, headers: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """What of a request may be a secret: all of a URL after its host, its parts, and what its headers hold."""
    rest = url.partition("://")[2].partition("/")[2]
    values = [value for given in headers.values() for value in (given, given.rpartition(" ")[2])]
    found = [rest, *re.split(r"[/?&=#]", rest), *values]
    return [*found, *decoded(found)]


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
