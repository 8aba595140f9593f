"""What every mode shows, and every mapping and template sees: one context for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from tocsin.events.model import CUSTOM_PREFIX, Event
from tocsin.identity.directory import User
from tocsin.notifications.model import Notification, Severity
from tocsin.notifications.text import one_line
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
"""The colour of each severity: dark enough to carry white text, light enough to stand on a dark page."""

MAX_LINK = 2000
"""Characters. Discord refuses longer ones (2,048), and some mail programs break them."""

_ENCODED_IN_LINKS = frozenset("<>\"'`\\{}|^ ")
"""Kibana's and Grafana's links have them, RFC 3986 has not; and some end a link where it is shown."""
_KEPT_IN_LINKS = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in _ENCODED_IN_LINKS)


@dataclass(frozen=True, slots=True)
class RenderingContext:
    """One notification on its way through one transport.

    `user` is None where a send-once transport tells nobody in particular; `rule` is the rule's name.
    """

    event: Event
    notification: Notification
    user: User | None
    rule: str
    severity: Severity
    transport: NotificationTransport
    body_mapping: str | None = None
    """The expression of the mapping that the transport names, if it does."""
    headers_mapping: str | None = None
    digest: Digest | None = None
    """Where several notifications are told as one: what it tells. `event` and `rule` are those of the first."""
    own: RuleWords | None = None
    """What the rule says of itself; None where there is no such rule, as of a test."""
    title: str | None = None
    """The title that the rule gives, rendered."""
    about: str | None = None
    """Of a rule that says `resolve`: what is the same for a beginning and its end."""
    over: bool = False
    """Whether it tells that what was told before is over."""
    console: str = ""
    """Where the console is; empty where that is not known."""

    @classmethod
    def of(cls, notification: Notification, transport: NotificationTransport) -> RenderingContext:
        """The context of `notification` through `transport`; the notification knows the rest."""
        return cls(
            event=notification.event,
            notification=notification,
            user=notification.user,
            rule=notification.rule,
            severity=notification.severity,
            transport=transport,
        )

    def to_json(self) -> JsonObject:
        """What CEL mappings and templates see: {event, notification, user, rule, severity, transport}.

        A digest is in `notification.digest`.

        `event`, `notification` and `user` (null for nobody) are spelled as the API spells them; `rule` is {name, title,
        runbook}, `severity` a word, `transport` {name, mode, send_once}: no URL, which may hold a credential.
        """
        return {
            "event": self.event.to_json(),
            "notification": self.notification.to_json(),
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
        """The event's action in one line; None for one that tells nothing (blank, or a bare `custom_`).

        Of a digest, how many notifications it tells.
        """
        if self.digest is not None:
            return self.digest.title()
        action = one_line(self.event.action)
        return action if action and action != CUSTOM_PREFIX else None

    @property
    def string_values(self) -> list[tuple[str, str]]:
        """The entries of the event's context that are text, in their order; of a digest, what it counts."""
        if self.digest is not None:
            return self.digest.facts()
        return [(key, value) for key, value in self.event.context.items() if isinstance(value, str)]

    @property
    def event_user(self) -> str | None:
        """What the event's user is called: username, else e-mail address, else key; None without a user.

        A digest is about no single person.
        """
        if self.digest is not None:
            return None
        for key in ("username", "email", "pk"):
            value = self.event.user.get(key)
            if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
                return str(value)
        return None

    @property
    def link(self) -> str | None:
        """The notification's hyperlink where it is one that every medium takes, else None; see `web_link`."""
        return web_link(self.notification.hyperlink)


def web_link(url: str | None) -> str | None:
    """`url` in ASCII, if it is an http(s) URL with a host, of at most `MAX_LINK` characters; else None.

    What RFC 3986 has no place for is percent-encoded, and an international host becomes A-labels. Anything else that
    is odd about the host makes the link None: chat services answer 400 to a URL that they can't parse, and with it
    refuse the whole message. None also for control characters, and for user info, which hides where a link leads.
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
