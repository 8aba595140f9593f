"""The configuration of a transport, without its secrets.

What only the delivering function may read (a webhook's signing secret and headers, a chat webhook's URL, which is
itself a credential) is stored separately, under refs that the transport names, and never read by the API.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from tocsin.models import Model, stored_as
from tocsin.records import dataclass, field
from tocsin.times import parse_moment

if TYPE_CHECKING:  # tocsin.models says what for
    from pydantic import Field

    from tocsin.fields import Name

SLACK_API = "https://slack.com/api"
"""Where Slack's Web API is."""


class TransportMode(StrEnum):
    """The ways to deliver a notification. The names are authentik's."""

    LOCAL = "local"
    WEBHOOK = "webhook"
    WEBHOOK_SLACK = "webhook_slack"
    EMAIL = "email"

    @property
    def is_personal(self) -> bool:
        """Whether it reaches one person, also where a transport is send-once; others then reach a channel."""
        return self in (TransportMode.EMAIL, TransportMode.LOCAL)


class SlackFormat(StrEnum):
    """The format of a chat webhook's message."""

    BLOCKS = "blocks"
    """Block Kit, or Discord's embed."""
    ATTACHMENT = "attachment"
    """authentik's attachment, in which an event's values keep their own names."""


@dataclass(frozen=True, kw_only=True)
class Mapping(Model):
    """A CEL expression that turns a notification into what is sent. Several transports may use the same one."""

    name: Name
    expression: Annotated[str, Field(min_length=1, max_length=2000)]


@dataclass(frozen=True, kw_only=True)
class NotificationTransport(Model):
    """A transport, as it is configured."""

    name: Name
    mode: TransportMode = field(metadata=stored_as(TransportMode))
    send_once: bool = False
    """Whether there is one delivery per event and rule, instead of one per person."""
    enabled: bool = True
    url: str | None = None
    """The URL that a webhook is posted to. Only its host, where the URL is a secret: always for a chat webhook, and for
    others where the URL contains credentials."""
    url_ref: str = ""
    """webhook: the ref of the secret with the complete URL; empty where `url` is complete."""
    secrets_ref: str = ""
    """The ref of this transport's secrets; empty for none."""
    username: str | None = None
    """webhook_slack: the name to post under."""
    icon_url: str | None = None
    """webhook_slack: the picture to post under."""
    slack_format: SlackFormat | None = field(default=None, metadata=stored_as(SlackFormat))
    """webhook_slack: the format of what is posted; None means `blocks`."""
    channel: str | None = None
    """webhook_slack: the channel that a Slack app's bot posts to, an id or #name; None for an incoming webhook. With
    one, `url` is where Slack's Web API is, None for Slack's own."""
    subject_prefix: str = "Tocsin Notification: "
    """email: a prefix of each subject."""
    html_template: str | None = None
    """email: a custom template of the HTML part, in place of Tocsin's; see `notifications.templates.sandbox`."""
    text_template: str | None = None
    """email: a custom template of the text part."""
    body_mapping: Name | None = None
    """webhook, webhook_slack: the mapping that makes the whole body; local: the one that rewrites the notification."""
    headers_mapping: Name | None = None
    """webhook: the mapping that makes further headers, {name: value}."""
    header_refs: dict[str, str] = field(default_factory=dict)
    """webhook: headers with secret values, {name: ref of the secret}."""
    ca: str | None = None
    """webhook, webhook_slack: PEM certificates of the CAs to trust for the endpoint, in place of the public ones."""
    client_certificate: str | None = None
    """webhook: the PEM chain that we present to the endpoint (mutual TLS); its key is a secret."""
    client_key_ref: str = ""
    """webhook: the ref of the secret with the client certificate's key."""
    preset: Name | None = None
    """webhook: the preset of the service that it posts to; see `notifications.presets`."""
    options: dict[str, str] = field(default_factory=dict)
    """webhook: the preset's options that are not secret."""
    secret_options: dict[str, str] = field(default_factory=dict)
    """webhook: the preset's secret options, {name: ref of the secret}."""
    retired_ref: str = ""
    """webhook: the ref of the replaced signing secret, which signs as well as the new one until `retired_until`."""
    retired_until: datetime | None = field(default=None, metadata=stored_as(parse_moment))

    @property
    def secret_refs(self) -> frozenset[str]:
        """The refs of all secrets of this transport."""
        return frozenset(ref for ref in self._refs if ref)

    @property
    def _refs(self) -> tuple[str, ...]:
        named = (*self.header_refs.values(), *self.secret_options.values())
        return (self.secrets_ref, self.client_key_ref, self.url_ref, self.retired_ref, *named)

    @property
    def secrets_version(self) -> str | None:
        """A hash of the secrets' refs, 8 hex digits: differs after a change of secrets, and reveals nothing else."""
        if not self.secret_refs:
            return None
        return hashlib.sha256("\0".join(sorted(self.secret_refs - {self.retired_ref})).encode()).hexdigest()[:8]

    @property
    def fingerprint(self) -> str:
        """A hash that identifies the endpoint and its credentials: 16 hex digits."""
        parts = [self.mode, self.url or "", self.secrets_ref, self.client_key_ref, self.ca or ""]
        parts += [part for part in (self.url_ref, *sorted(self.header_refs.values())) if part]
        if self.preset is not None:
            options = {**self.options, **self.secret_options}
            parts += [self.preset, *(f"{name}={options[name]}" for name in sorted(options))]
        parts += [self.channel] if self.channel is not None else []
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class TransportSecrets(Model):
    """A transport's secrets, which only the delivering function reads."""

    url: str | None = None
    """webhook_slack, webhook: the complete URL."""
    bot_token: str | None = None
    """webhook_slack: the token of the Slack app's bot (`xoxb-…`) that posts to `channel`."""
    signing: tuple[str, ...] = field(default=(), metadata=stored_as(tuple))
    """webhook: Standard Webhooks secrets (`whsec_…`), the newest first."""
    client_key: str | None = None
    """webhook: the client certificate's PEM key, unencrypted."""
    option: str | None = None
    """webhook: the value of a secret option of its preset."""
    header: str | None = None
    """webhook: the value of one header."""


type SecretsOf = Callable[[NotificationTransport], TransportSecrets]
"""Reads a transport's secrets; empty ones where it has none. Raises Unavailable."""

type PaceOf = Callable[[NotificationTransport | None], timedelta | None]
"""Returns the minimum time between two messages to a transport's service; None without a minimum."""

INBOX = NotificationTransport(name="inbox", mode=TransportMode.LOCAL)
"""The transport of rules that name none."""


def inbox_among(transports: dict[str, NotificationTransport]) -> NotificationTransport:
    """Return the transport of rules that name none, as it is configured where it is: another mode may have its name."""
    found = transports.get(INBOX.name)
    return found if found is not None and found.mode is TransportMode.LOCAL else INBOX
