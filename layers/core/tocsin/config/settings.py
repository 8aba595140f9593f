"""What holds for every event: the settings, which stand in the version item, so that ingest reads them alone."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, FailFast, Field

from tocsin.events.redact import Secrets
from tocsin.fields import Duration
from tocsin.identity.principal import Scope
from tocsin.notifications.model import MAX_INBOX
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from tocsin.telling.preferences import Preferences


class GroupScopes(BaseModel):
    """The scopes of everybody whose access token names a group: a group of the token's issuer, by its name there."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    group: Annotated[str, Field(min_length=1, max_length=200)]
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=len(Scope))]


class Settings(BaseModel):
    """What holds for every event."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_retention: Duration = "days=365"
    """How long an event is kept that says nothing else."""
    notification_retention: Duration = "days=30"
    """How long an inbox item and an event's story are kept."""
    seen_notification_retention: Duration | None = None
    """How long after its arrival a notification that was seen stays in its inbox; None as long as others."""
    inbox_limit: Annotated[int, Field(ge=1, le=MAX_INBOX)] = 1000
    """How many notifications a person's inbox holds; the oldest leave it first."""
    brand: Annotated[str, Field(max_length=100)] = "default"
    """The brand of an event that names none."""
    secret_keys: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=100)], ...], FailFast()] = ()
    """More names of keys whose values are masked."""
    exempt_keys: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=100)], ...], FailFast()] = ()
    """Names of keys whose values stay readable although they sound secret."""
    group_scopes: Annotated[tuple[GroupScopes, ...], FailFast()] = ()
    """What access tokens allow: the scopes that the groups in them give. A token without such a group has none."""
    preferences_defaults: JsonObject = Field(default_factory=dict)
    """How people are told who say nothing of it themselves: Preferences, checked where the settings are saved."""

    @cached_property
    def defaults(self) -> Preferences:
        """The `preferences_defaults`, read where people are told: most functions that read settings tell nobody."""
        from tocsin.telling.preferences import Preferences  # noqa: PLC0415 - 12 ms of a cold start

        return Preferences.model_validate(self.preferences_defaults)

    @cached_property
    def secrets(self) -> Secrets:
        """Which keys' values are masked. It remembers keys that it has seen, so these settings keep one."""
        return Secrets(extra=frozenset(self.secret_keys), exempt=frozenset(self.exempt_keys))
