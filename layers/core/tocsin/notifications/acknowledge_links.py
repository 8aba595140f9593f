"""The link in a message by which whoever holds it acknowledges what the message is about.

The link needs no key: its signed token says what is acknowledged, for whom or in which channel the message was, and
until when the link may be used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tocsin.notifications.context import RenderingContext, web_link
from tocsin.notifications.signed_links import Signer
from tocsin.records import dataclass

ACKNOWLEDGE = "Acknowledge"
"""The link's label, as catalogues have it."""
PATH = "/acknowledge"
MAX_URL = 800
"""Characters. The value of a field in Discord and Slack has 1,024, in which the link is to have a label."""
LIVES = timedelta(days=30)
"""How long a link may be used. What escalates does so for 7 days at most; nobody is to answer for it months later."""


@dataclass(frozen=True, slots=True)
class Acknowledging:
    """What a link acknowledges, and whose link it is.

    `about` is the rule's matter (`matching.ending.about_of`), of which it told by the event `event_id`. `username` is
    blank where the message went to a channel, which many read. `pk` is what the directory knew this person by, as text;
    blank where it did not, or the link does not say it: links of earlier versions do not.
    """

    rule: str
    about: str
    event_id: str
    transport: str
    username: str
    ends: datetime
    pk: str = ""

    @property
    def made(self) -> datetime:
        """When the link was made, to the second."""
        return self.ends - LIVES


class AcknowledgeLinks:
    """Makes and reads links, with a secret of 32 characters or more."""

    def __init__(self, secret: str, base_url: str = "") -> None:
        """`base_url` is where the API is reached, without a path."""
        self._signer = Signer(secret, "tocsin acknowledge 1")
        self._base_url = base_url.rstrip("/")

    def url(self, context: RenderingContext, now: datetime) -> str | None:
        """The link in the message of `context`; None where it is about nothing, or is too long for some medium."""
        if context.about is None:
            return None
        alone = context.user is not None and not context.transport.send_once
        username = context.user.username if context.user is not None and alone else ""
        # The latest: one matter after another may be in a group, and the last of them is what waits for somebody.
        event_id = (context.digest and context.digest.latest) or context.event.id
        transport = context.transport.name
        asked = Acknowledging(context.rule, context.about, event_id, transport, username, now + LIVES)
        pk = "" if not username or context.user is None or context.user.pk is None else str(context.user.pk)
        urls = (web_link(f"{self._base_url}{PATH}?token={self.token(each)}") for each in (replace(asked, pk=pk), asked))
        return next((url for url in urls if url is not None and len(url) <= MAX_URL), None)

    def token(self, asked: Acknowledging) -> str:
        """The token of a link, signed."""
        ends = str(int(asked.ends.timestamp()))
        told = [asked.rule, asked.about, asked.event_id, asked.transport, asked.username, ends]
        told += [asked.pk] if asked.pk else []
        return self._signer.token("\0".join(told))

    def read(self, token: str, now: datetime) -> Acknowledging | None:
        """What a token that was made here acknowledges; None for any other, and for one that has ended."""
        told = (self._signer.read(token) or "").split("\0")
        if len(told) not in (6, 7):
            return None
        rule, about, event_id, transport, username, last = told[:6]
        ends = datetime.fromtimestamp(int(last), UTC)
        pk = told[6] if len(told) == 7 else ""
        return Acknowledging(rule, about, event_id, transport, username, ends, pk) if now < ends else None


def link_secrets(context: RenderingContext) -> tuple[str, ...]:
    """What a response that repeats the message is not to tell whoever reads of the delivery: the link's token."""
    return (context.acknowledge.partition("token=")[2],) if context.acknowledge else ()


type LinkOf = Callable[[RenderingContext], str | None]
"""The link of a message; None where there is none."""
