"""How people are told: a transport's configuration, without its secrets.

What only the delivering function may know (a webhook's signing secret, a chat webhook's URL, which is itself
a credential) is stored apart, under the transport's name, and never read by anything that shows it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._:@+-]*$")]
"""What rules, policies, transports, groups, users and keys may be called: it stands in keys, URLs and logs."""


class TransportMode(StrEnum):
    """The four ways; the names are authentik's."""

    LOCAL = "local"
    WEBHOOK = "webhook"
    WEBHOOK_SLACK = "webhook_slack"
    EMAIL = "email"


class NotificationTransport(BaseModel):
    """One way to tell people, as it is configured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    mode: TransportMode
    send_once: bool = False
    """One delivery for an event and rule, not one a person."""
    enabled: bool = True
    url: str | None = None
    """Where a webhook is posted to. A chat webhook's URL is a secret: here stands only its host."""
    secrets_ref: str = ""
    """Which stored secrets belong to this transport; empty for none."""
    username: str | None = None
    """webhook_slack: the name to post under."""
    icon_url: str | None = None
    """webhook_slack: the picture to post under."""
    subject_prefix: str = "Tocsin Notification: "
    """email: what each subject begins with."""


class TransportSecrets(BaseModel):
    """What only the delivering function reads of a transport."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = None
    """webhook_slack: where to post."""
    signing: tuple[str, ...] = ()
    """webhook: Standard Webhooks secrets (`whsec_…`), the newest first."""


INBOX = NotificationTransport(name="inbox", mode=TransportMode.LOCAL)
"""Where a rule's people are told that names no transport."""
