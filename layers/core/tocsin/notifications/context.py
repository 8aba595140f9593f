"""The rendering context: what every mode shows, and what every mapping and template sees."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from tocsin.events.model import CUSTOM_PREFIX, Event
from tocsin.identity.directory import User
from tocsin.notifications.model import Notification, Severity
from tocsin.notifications.text import one_line
from tocsin.records import dataclass
from tocsin.types import JsonObject

if TYPE_CHECKING:  # pydantic takes longer to load than all of this package
    from tocsin.notifications.digest import Digest
    from tocsin.notifications.rule_words import RuleWords
    from tocsin.notifications.transport import NotificationTransport

COLOURS: dict[Severity, str] = {
    Severity.NOTICE: "#2f6fb2",
    Severity.WARNING: "#9a6700",
    Severity.ALERT: "#c53030",
}
"""The colour of each severity: legible below white text and on a dark page."""

MAX_LINK = 2000
"""Characters. Discord refuses longer ones (2,048), and some mail programs break them."""

_ENCODED_IN_LINKS = frozenset("<>\"'`\\{}|^ ")
"""Percent-encoded in links: Kibana and Grafana use them, RFC 3986 excludes them, and some end a link where shown."""
_KEPT_IN_LINKS = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in _ENCODED_IN_LINKS)


@dataclass(frozen=True, slots=True)
class RenderingContext:
    """One notification to be sent by one transport.

    `user` is None where a send-once transport notifies nobody in particular; `rule` is the rule's name.
    """

    event: Event
    notification: Notification
    user: User | None
    rule: str
    severity: Severity
    transport: NotificationTransport
    body_mapping: str | None = None
    """The expression of the transport's mapping; None where it names none."""
    headers_mapping: str | None = None
    digest: Digest | None = None
    """The content of a digest; None otherwise. `event` and `rule` are then those of its first notification."""
    own: RuleWords | None = None
    """The rule's own wording; None where there is no such rule, as for a test."""
    title: str | None = None
    """The rule's title, rendered."""
    about: str | None = None
    """Of a rule that says `group`, `resolve` or `escalate`: what is the same for all that it tells of one thing."""
    over: bool = False
    """Whether it tells that what was told before is over."""
    step: int | None = None
    """The step of the rule's `escalate` that tells it, 1 for the first; None where the rule tells it at once."""
    console: str = ""
    """The console's URL; empty where it is not known."""
    can_acknowledge: bool = False
    """Whether it waits for somebody to acknowledge it, since its rule escalates."""
    acknowledge: str | None = None
    """The link by which whoever reads it acknowledges it."""

    @classmethod
    def of(cls, notification: Notification, transport: NotificationTransport) -> RenderingContext:
        """Make the context of `notification` for `transport`."""
        return cls(
            event=notification.event,
            notification=notification,
            user=notification.user,
            rule=notification.rule,
            severity=notification.severity,
            transport=transport,
        )

    def to_json(self) -> JsonObject:
        """Return what CEL mappings and templates see: {event, notification, user, rule, severity, transport}.

        A digest is in `notification.digest`; `notification.acknowledge` is the link to acknowledge it by, or null.

        `event`, `notification` and `user` (null for nobody) are spelled as the API spells them; `rule` is {name, title,
        runbook}, `severity` a word, `transport` {name, mode, send_once}: no URL, which may hold a credential.
        """
        return {
            "event": self.event.to_json(),
            "notification": self.notification.to_json() | {"acknowledge": self.acknowledge},
            "user": None if self.user is None else self.user.to_json(),
            "rule": {"name": self.rule, "title": self.title, "runbook": self.own.runbook if self.own else None},
            "severity": self.severity.value,
            "transport": {
                "name": self.transport.name,
                "mode": self.transport.mode.value,
                "send_once": self.transport.send_once,
            },
        }

    @property
    def action(self) -> str | None:
        """The event's action in one line; None for one without content (blank, or `custom_` alone).

        For a digest, the number of its notifications.
        """
        if self.digest is not None:
            return self.digest.title()
        action = one_line(self.event.action)
        return action if action and action != CUSTOM_PREFIX else None

    @property
    def string_values(self) -> list[tuple[str, str]]:
        """The text entries of the event's context, in order; for a digest, its counts."""
        if self.digest is not None:
            return self.digest.facts()
        return [(key, value) for key, value in self.event.context.items() if isinstance(value, str)]

    @property
    def event_user(self) -> str | None:
        """The event user's username, else e-mail address, else pk; None without a user, and for a digest."""
        if self.digest is not None:
            return None
        for key in ("username", "email", "pk"):
            value = self.event.user.get(key)
            if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
                return str(value)
        return None

    @property
    def link(self) -> str | None:
        """The notification's hyperlink where every medium accepts it, else None; see `web_link`."""
        return web_link(self.notification.hyperlink)

    @property
    def picture(self) -> str | None:
        """The picture to post under, where a chat service can parse its address: else it would reject the message."""
        return web_link(self.transport.icon_url)


def web_link(url: str | None) -> str | None:
    """Return `url` in ASCII if it is an http(s) URL with a host and at most `MAX_LINK` characters; else None.

    Characters that RFC 3986 excludes are percent-encoded, and an international host becomes A-labels. Any other
    irregular host gives None: chat services respond 400 to a URL that they can't parse, which rejects the whole
    message. Control characters give None too, and so does user info, which hides where a link leads.
    """
    url = (url or "").strip()
    if len(url) > MAX_LINK or not url.isprintable():
        return None
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises ValueError for a port that is none
        if not parts.netloc.isascii():
            from tocsin.outbound.hosts import ascii_host  # noqa: PLC0415 - brings HTTP with it, for few links

            host, colon, port = parts.netloc.partition(":")
            parts = parts._replace(netloc=ascii_host(host) + colon + port)
        encoded = quote(urlunsplit(parts), safe=_KEPT_IN_LINKS)
    except ValueError:  # UnicodeEncodeError, of a lone surrogate, is one too
        return None
    if parts.scheme not in ("https", "http") or not parts.hostname or "@" in parts.netloc:
        return None
    odd_host = _ENCODED_IN_LINKS.intersection(parts.netloc)
    return None if odd_host or len(encoded) > MAX_LINK else encoded
