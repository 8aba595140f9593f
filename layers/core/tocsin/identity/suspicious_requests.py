"""suspicious_request events: many unknown keys or bad access tokens from one address."""

from __future__ import annotations

import ipaddress
from datetime import datetime

from tocsin.events.model import EventAction
from tocsin.events.system import EventSettings, SystemEvents
from tocsin.ids import window_id


def report(system_events: SystemEvents, settings: EventSettings, network: str, failures: int, now: datetime) -> None:
    """Store the event that `network` failed `failures` times in this hour, once however many processes report it.

    Raises Unavailable where it could not be stored.
    """
    system_events.report(
        EventAction.SUSPICIOUS_REQUEST,
        {
            "message": f"{failures} requests with unknown keys or bad access tokens came from {network} in one hour",
            "failures": failures,
        },
        anchor=window_id(now),
        about=("unknown-keys", network, str(failures)),
        cause=None,
        settings=settings,
        client_ip=_address(network),
    )


def _address(network: str) -> str | None:
    try:
        return str(ipaddress.ip_network(network).network_address)
    except ValueError:
        return None
