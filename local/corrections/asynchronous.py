"""Asynchronous invocations: schedules, EventBridge rules, InvocationType Event.

Lambda puts such an event into a queue of its own. It invokes the function up to two more times where that returns
an error, after one and then two minutes, and keeps an event that is throttled for as long as it may be old. The
emulator retries direct asynchronous invocations within seconds, what EventBridge hands over never, and drops what is
throttled.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

RETRY_PAUSES_S = (60, 120)
"""Before the second and the third attempt."""
MAX_THROTTLED_PAUSE_S = 300
"""Between attempts that are throttled: from a second, exponentially, up to five minutes."""
MAX_AGE_S = 21_600
"""How old an event may become, unless the function says otherwise: six hours."""

type Function = Mapping[str, Any]
type Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Settings:
    """A function's EventInvokeConfig."""

    retries: int = len(RETRY_PAUSES_S)
    max_age_s: float = MAX_AGE_S
    on_failure: str | None = None

    @classmethod
    def of(cls, function: Function) -> Settings:
        """The settings of $LATEST, or the defaults; a dead-letter queue where there is no destination."""
        configs = function.get("event_invoke_configs") or {}
        given = function.get("event_invoke_config") or configs.get("$LATEST") or configs.get("") or {}
        config = function.get("config") or function
        destination = (given.get("DestinationConfig") or {}).get("OnFailure") or {}
        retries, age = given.get("MaximumRetryAttempts"), given.get("MaximumEventAgeInSeconds")
        return cls(
            retries=len(RETRY_PAUSES_S) if retries is None else int(retries),
            max_age_s=MAX_AGE_S if age is None else int(age),
            on_failure=destination.get("Destination") or (config.get("DeadLetterConfig") or {}).get("TargetArn"),
        )


class EventQueue:
    """Invokes functions asynchronously, as often as it takes or as they allow."""

    def __init__(
        self,
        *,
        execute: Callable[[Function, object], Result],
        give_up: Callable[[str, str, object, Result], None],
        in_background: Callable[[Callable[[], None]], object],
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        speed: float = 1.0,
    ) -> None:
        """Invokes by `execute`; tells `give_up` (destination's ARN, function's name, event, last result) of failures.

        `in_background` runs one event's attempts in a thread of its own. With `speed` the pauses between attempts
        are shorter by that factor; an event's age goes by them as if they were whole.
        """
        self._execute = execute
        self._give_up = give_up
        self._in_background = in_background
        self._clock = clock
        self._sleep = sleep
        self._speed = speed

    def invoke(self, function: Function, event: object) -> None:
        """Takes an event; returns at once. In place of the emulator's `invoke_async_with_retry`."""
        self._in_background(lambda: self.deliver(function, event))

    def deliver(self, function: Function, event: object) -> None:
        """Invokes the function until it succeeds or the event is given up."""
        settings, began, waited = Settings.of(function), self._clock(), 0.0
        failures, throttled = 0, 0
        while True:
            result = self._execute(function, event)
            if result.get("throttle"):
                throttled += 1
                pause = float(min(2 ** (throttled - 1), MAX_THROTTLED_PAUSE_S))
            elif result.get("error"):
                failures += 1
                if failures > settings.retries:
                    break
                pause = float(RETRY_PAUSES_S[failures - 1])
            else:
                return
            age = self._clock() - began + waited - waited / self._speed
            if age + pause > settings.max_age_s:
                break
            self._sleep(pause / self._speed)
            waited += pause
        if settings.on_failure:
            config = function.get("config") or function
            self._give_up(settings.on_failure, str(config.get("FunctionName", "")), event, result)


def handed_over(
    record_of: Callable[[str], Function | None], invoke: Callable[[Function, object], None]
) -> Callable[[str, str], None]:
    """What EventBridge does with an event for a function: (ARN, payload in JSON), in place of invoking it once.

    EventBridge has done its part as soon as Lambda has taken the event: a rule's RetryPolicy is about that alone.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
    """

    def dispatch(arn: str, payload: str) -> None:
        function = record_of(arn)
        if function is not None:
            invoke(function, json.loads(payload))

    return dispatch
