"""Notification rules, their bindings and policies, as they are configured."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, FailFast, Field, field_validator, model_validator

from tocsin.addresses import parse_network
from tocsin.fields import Duration, ForeignName, Moment, Name
from tocsin.notifications.model import Severity
from tocsin.times import parse_duration
from tocsin.types import JsonObject


class _Configured(BaseModel):
    """What is a part of the configuration, which is built at once: by itself it is built where it is used alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Matching(_Configured):
    """What is asked of an event's own fields. Fields that are not set are not looked at; all that are must hold."""

    action: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """An action; `custom_` alone means every custom action."""
    app: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    model: Annotated[str, Field(pattern=r"^[^.\s]+\.[^.\s]+$")] | None = None
    """`app.model_name`, as in the event's `context.model`."""
    client_ip: str | None = None
    """An address, or a network in CIDR notation."""
    query: Annotated[str, Field(min_length=1)] | None = None
    """A CEL expression over `event`."""

    @field_validator("client_ip")
    @classmethod
    def _is_address_or_network(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            network = parse_network(value, strict=True)
            # A network of one is its address: EventBridge's cidr refuses /32 and /128.
            return str(network.network_address) if network.num_addresses == 1 else str(network)
        except ValueError as error:
            raise ValueError(f"is neither an address nor a network: {error}") from None

    @model_validator(mode="after")
    def _looks_at_something(self) -> Self:
        if not any((self.action, self.app, self.model, self.client_ip, self.query)):
            raise ValueError(
                "set at least one of action, app, model, client_ip, query: a matcher of nothing is refused"
            )
        return self


class _Logged(_Configured):
    execution_logging: bool = False
    """Whether what the policy says of each event is logged, and shown in the event's story."""


class EventMatcher(Matching, _Logged):
    """A policy over an event's own fields."""

    name: Name
    kind: Literal["event_matcher"]


class PatternPolicy(_Logged):
    """A policy that is an EventBridge event pattern over the event as the API shows it."""

    name: Name
    kind: Literal["pattern"]
    pattern: JsonObject


class ExpressionPolicy(_Logged):
    """A policy that is a CEL expression over `event`, `user` and `now`; it holds when the result is true."""

    name: Name
    kind: Literal["expression"]
    expression: Annotated[str, Field(min_length=1)]


type Policy = Annotated[EventMatcher | PatternPolicy | ExpressionPolicy, Field(discriminator="kind")]


class Binding(_Configured):
    """What a rule asks: exactly one policy, or whether the event's user is a user or in a group."""

    policy: Name | None = None
    user: ForeignName | None = None
    group: ForeignName | None = None
    order: int = 0
    enabled: bool = True
    negate: bool = False
    failure_result: bool = False
    """What counts where the policy can't be evaluated; it is not negated."""

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if sum(target is not None for target in (self.policy, self.user, self.group)) != 1:
            raise ValueError("name exactly one of policy, user, group")
        return self

    @property
    def target(self) -> str:
        """`policy NAME`, `user NAME` or `group NAME`, for people."""
        if self.policy is not None:
            return f"policy {self.policy}"
        return f"user {self.user}" if self.user is not None else f"group {self.group}"


type _Path = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^.]+(\.[^.]+)*$")]


class Throttle(_Configured):
    """How often a rule may tell people: `max` times in each `window`, counted apart by what `group_by` names."""

    window: Duration
    """A duration, as `minutes=10`. Windows follow one another without a gap, counted from 1970-01-01T00:00Z."""
    max: Annotated[int, Field(ge=1, le=1000)]
    group_by: Annotated[tuple[_Path, ...], Field(max_length=8)] = ()
    """Paths into the event, read as in patterns: `user.username`, `context.host.name`. No value is a group too."""

    @field_validator("window")
    @classmethod
    def _is_bounded(cls, value: str) -> str:
        if not timedelta(seconds=1) <= parse_duration(value) <= timedelta(days=31):
            raise ValueError("must be a second at least, and 31 days at most")
        return value


class Grouping(_Configured):
    """What a rule tells together: events with the same values at the paths of `by`, as one message."""

    by: Annotated[tuple[_Path, ...], Field(max_length=8)] = ()
    """Paths into the event, as a throttle's `group_by`. None: all that the rule tells is one group."""
    wait: Duration = "minutes=1"
    """How long the first of a group waits for others. The schedule tells them, so it is a minute more or less."""
    interval: Duration = "minutes=5"
    """How long after a message of a group the next one comes, where more came meanwhile."""

    @field_validator("wait", "interval")
    @classmethod
    def _is_bounded(cls, value: str) -> str:
        if not timedelta(seconds=10) <= parse_duration(value) <= timedelta(days=1):
            raise ValueError("must be ten seconds at least, and a day at most")
        return value


class RuleTest(_Configured):
    """An event, as a producer gives it, and whether the rule must fire for it."""

    event: JsonObject
    fires: bool


class PolicyEngineMode(StrEnum):
    """Whether one binding that holds is enough for a rule, or all must."""

    ANY = "any"
    ALL = "all"


class NotificationRule(_Configured):
    """When its bindings hold for an event, people are told by its transports."""

    name: Name
    enabled: bool = True
    severity: Severity = Severity.NOTICE
    transports: Annotated[tuple[Name, ...], FailFast()] = ()
    """Names of transports; none means the inbox."""
    destination_group: ForeignName | None = None
    destination_event_user: bool = False
    policy_engine_mode: PolicyEngineMode = PolicyEngineMode.ANY
    bindings: Annotated[tuple[Binding, ...], FailFast()] = ()
    throttle: Throttle | None = None
    group: Grouping | None = None
    can_be_muted: bool = True
    """Whether people's preferences keep it from them: a mute, a transport turned off, a minimum severity. Quiet hours
    and digests delay it all the same."""
    title: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """A template of the title that people read, in place of the action's."""
    body: Annotated[str, Field(min_length=1, max_length=4000)] | None = None
    """A template of the text that people read, in place of the sentence about the event."""
    runbook: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    """An http(s) link to what to do about it."""
    max_age: Duration = "hours=24"
    """How long after it happened an event may still tell people: what is sent later, as a backfill is, tells nobody."""
    tests: Annotated[tuple[RuleTest, ...], Field(max_length=50)] = ()
    """Run when a configuration is applied, which is refused where one fails."""

    @field_validator("transports")
    @classmethod
    def _names_each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("names a transport more than once")
        return names

    def is_too_old(self, age: timedelta) -> bool:
        """Whether an event that happened `age` ago tells nobody any more."""
        return age > parse_duration(self.max_age)


class Silence(_Configured):
    """A time in which nobody is told of certain events. They are stored and matched all the same."""

    name: Name
    matcher: Matching | None = None
    pattern: JsonObject | None = None
    starts: Moment
    ends: Moment
    comment: Annotated[str, Field(max_length=1000)] = ""
    by: Annotated[str, Field(max_length=100)] = ""

    @model_validator(mode="after")
    def _says_what_and_when(self) -> Self:
        if (self.matcher is None) is (self.pattern is None):
            raise ValueError("give exactly one of matcher, pattern")
        if self.ends <= self.starts:
            raise ValueError("ends before it starts")
        return self

    def holds_at(self, moment: datetime) -> bool:
        """Whether it is in force then."""
        return self.starts <= moment < self.ends
