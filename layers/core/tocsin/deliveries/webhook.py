"""Webhooks: a JSON body, signed as Standard Webhooks say, to a URL that a customer chose."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import orjson

from tocsin import __version__, signing
from tocsin.deliveries.courier import Deliver
from tocsin.deliveries.http import posted
from tocsin.deliveries.models import Outcome, State
from tocsin.notifications import delivery_id
from tocsin.outbound import ClientCertificate, OutboundPolicy, Timeout, post
from tocsin.rendering.context import RenderingContext
from tocsin.rendering.mapping import MappingFailed, mapped_body, mapped_headers
from tocsin.rendering.webhook import webhook_bytes
from tocsin.store.configuration import ConfigurationStore
from tocsin.times import utc_now
from tocsin.transports import NotificationTransport

USER_AGENT = f"Tocsin/{__version__}"


def webhook_delivery(
    configuration: ConfigurationStore,
    policy: OutboundPolicy,
    *,
    clock: Callable[[], datetime] = utc_now,
    timeout: Timeout | None = None,
) -> Deliver:
    """Delivers by webhook to what `policy` allows, signed with the secrets in `configuration`."""

    limits = timeout or Timeout()

    def deliver(context: RenderingContext) -> Outcome:
        transport = context.transport
        if transport.url is None:
            return Outcome(State.FAILED, "no_url", f"transport {transport.name} has no URL")
        url = transport.url
        try:
            body = _body(context)
            headers = _headers(context)
        except MappingFailed as failure:
            return Outcome.of_mapping(failure)
        headers |= _signature(configuration, context, body, clock())
        certificate = _client_certificate(configuration, transport)
        return posted(
            lambda: post(url, body, headers, timeout=limits, policy=policy, ca=transport.ca, client_cert=certificate)
        )

    return deliver


def _body(context: RenderingContext) -> bytes:
    mapping = context.body_mapping
    return webhook_bytes(context) if mapping is None else orjson.dumps(mapped_body(mapping, context))


def _headers(context: RenderingContext) -> dict[str, str]:
    mapping = context.headers_mapping
    headers = {} if mapping is None else mapped_headers(mapping, context)
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/json"
    return headers | {"User-Agent": USER_AGENT}


def _signature(
    configuration: ConfigurationStore, context: RenderingContext, body: bytes, now: datetime
) -> dict[str, str]:
    """The three headers of Standard Webhooks; without a stored secret the id and the time alone."""
    person = None if context.transport.send_once or context.user is None else context.user.username
    message_id = delivery_id(context.event.id, context.rule, context.transport.name, person)
    secrets = signing_secrets(configuration, context.transport, now)
    if secrets:
        return signing.headers(secrets, message_id, now, body)
    return {"webhook-id": message_id, "webhook-timestamp": str(int(now.timestamp()))}


def signing_secrets(
    configuration: ConfigurationStore, transport: NotificationTransport, now: datetime
) -> tuple[str, ...]:
    """The secrets that a message is signed with: the one that holds, then one that was replaced lately."""
    secrets = configuration.secrets(transport).signing
    if transport.retired_ref and transport.retired_until is not None and now < transport.retired_until:
        secrets += configuration.secrets(transport.model_copy(update={"secrets_ref": transport.retired_ref})).signing
    return secrets


def _client_certificate(
    configuration: ConfigurationStore, transport: NotificationTransport
) -> ClientCertificate | None:
    if transport.client_certificate is None or not transport.client_key_ref:
        return None
    stored = configuration.secrets(transport.model_copy(update={"secrets_ref": transport.client_key_ref}))
    return ClientCertificate(transport.client_certificate, stored.client_key or "")
