"""How people are told: a transport's configuration, without its secrets.

What only the delivering function may know (a webhook's signing secret and headers, a chat webhook's URL, which is
itself a credential) is stored apart, under the transport's name, and never read by anything that shows it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tocsin.fields import Name


class TransportMode(StrEnum):
    """The four ways; the names are authentik's."""

    LOCAL = "local"
    WEBHOOK = "webhook"
    WEBHOOK_SLACK = "webhook_slack"
    EMAIL = "email"


class SlackFormat(StrEnum):
    """The form of a chat webhook's message."""

    BLOCKS = "blocks"
    """Block Kit, or Discord's embed."""
    ATTACHMENT = "attachment"
    """The attachment of authentik, with which an event's values have their own names."""


class Mapping(BaseModel):
    """CEL that makes of a notification what is sent. Transports name it, several if they like."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: Name
    expression: Annotated[str, Field(min_length=1, max_length=2000)]


class NotificationTransport(BaseModel):
    """One way to tell people, as it is configured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    mode: TransportMode
    send_once: bool = False
    """One delivery for an event and rule, not one a person."""
    enabled: bool = True
    url: str | None = None
    """Where a webhook is posted to. A chat webhook's URL is a secret, and another's that holds credentials: then only
    its host stands here."""
    url_ref: str = ""
    """webhook: which stored secret is the whole URL; empty where `url` is."""
    secrets_ref: str = ""
    """Which stored secrets belong to this transport; empty for none."""
    username: str | None = None
    """webhook_slack: the name to post under."""
    icon_url: str | None = None
    """webhook_slack: the picture to post under."""
    slack_format: SlackFormat | None = None
    """webhook_slack: what is posted; none means `blocks`."""
    subject_prefix: str = "Tocsin Notification: "
    """email: what each subject begins with."""
    html_template: str | None = None
    """email: a template of one's own for the HTML, in place of Tocsin's; see `notifications.templates.sandbox`."""
    text_template: str | None = None
    """email: the same for the text."""
    body_mapping: Name | None = None
    """webhook, webhook_slack: the mapping that gives the whole body; local: the one that rewrites the notification."""
    headers_mapping: Name | None = None
    """webhook: the mapping that gives further headers, name → value."""
    header_refs: dict[str, str] = {}
    """webhook: headers with secret values, name → which stored secret the value is."""
    ca: str | None = None
    """webhook, webhook_slack: PEM certificates that vouch for the endpoint in place of the public roots."""
    client_certificate: str | None = None
    """webhook: the PEM chain that we show to the endpoint; its key is a secret."""
    client_key_ref: str = ""
    """webhook: which stored secret is the client certificate's key."""
    preset: Name | None = None
    """webhook: which service's form it has; see `notifications.presets`."""
    options: dict[str, str] = {}
    """webhook: what the preset wants to know beside the URL, but for what is secret."""
    secret_options: dict[str, str] = {}
    """webhook: the preset's secret options, each with the stored secret that holds it."""
    retired_ref: str = ""
    """webhook: which stored secrets were replaced, and sign beside the new one until `retired_until`."""
    retired_until: datetime | None = None

    @property
    def secret_refs(self) -> frozenset[str]:
        """All stored secrets that belong to this transport."""
        return frozenset(ref for ref in self._refs if ref)

    @property
    def _refs(self) -> tuple[str, ...]:
        named = (*self.header_refs.values(), *self.secret_options.values())
        return (self.secrets_ref, self.client_key_ref, self.url_ref, self.retired_ref, *named)

    @property
    def secrets_version(self) -> str | None:
        """What tells these secrets from those that were before them, and nothing else of them: 8 hex digits."""
        if not self.secret_refs:
            return None
        return hashlib.sha256("\0".join(sorted(self.secret_refs - {self.retired_ref})).encode()).hexdigest()[:8]

    @property
    def fingerprint(self) -> str:
        """What tells one endpoint and its credentials from another: 16 hex digits."""
        parts = [self.mode, self.url or "", self.secrets_ref, self.client_key_ref, self.ca or ""]
        parts += [part for part in (self.url_ref, *sorted(self.header_refs.values())) if part]
        if self.preset is not None:
            options = {**self.options, **self.secret_options}
            parts += [self.preset, *(f"{name}={options[name]}" for name in sorted(options))]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


class TransportSecrets(BaseModel):
    """What only the delivering function reads of a transport."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = None
    """webhook_slack, webhook: where to post."""
    signing: tuple[str, ...] = ()
    """webhook: Standard Webhooks secrets (`whsec_…`), the newest first."""
    client_key: str | None = None
    """webhook: the client certificate's PEM key, unencrypted."""
    option: str | None = None
    """webhook: a secret option of its preset."""
    header: str | None = None
    """webhook: the value of one header."""


type SecretsOf = Callable[[NotificationTransport], TransportSecrets]
"""Reads the stored secrets of a transport; empty ones where it has none. Raises Unavailable."""

type PaceOf = Callable[[NotificationTransport | None], timedelta | None]
"""How much time a transport's service wants between two messages; None where it has no such wish."""

INBOX = NotificationTransport(name="inbox", mode=TransportMode.LOCAL)
"""Where a rule's people are told that names no transport."""
