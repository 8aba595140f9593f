"""The configured models: notification rules, bindings, policies and silences."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal

from tocsin.addresses import parse_network
from tocsin.models import Model, each, stored_as
from tocsin.notifications.model import Severity
from tocsin.records import dataclass, field
from tocsin.times import parse_duration, parse_moment
from tocsin.types import JsonObject

if TYPE_CHECKING:  # tocsin.models says what for
    from pydantic import AfterValidator, FailFast, Field

    from tocsin.fields import Duration, ForeignName, Moment, Name, Path


def _between(least: timedelta, most: timedelta, message: str) -> Callable[[str], str]:
    """Return the check of a duration's bounds, which `message` names."""

    def check(value: str) -> str:
        if not least <= parse_duration(value) <= most:
            raise ValueError(message)
        return value

    return check


_in_a_window = _between(timedelta(seconds=1), timedelta(days=31), "must be a second at least, and 31 days at most")
_in_a_group = _between(timedelta(seconds=10), timedelta(days=1), "must be ten seconds at least, and a day at most")
_until_it_ends = _between(timedelta(minutes=1), timedelta(days=31), "must be a minute at least, and 31 days at most")
_until_a_step = _between(timedelta(minutes=1), timedelta(days=7), "must be a minute at least, and seven days at most")


def _address_or_network(value: str) -> str:
    try:
        network = parse_network(value, strict=True)
        # A network of one is its address: EventBridge's cidr refuses /32 and /128.
        return str(network.network_address) if network.num_addresses == 1 else str(network)
    except ValueError as error:
        raise ValueError(f"is neither an address nor a network: {error}") from None


@dataclass(frozen=True, kw_only=True)
class Matching(Model):
    """Conditions on an event's own fields. All conditions that are set must hold."""

    action: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """An action; `custom_` alone means every custom action."""
    app: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    model: Annotated[str, Field(pattern=r"^[^.\s]+\.[^.\s]+$")] | None = None
    """`app.model_name`, as in the event's `context.model`."""
    client_ip: Annotated[str, AfterValidator(_address_or_network)] | None = None
    """An address, or a network in CIDR notation."""
    query: Annotated[str, Field(min_length=1)] | None = None
    """A CEL expression over `event`."""

    def __post_init__(self) -> None:
        if not any((self.action, self.app, self.model, self.client_ip, self.query)):
            raise ValueError(
                "set at least one of action, app, model, client_ip, query: a matcher of nothing is refused"
            )


@dataclass(frozen=True, kw_only=True)
class _Logged(Model):
    execution_logging: bool = False
    """Whether the policy's result for each event is logged and shown in the event's story."""


@dataclass(frozen=True, kw_only=True)
class EventMatcher(Matching, _Logged):
    """A policy of conditions on an event's own fields."""

    name: Name
    kind: Literal["event_matcher"]


@dataclass(frozen=True, kw_only=True)
class PatternPolicy(_Logged):
    """A policy that is an EventBridge event pattern over the event as the API shows it."""

    name: Name
    kind: Literal["pattern"]
    pattern: JsonObject


@dataclass(frozen=True, kw_only=True)
class ExpressionPolicy(_Logged):
    """A policy that is a CEL expression over `event`, `user` and `now`; it holds when the result is true."""

    name: Name
    kind: Literal["expression"]
    expression: Annotated[str, Field(min_length=1)]


type Policy = EventMatcher | PatternPolicy | ExpressionPolicy
"""A field that is validated as one is an `Annotated[Policy, ByKind]`."""

_POLICIES: dict[object, Callable[[JsonObject], Policy]] = {
    "event_matcher": EventMatcher.stored,
    "pattern": PatternPolicy.stored,
    "expression": ExpressionPolicy.stored,
}


def stored_policy(document: JsonObject) -> Policy:
    """Build a policy from what was stored. Raises ValueError as `Model.stored`."""
    read = _POLICIES.get(document.get("kind"))
    if read is None:
        raise ValueError("a stored policy of no known kind")
    return read(document)


@dataclass(frozen=True, kw_only=True)
class Binding(Model):
    """One condition of a rule: exactly one of a policy, a user or a group. Users and groups test the event's user."""

    policy: Name | None = None
    user: ForeignName | None = None
    group: ForeignName | None = None
    order: int = 0
    enabled: bool = True
    negate: bool = False
    failure_result: bool = False
    """The result when the policy can't be evaluated. `negate` does not apply to it."""

    def __post_init__(self) -> None:
        if sum(target is not None for target in (self.policy, self.user, self.group)) != 1:
            raise ValueError("name exactly one of policy, user, group")

    @property
    def target(self) -> str:
        """Return `policy NAME`, `user NAME` or `group NAME`, for messages."""
        if self.policy is not None:
            return f"policy {self.policy}"
        return f"user {self.user}" if self.user is not None else f"group {self.group}"


@dataclass(frozen=True, kw_only=True)
class Throttle(Model):
    """How often a rule may notify: `max` events in each `window`, counted separately per values of `group_by`."""

    window: Annotated[Duration, AfterValidator(_in_a_window)]
    """A duration, such as `minutes=10`. Windows are fixed and adjacent; the first started at 1970-01-01T00:00Z."""
    max: Annotated[int, Field(ge=1, le=1000)]
    group_by: Annotated[tuple[Path, ...], Field(max_length=8)] = field(default=(), metadata=stored_as(tuple))
    """Paths into the event, as in patterns: `user.username`, `context.host.name`. Events without a value there form a
    group as well."""


@dataclass(frozen=True, kw_only=True)
class Grouping(Model):
    """How a rule combines events into one message: those with the same values at the paths of `by`."""

    by: Annotated[tuple[Path, ...], Field(max_length=8)] = field(default=(), metadata=stored_as(tuple))
    """Paths into the event, as in a throttle's `group_by`. Empty: all events of the rule are one group."""
    wait: Annotated[Duration, AfterValidator(_in_a_group)] = "minutes=1"
    """How long the first event of a group waits for others. Accurate to a minute, since a schedule sends them."""
    interval: Annotated[Duration, AfterValidator(_in_a_group)] = "minutes=5"
    """The time between two messages of a group, where further events arrived meanwhile."""


@dataclass(frozen=True, kw_only=True)
class Resolve(Matching):
    """The event that ends what a rule told of: those who were told hear once that it is over."""

    by: Annotated[tuple[Path, ...], Field(max_length=8)] = field(default=(), metadata=stored_as(tuple))
    """Paths into the event, as a throttle's `group_by`: what ends has the same values there as what began. A rule with
    a `group` takes the group's, and has none here."""
    within: Annotated[Duration, AfterValidator(_until_it_ends)] = "days=7"
    """How long after the last that was told an end is waited for."""


MAX_STEPS = 10
"""Most steps of a rule's escalation."""


def _named_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("names a transport more than once")
    return names


@dataclass(frozen=True, kw_only=True)
class EscalationStep(Model):
    """Whom a rule notifies next, where nobody acknowledged what it told of."""

    after: Annotated[Duration, AfterValidator(_until_a_step)]
    """The time since the first event that the rule told of. Accurate to a minute, since a schedule looks."""
    unless: Literal["acknowledged", "seen"] = "acknowledged"
    """What keeps the step from being told: that somebody acknowledged it, or also that somebody has seen it in their
    inbox."""
    destination_group: ForeignName
    transports: Annotated[tuple[Name, ...], FailFast(), AfterValidator(_named_once)] = field(
        default=(), metadata=stored_as(tuple)
    )
    """Names of transports. Empty: the rule's."""

    @property
    def delay(self) -> timedelta:
        """`after`, as a duration."""
        return parse_duration(self.after)


def _rises(steps: tuple[EscalationStep, ...]) -> tuple[EscalationStep, ...]:
    for position, (before, step) in enumerate(pairwise(steps), 1):
        if step.delay <= before.delay:
            raise ValueError(f"step {position + 1} is not after the one before: {step.after} after {before.after}")
    return steps


@dataclass(frozen=True, kw_only=True)
class RuleTest(Model):
    """A test of a rule: an event, as producers send it, and whether the rule must fire for it."""

    event: JsonObject
    fires: bool


class PolicyEngineMode(StrEnum):
    """Whether a rule fires when any of its bindings holds, or only when all do."""

    ANY = "any"
    ALL = "all"


@dataclass(frozen=True, kw_only=True)
class NotificationRule(Model):
    """Notifies people by its transports when its bindings hold for an event."""

    name: Name
    enabled: bool = True
    severity: Severity = field(default=Severity.NOTICE, metadata=stored_as(Severity))
    transports: Annotated[tuple[Name, ...], FailFast(), AfterValidator(_named_once)] = field(
        default=(), metadata=stored_as(tuple)
    )
    """Names of transports. Empty: the inbox."""
    destination_group: ForeignName | None = None
    destination_event_user: bool = False
    policy_engine_mode: PolicyEngineMode = field(default=PolicyEngineMode.ANY, metadata=stored_as(PolicyEngineMode))
    bindings: Annotated[tuple[Binding, ...], FailFast()] = field(default=(), metadata=stored_as(each(Binding.stored)))
    throttle: Throttle | None = field(default=None, metadata=stored_as(Throttle.stored))
    group: Grouping | None = field(default=None, metadata=stored_as(Grouping.stored))
    resolve: Resolve | None = field(default=None, metadata=stored_as(Resolve.stored))
    escalate: Annotated[tuple[EscalationStep, ...], Field(max_length=MAX_STEPS), AfterValidator(_rises)] = field(
        default=(), metadata=stored_as(each(EscalationStep.stored))
    )
    """Steps in the order of their `after`: whom it notifies next while nobody acknowledges what it told of."""
    can_be_muted: bool = True
    """Whether people's preferences can suppress it: a mute, a transport turned off, a minimum severity. Quiet hours and
    digests can delay it in any case."""
    title: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """A template of the notification's title. Default: the title of the event's action."""
    body: Annotated[str, Field(min_length=1, max_length=4000)] | None = None
    """A template of the notification's text. Default: the sentence about the event."""
    runbook: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    """An http(s) URL of instructions for whoever is notified."""
    max_age: Duration = "hours=24"
    """The age up to which an event still notifies. Older events, such as those of a backfill, notify nobody."""
    tests: Annotated[tuple[RuleTest, ...], Field(max_length=50)] = field(
        default=(), metadata=stored_as(each(RuleTest.stored))
    )
    """Run when a configuration is applied. If one fails, the configuration is rejected."""

    def __post_init__(self) -> None:
        if self.group is not None and self.resolve is not None and self.resolve.by:
            raise ValueError("resolve.by is for rules without a group: group.by says what ends together")

    @property
    def destination_groups(self) -> tuple[str, ...]:
        """The names of the groups that it notifies, at once or by a step, each once."""
        named = (self.destination_group, *(step.destination_group for step in self.escalate))
        return tuple(dict.fromkeys(name for name in named if name is not None))

    @property
    def all_transports(self) -> tuple[str, ...]:
        """The names of its transports, and of its steps', each once."""
        return tuple(dict.fromkeys((*self.transports, *(name for step in self.escalate for name in step.transports))))

    def is_too_old(self, age: timedelta) -> bool:
        """Whether an event that happened `age` ago is too old to notify anybody."""
        return age > parse_duration(self.max_age)


@dataclass(frozen=True, kw_only=True)
class Silence(Model):
    """A period in which certain events notify nobody. They are stored and matched as usual."""

    name: Name
    matcher: Matching | None = field(default=None, metadata=stored_as(Matching.stored))
    pattern: JsonObject | None = None
    failure_result: bool = False
    """Whether it holds for an event on which the matcher's query can't be evaluated: a binding's `failure_result`."""
    starts: Moment = field(metadata=stored_as(parse_moment))
    ends: Moment = field(metadata=stored_as(parse_moment))
    comment: Annotated[str, Field(max_length=1000)] = ""
    by: Annotated[str, Field(max_length=100)] = ""

    def __post_init__(self) -> None:
        if (self.matcher is None) is (self.pattern is None):
            raise ValueError("give exactly one of matcher, pattern")
        if self.failure_result and (self.matcher is None or self.matcher.query is None):
            raise ValueError(
                "failure_result is the result of a query that can't be evaluated: give one, or leave it out"
            )
        if self.ends <= self.starts:
            raise ValueError(f"ends ({self.ends.isoformat()}) is not after starts ({self.starts.isoformat()})")

    def holds_at(self, moment: datetime) -> bool:
        """Whether it is in force at `moment`."""
        return self.starts <= moment < self.ends


def not_over(silences: Iterable[Silence], now: datetime) -> tuple[Silence, ...]:
    """Return the silences that hold, or may hold yet: the others are listed for a time, and hold no event again."""
    return tuple(silence for silence in silences if silence.ends > now)
