"""What a deployment lets its functions connect to: its parameters as an outbound policy."""

from __future__ import annotations

from tocsin.aws.environment import Environment
from tocsin.outbound import OutboundPolicy


def policy_of(environment: Environment) -> OutboundPolicy:
    """What the deploy parameters let webhooks reach."""
    return OutboundPolicy.parse(
        allow_http=environment.flag("ALLOW_HTTP"),
        ports=environment.optional("ALLOWED_PORTS"),
        allow_cidrs=environment.optional("ALLOWED_CIDRS"),
        own_hosts=environment.optional("OWN_HOSTS"),
    )
