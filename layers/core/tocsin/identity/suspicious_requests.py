"""suspicious_request events: many unknown keys or bad access tokens from one address."""

from __future__ import annotations

from datetime import datetime

from tocsin.addresses import parse_network
from tocsin.events.model import EventAction
from tocsin.events.system import EventSettings, SystemEvents


def report(system_events: SystemEvents, settings: EventSettings, network: str, failures: int, now: datetime) -> None:
    """Store the event that `network` failed `failures` times in this hour, only once if several processes report it.

    Raises Unavailable where it could not be stored.
    """
    system_events.report(
        EventAction.SUSPICIOUS_REQUEST,
        {
            "message": f"{failures} requests with unknown keys or bad access tokens came from {network} in one hour",
            "failures": failures,
        },
        hourly=("unknown-keys", network, str(failures)),
        now=now,
        cause=None,
        settings=settings,
        client_ip=_address(network),
    )


def _address(network: str) -> str | None:
    try:
        return str(parse_network(network).network_address)
    except ValueError:
        return None
