"""Events that tell administrators of failing deliveries: one a transport, kind and hour, not one a delivery."""

from __future__ import annotations

import logging
from datetime import datetime

from tocsin.aws.logging import Code, note
from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.model import DeliveryMessage
from tocsin.errors import Unavailable
from tocsin.events.model import Cause, Event, EventAction
from tocsin.events.system import SystemEvents, caused_by
from tocsin.notifications.outcome import Outcome, State

MAX_DEPTH = 3
"""System events in a row: where delivering an alert fails that is itself about a failed alert, only the log says so."""


class Alerts:
    """Reports what goes wrong with transports, as events. Where that fails, the log says so and deliveries go on."""

    def __init__(self, system_events: SystemEvents, configuration: ConfigurationStore) -> None:
        self._system_events = system_events
        self._configuration = configuration

    def failed(self, message: DeliveryMessage, event: Event | None, outcome: Outcome, *, now: datetime) -> None:
        """Report a delivery that has failed for good, or that went out although a mapping failed."""
        if event is not None:
            cause = caused_by(event, rule=message.rule, transport=message.transport)
        else:
            cause = Cause(message.rule, message.transport, 1)
        action = EventAction.PROPERTY_MAPPING_EXCEPTION if outcome.mapping else EventAction.CONFIGURATION_ERROR
        if cause.depth > MAX_DEPTH:
            return
        lacking = outcome.state is State.DELIVERED
        happens = "lack something" if lacking else "fail"
        self._report(
            action,
            f"Deliveries by transport {message.transport} {happens}: {outcome.detail or outcome.reason}",
            {"reason": outcome.reason, "rule": message.rule, "delivery_id": message.delivery_id},
            # Each kind by itself: what merely lacks something must not keep a failure from being told for an hour.
            about=("deliveries-lack" if lacking else "deliveries-fail", action.value, message.transport),
            cause=cause,
            now=now,
        )

    def held(self, transport: str, outcome: Outcome, *, now: datetime) -> None:
        """Report that a transport's breaker opened, by the failure that opened it."""
        self._report(
            EventAction.CONFIGURATION_ERROR,
            f"Deliveries by transport {transport} are held: its endpoint fails again and again"
            f" ({outcome.detail or outcome.reason}). They go out when it answers again.",
            {"reason": outcome.reason},
            about=("deliveries-held", transport),
            cause=Cause(None, transport, 1),
            now=now,
        )

    def disabled(self, transport: str, why: str, *, now: datetime) -> bool:
        """Report that a transport's breaker disabled it. Return whether that is stored."""
        return self._report(
            EventAction.CONFIGURATION_ERROR,
            f"Transport {transport} is disabled: {why}. Mend it, then reset its breaker.",
            {},
            about=("transport-disabled", transport),
            cause=Cause(None, transport, 1),
            now=now,
        )

    def mail_stopped(self, address: str, why: str, *, now: datetime) -> bool:
        """Report that no mail is sent to an address any more. Return whether that is stored."""
        return self._report(
            EventAction.CONFIGURATION_WARNING,
            f"No more e-mail goes to {address}: {why}",
            {"address": address},
            about=("mail-stopped", address),
            cause=Cause(None, None, 1),
            now=now,
        )

    def _report(
        self,
        action: EventAction,
        text: str,
        facts: dict[str, object],
        *,
        about: tuple[str, ...],
        cause: Cause,
        now: datetime,
    ) -> bool:
        context: dict[str, object] = {"message": text}
        if cause.transport is not None:
            context["transport"] = cause.transport
        try:
            self._system_events.report(
                action,
                context | facts,
                hourly=about,
                now=now,
                cause=cause,
                settings=self._configuration.version().settings,
            )
        except Unavailable as error:
            note(Code.REPORT_LOST, error.detail, level=logging.ERROR, about=about)
            return False
        return True
