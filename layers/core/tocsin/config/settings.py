"""The settings, which apply to every event. They are part of the version item, so that ingest reads only that item."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

from tocsin.aws.logging import Code, note
from tocsin.errors import Invalid
from tocsin.identity.principal import Scope
from tocsin.models import Model, accepted, each, stored_as
from tocsin.notifications.model import MAX_INBOX
from tocsin.records import dataclass, field
from tocsin.times import parse_duration
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from pydantic import AfterValidator, FailFast, Field  # tocsin.models says what for

    from tocsin.events.secret_names import Secrets
    from tocsin.fields import Duration, KeyName
    from tocsin.telling.preferences import Preferences


@dataclass(frozen=True, kw_only=True)
class GroupScopes(Model):
    """The scopes given to holders of access tokens that name a group. `group` is its name at the token's issuer."""

    group: Annotated[str, Field(min_length=1, max_length=200)]
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=len(Scope))] = field(
        metadata=stored_as(each(Scope))
    )


def _as_read(given: JsonObject) -> JsonObject:
    """Return preferences in the form that `Preferences.stored` reads; as they are where they are not valid.

    What is validated here takes more forms of a time or a flag than what reads it without pydantic. What is wrong is
    said where the whole configuration is checked.
    """
    from tocsin.telling.preferences import Preferences  # noqa: PLC0415 - few functions need it

    try:
        return accepted(Preferences, given).to_json()
    except Invalid:
        return given


@dataclass(frozen=True, kw_only=True)
class Settings(Model):
    """Settings that apply to every event."""

    event_retention: Duration = "days=365"
    """How long an event is kept, unless the event itself says."""
    notification_retention: Duration = "days=30"
    """How long an inbox item and an event's story are kept."""
    seen_notification_retention: Duration | None = None
    """How long after its arrival a seen notification stays in its inbox; None for as long as unseen ones."""
    inbox_limit: Annotated[int, Field(ge=1, le=MAX_INBOX)] = 1000
    """How many notifications a person's inbox holds; the oldest leave it first."""
    brand: Annotated[str, Field(max_length=100)] = "default"
    """The brand of events that name none."""
    secret_keys: Annotated[tuple[KeyName, ...], FailFast()] = field(default=(), metadata=stored_as(tuple))
    """Further names of keys whose values are masked, beside the built-in ones."""
    exempt_keys: Annotated[tuple[KeyName, ...], FailFast()] = field(default=(), metadata=stored_as(tuple))
    """Names of keys whose values are not masked, although their names look secret."""
    group_scopes: Annotated[tuple[GroupScopes, ...], FailFast()] = field(
        default=(), metadata=stored_as(each(GroupScopes.stored))
    )
    """The scopes that groups named in an access token give. A token without a listed group has no scopes."""
    preferences_defaults: Annotated[JsonObject, AfterValidator(_as_read)] = field(default_factory=dict)
    """Preferences of people who set none themselves. They are validated when the settings are saved."""

    @cached_property
    def defaults(self) -> Preferences:
        """Return `preferences_defaults` as a model; nothing said where they can't be read, and an error in the log.

        Another version may have written them: people are then notified rather than not. They are parsed on demand, once
        for a version of the configuration.
        """
        from tocsin.telling.preferences import NOTHING_SAID, Preferences  # noqa: PLC0415 - few functions need it

        try:
            return Preferences.stored(self.preferences_defaults)
        except ValueError:
            note(Code.DEFAULTS_UNREAD, "the settings' preferences_defaults hold for nobody", level=logging.ERROR)
            return NOTHING_SAID

    @property
    def stories_kept(self) -> timedelta:
        """Return how long an event's story and deliveries are kept: a little longer than notifications of it."""
        return parse_duration(self.notification_retention) + timedelta(days=1)

    @cached_property
    def secrets(self) -> Secrets:
        """Return what decides which keys' values are masked. It caches decisions per key, so the settings keep one."""
        from tocsin.events.secret_names import Secrets  # noqa: PLC0415 - only ingest masks each event

        return Secrets(extra=frozenset(self.secret_keys), exempt=frozenset(self.exempt_keys))
