"""Report policies that fail: in the log, though not for each event, and by an event."""

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
from tocsin.times import utc_now
from tocsin.ttl_cache import TTLCache

LOGGED_EVERY = timedelta(minutes=1)
"""How long failures of a policy add no error to a process's log once there is one. Status asks for those of an hour."""


class PolicyFailures:
    """Reports policies that fail on events. Keep one a process. Thread-safe.

    What fails on one event often fails on all of them, and a line for each would be all that the log has. So of the
    failures of a policy the first is an error in the log, and then one a minute at most, which says how many there
    were. The others are of the level DEBUG.
    """

    def __init__(self, system_events: SystemEvents, clock: Callable[[], datetime] = utc_now) -> None:
        self._system_events = system_events
        self._logged: TTLCache[str, None] = TTLCache(LOGGED_EVERY, clock=clock)
        self._unsaid: Counter[str] = Counter()
        self._lock = Lock()

    def start_anew(self) -> None:
        """Log the next failure of each policy: the configuration has changed, maybe to mend one."""
        self._logged.clear()

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

    def _due(self, policy: str) -> int | None:
        """Return how many failures of `policy` there were since its last error, with this one; None if it is early."""
        with self._lock:
            self._unsaid[policy] += 1
            if self._logged.get(policy) is not None:
                return None
            self._logged.put(policy, None)
            return self._unsaid.pop(policy)
