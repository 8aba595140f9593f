"""Report policies and ends of rules that fail: in the log, though not for each event, and policies by an event too."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock

from tocsin.aws.logging import Code, note
from tocsin.events.model import Event, EventAction
from tocsin.events.system import EventSettings, SystemEvents, caused_by
from tocsin.rules.ruleset import PolicyFailure
from tocsin.ttl_cache import TTLCache

LOGGED_EVERY = timedelta(minutes=1)
"""How long failures of a policy, or of a rule's end, add no error to a process's log once there is one. Status asks for
those of an hour."""


class _Failures:
    """Counts failures by name, and says when they are due in the log. Thread-safe.

    What fails on one event often fails on all of them, and a line for each would be all that the log has. So of the
    failures of a name the first is an error in the log, and then one a minute at most, which says how many there were.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._logged: TTLCache[str, None] = TTLCache(LOGGED_EVERY, clock=clock)
        self._unsaid: Counter[str] = Counter()
        self._lock = Lock()

    def start_anew(self) -> None:
        """Log the next failure of each name: the configuration has changed, maybe to mend one."""
        self._logged.clear()

    def _due(self, name: str) -> int | None:
        """Return how many failures of `name` there were since its last error, with this one; None if it is early."""
        with self._lock:
            self._unsaid[name] += 1
            if self._logged.get(name) is not None:
                return None
            self._logged.put(name, None)
            return self._unsaid.pop(name)


class PolicyFailures(_Failures):
    """Reports policies that fail on events. Keep one a process.

    Of the failures of a policy the first is an error in the log, and then one a minute at most. The others are of the
    level DEBUG.
    """

    def __init__(self, system_events: SystemEvents, clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        self._system_events = system_events

    def report(self, failure: PolicyFailure, event: Event, settings: EventSettings) -> None:
        """Report that a policy failed on `event`: one policy_exception event a policy and hour. Raises Unavailable."""
        failures = self._due(failure.policy)
        note(
            Code.POLICY_FAILED,
            failure.error,
            level=logging.DEBUG if failures is None else logging.ERROR,
            event_id=event.id,
            policy=failure.policy,
            rule=failure.rule,
            failures=failures,
        )
        self._system_events.report(
            EventAction.POLICY_EXCEPTION,
            {"policy": failure.policy, "rule": failure.rule, "error": failure.error, "event_id": event.id},
            hourly=(failure.policy,),
            cause=caused_by(event, rule=failure.rule, transport=None),
            settings=settings,
            user=event.user,
        )


class EndFailures(_Failures):
    """Logs ends of rules (`resolve`) that fail on events, as failures of policies are. Keep one a process."""

    def report(self, rule: str, error: str, event: Event) -> None:
        """Log that the end of `rule` could not be evaluated for `event`, which therefore ended nothing."""
        failures = self._due(rule)
        note(
            Code.RULE_END_FAILED,
            error,
            level=logging.DEBUG if failures is None else logging.ERROR,
            event_id=event.id,
            rule=rule,
            failures=failures,
        )
