"""suspicious_request events: keys and tokens that are not good, from one address.

Loaded only when there is one to tell of.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime

from tocsin.aws import clients
from tocsin.events.model import EventAction
from tocsin.events.store import EventStore
from tocsin.events.system import SystemEvents
from tocsin.ids import window_id
from tocsin.store.configuration import ConfigurationStore


def report(events_table: str, config_table: str, network: str, failures: int, now: datetime) -> None:
    """Store the event that `network` failed `failures` times in this hour, once, whoever else does.

    Raises Unavailable where it could not be stored.
    """
    settings = ConfigurationStore(clients.dynamodb(), config_table).version().settings
    SystemEvents(EventStore(clients.dynamodb(), events_table)).report(
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
