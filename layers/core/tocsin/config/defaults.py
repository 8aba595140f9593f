"""The default configuration of a new stack: rules that tell administrators about faults of Tocsin itself.

The group of administrators has no members until somebody adds them. Notifications are throttled to ten per hour and
action; the first one of the next hour says how many were held back.
"""

from tocsin.config.model import Configuration
from tocsin.events.model import EventAction
from tocsin.identity.directory import Group
from tocsin.notifications.model import Severity
from tocsin.notifications.transport import NotificationTransport, TransportMode
from tocsin.rules.model import Binding, EventMatcher, NotificationRule, Throttle

ADMINS = Group(name="admins")

_TRANSPORTS = (
    NotificationTransport(name="email", mode=TransportMode.EMAIL),
    NotificationTransport(name="inbox", mode=TransportMode.LOCAL),
)


def _matcher(action: EventAction) -> EventMatcher:
    return EventMatcher(name=f"is-{action.replace('_', '-')}", kind="event_matcher", action=action)


def _rule(name: str, severity: Severity, *actions: EventAction) -> NotificationRule:
    return NotificationRule(
        name=name,
        severity=severity,
        transports=tuple(transport.name for transport in _TRANSPORTS),
        destination_group=ADMINS.name,
        throttle=Throttle(window="hours=1", max=10, group_by=("action",)),
        bindings=tuple(Binding(policy=_matcher(action).name, order=order) for order, action in enumerate(actions)),
    )


_CONFIGURATION = (EventAction.CONFIGURATION_ERROR,)
_WARNINGS = (EventAction.CONFIGURATION_WARNING,)
_EXCEPTIONS = (
    EventAction.POLICY_EXCEPTION,
    EventAction.PROPERTY_MAPPING_EXCEPTION,
    EventAction.SYSTEM_TASK_EXCEPTION,
    EventAction.SYSTEM_EXCEPTION,
)
_UPDATES = (EventAction.UPDATE_AVAILABLE,)

DEFAULT = Configuration(
    groups=(ADMINS,),
    transports=_TRANSPORTS,
    policies=tuple(_matcher(action) for action in _CONFIGURATION + _WARNINGS + _EXCEPTIONS + _UPDATES),
    rules=(
        _rule("notify-configuration-error", Severity.ALERT, *_CONFIGURATION),
        _rule("notify-configuration-warning", Severity.WARNING, *_WARNINGS),
        _rule("notify-exception", Severity.ALERT, *_EXCEPTIONS),
        _rule("notify-update", Severity.ALERT, *_UPDATES),
    ),
)
