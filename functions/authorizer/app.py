"""Who asks? Trigger: HTTP API Lambda authorizer, payload format 2.0, simple responses.

It lets every request through, with facts about the key or token or the reason why there is none: API Gateway's own
refusal is no problem+json, and its cache does not know routes. Each route checks the facts (`identity.principal`).
"""

from __future__ import annotations

import logging
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from tocsin.addresses import network_of
from tocsin.aws import clients
from tocsin.aws.environment import Environment
from tocsin.aws.logging import Code, logged, note
from tocsin.identity.authenticator import Authenticator, Refused
from tocsin.identity.store import PeopleStore
from tocsin.identity.throttle import FailedSignIns
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from tocsin.identity.tokens.access_tokens import AccessTokens

environment = Environment.of_process()


def report(network: str, failures: int, now: datetime) -> None:
    """Report too many failures as an event. Loaded only then: its imports would double this function's cold start."""
    from tocsin.config.store import ConfigurationStore  # noqa: PLC0415
    from tocsin.events.store import EventStore  # noqa: PLC0415
    from tocsin.events.system import SystemEvents  # noqa: PLC0415
    from tocsin.identity import suspicious_requests  # noqa: PLC0415

    settings = (
        ConfigurationStore(clients.dynamodb(clients.HURRIED), environment.text("CONFIG_TABLE")).version().settings
    )
    system_events = SystemEvents(EventStore(clients.dynamodb(clients.HURRIED), environment.text("EVENTS_TABLE")))
    suspicious_requests.report(system_events, settings, network, failures, now)


@cache
def tokens() -> AccessTokens:
    """Return what checks access tokens. Made with the first token, so that API keys never wait for its libraries."""
    from tocsin.config.group_scopes import GroupScopesStore  # noqa: PLC0415
    from tocsin.identity.tokens.access_tokens import access_tokens  # noqa: PLC0415

    return access_tokens(
        environment, GroupScopesStore(clients.dynamodb(clients.HURRIED), environment.text("CONFIG_TABLE")).current
    )


authenticator = Authenticator(
    PeopleStore(clients.dynamodb(clients.HURRIED), environment.text("CONFIG_TABLE")),
    clients.secretsmanager(clients.HURRIED),
    environment.text("ADMIN_KEY_SECRET"),
    FailedSignIns(report),
    (lambda token, now: tokens().identify(token, now)) if environment.optional("OIDC_ISSUER") else None,
)


@logged
def handler(event: dict[str, Any], context: LambdaContext) -> JsonObject:
    """{isAuthorized: true, context: {key_id, …} or {error}}. Raises where a key or an issuer's keys can't be read."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    source_ip = event["requestContext"]["http"].get("sourceIp") or ""
    try:
        facts = authenticator.identify(headers.get("authorization"), source_ip)
    except Refused as refused:
        facts = {"error": str(refused)}
        if refused.retry_after is not None:  # API Gateway's cache may show these facts to others with the same key
            facts |= {"retry_after": str(refused.retry_after), "throttled": network_of(source_ip)}
        name = refused.key and refused.key.name
        note(Code.KEY_REFUSED, str(refused), level=logging.WARNING, source_ip=source_ip, key_name=name)
    else:
        note(Code.KEY_ACCEPTED, "key or token accepted", level=logging.DEBUG, key_id=facts["key_id"])
    return {"isAuthorized": True, "context": facts}
