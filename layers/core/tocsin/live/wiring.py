"""Makes what pushes from a function's environment."""

from __future__ import annotations

from tocsin.aws import clients
from tocsin.aws.connections import Connections
from tocsin.aws.environment import Environment
from tocsin.live.push import Pusher
from tocsin.live.store import LiveStore


def pusher_of(environment: Environment) -> Pusher:
    """Return what sends messages to connections. Raises MissingSetting."""
    store = LiveStore(clients.dynamodb(), environment.text("DELIVERIES_TABLE"))
    return Pusher(store, Connections(clients.connections(environment.text("LIVE_ENDPOINT"))))
