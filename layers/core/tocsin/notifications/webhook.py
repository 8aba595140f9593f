"""Webhooks: post a JSON body, signed according to Standard Webhooks, to a URL that a customer configured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import orjson

from tocsin import __version__
from tocsin.events.model import DEPTH_HEADER, MAX_TOLD_DEPTH
from tocsin.notifications import signing
from tocsin.notifications.acknowledge_links import link_secrets
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.http_outcome import posted, secrets_in
from tocsin.notifications.mapping import MappingFailed, NotEvaluated, mapped_body, mapped_headers
from tocsin.notifications.model import delivery_id
from tocsin.notifications.outcome import Deliver, Outcome, State
from tocsin.notifications.text import plain
from tocsin.outbound import ClientCertificate, OutboundPolicy, Response, Timeout, post
from tocsin.records import dataclass
from tocsin.times import utc_now
from tocsin.types import JsonObject

if TYPE_CHECKING:  # pydantic takes longer to load than all of this
    from tocsin.notifications.transport import NotificationTransport, SecretsOf, TransportSecrets

USER_AGENT = f"Tocsin/{__version__}"


def webhook_delivery(
    secrets_of: SecretsOf,
    policy: OutboundPolicy,
    *,
    clock: Callable[[], datetime] = utc_now,
    timeout: Timeout | None = None,
) -> Deliver:
    """Return the delivery by webhook: to addresses that `policy` allows, signed with secrets from `secrets_of`."""

    limits = timeout or Timeout()

    def deliver(context: RenderingContext) -> Outcome:
        transport = context.transport
        if transport.url is None and transport.preset is None:
            return Outcome(State.FAILED, "no_url", f"transport {transport.name} has no URL")
        try:
            request = _request(secrets_of, context)
            mapped, missing = _mapped_headers(context)
        except MappingFailed as failure:
            return Outcome.of_mapping(failure)
        given = _secret_headers(secrets_of, transport)
        headers = _others(request.headers | mapped, given) | given | _ours(context)
        if request.signed:
            headers |= _signature(secrets_of, context, request.body, clock())
        certificate = _client_certificate(secrets_of, transport)
        sent = partial(
            post,
            request.url,
            request.body,
            headers,
            timeout=limits,
            policy=policy,
            ca=transport.ca,
            client_cert=certificate,
        )
        used = [*secrets_in(request.url, request.headers | mapped | given), *request.secrets, *link_secrets(context)]
        outcome = posted(sent, used, request.read)
        if missing is None:
            return outcome
        return outcome.lacking(f"sent without the mapping's headers: {missing}")

    return deliver


@dataclass(frozen=True, slots=True)
class _Request:
    url: str
    headers: dict[str, str]
    body: bytes
    secrets: tuple[str, ...] = ()
    """Secrets in its body, which are masked where the response repeats them."""
    signed: bool = True
    read: Callable[[Response, Iterable[str]], Outcome] | None = None
    """Reads the response, where its status alone is not enough; None where it is."""


def _request(secrets_of: SecretsOf, context: RenderingContext) -> _Request:
    """Make the request, without a mapping's headers and the signature. Raises MappingFailed."""
    transport = context.transport
    if transport.preset is not None:
        return _by_preset(secrets_of, context, transport.preset)
    url = _url(secrets_of, transport) or ""
    return _Request(url, {"Content-Type": "application/json"}, _body(context))


def _url(secrets_of: SecretsOf, transport: NotificationTransport) -> str | None:
    """Return a transport's complete URL, from its secrets where necessary; None where the preset has a fixed URL."""
    return _secret(secrets_of, transport, transport.url_ref).url if transport.url_ref else transport.url


def _by_preset(secrets_of: SecretsOf, context: RenderingContext, name: str) -> _Request:
    from tocsin.notifications.presets import Told, load, read_answer, render  # noqa: PLC0415 - for those who use one

    transport, preset = context.transport, load(name)
    if preset is None:
        raise MappingFailed(f"there is no preset {name!r} in this version")
    secret = {
        option: _secret(secrets_of, transport, ref).option or "" for option, ref in transport.secret_options.items()
    }
    told = Told.of(context, message_id(context))
    made = render(preset, told, transport.options | secret, _url(secrets_of, transport))
    return _Request(
        made.url, made.headers, made.body, tuple(secret.values()), preset.signed, partial(read_answer, preset.answer)
    )


def pace_of(transport: NotificationTransport | None) -> timedelta | None:
    """Return the minimum time between two messages to a transport's service; None without a minimum."""
    if transport is None or transport.preset is None:
        return None
    from tocsin.notifications.presets import load  # noqa: PLC0415 - for those who use one

    preset = load(transport.preset)
    return None if preset is None else preset.pace


def message_id(context: RenderingContext) -> str:
    """Return the delivery's id, by which receivers recognize repeats."""
    if context.digest is not None:
        return context.digest.id
    person = None if context.transport.send_once or context.user is None else context.user.username
    return delivery_id(context.event.id, context.rule, context.transport.name, person, context.step)


def _body(context: RenderingContext) -> bytes:
    mapping = context.body_mapping
    return webhook_bytes(context) if mapping is None else orjson.dumps(mapped_body(mapping, context))


def _mapped_headers(context: RenderingContext) -> tuple[dict[str, str], str | None]:
    """Return the mapping's headers, and why they are missing where it fails on this event.

    The alert is then sent without them: otherwise anybody who can leave out a field that the mapping reads could
    suppress alerts. Raises MappingFailed where the mapping itself is wrong.
    """
    if context.headers_mapping is None:
        return {}, None
    try:
        mapped = mapped_headers(context.headers_mapping, context)
    except NotEvaluated as failure:
        return {}, str(failure)
    return {"Content-Type" if name.lower() == "content-type" else name: value for name, value in mapped.items()}, None


def _signature(secrets_of: SecretsOf, context: RenderingContext, body: bytes, now: datetime) -> dict[str, str]:
    """Return the three headers of Standard Webhooks; without a stored secret only the id and the timestamp."""
    id_ = message_id(context)
    secrets = signing_secrets(secrets_of, context.transport, now)
    if secrets:
        return signing.headers(secrets, id_, now, body)
    return {"webhook-id": id_, "webhook-timestamp": str(int(now.timestamp()))}


def signing_secrets(secrets_of: SecretsOf, transport: NotificationTransport, now: datetime) -> tuple[str, ...]:
    """Return the secrets to sign a message with: the current one, then a recently replaced one."""
    secrets = secrets_of(transport).signing
    if transport.retired_ref and transport.retired_until is not None and now < transport.retired_until:
        secrets += _secret(secrets_of, transport, transport.retired_ref).signing
    return secrets


def _ours(context: RenderingContext) -> dict[str, str]:
    """Return the headers with the sender and the depth in a chain of events that webhooks post, which ends loops.

    The depth of a digest is the greatest of the events that it shows.
    """
    shown = [] if context.digest is None else [each.event.next_depth for each in context.digest.first]
    depth = max([context.event.next_depth, *shown])
    return {"User-Agent": USER_AGENT, DEPTH_HEADER: str(min(depth, MAX_TOLD_DEPTH))}


def _secret_headers(secrets_of: SecretsOf, transport: NotificationTransport) -> dict[str, str]:
    """Return the transport's configured headers with their secret values."""
    return {name: _secret(secrets_of, transport, ref).header or "" for name, ref in transport.header_refs.items()}


def _others(headers: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    """Return `headers` without the configured ones, so that an event's values never replace a credential."""
    names = {name.lower() for name in given}
    return {name: value for name, value in headers.items() if name.lower() not in names}


def _secret(secrets_of: SecretsOf, transport: NotificationTransport, ref: str) -> TransportSecrets:
    """Return the secrets of `transport` that are stored under `ref`."""
    return secrets_of(replace(transport, secrets_ref=ref))


def _client_certificate(secrets_of: SecretsOf, transport: NotificationTransport) -> ClientCertificate | None:
    if transport.client_certificate is None or not transport.client_key_ref:
        return None
    stored = _secret(secrets_of, transport, transport.client_key_ref)
    return ClientCertificate(transport.client_certificate, stored.client_key or "")


def webhook_body(context: RenderingContext) -> JsonObject:
    """Return {body, severity, user_email, user_username, event_user_email, event_user_username}, always all six.

    A digest, which is about no single person of an event, also has `digest`. A message that something is over has
    `over`: true; in a digest it is inside `digest`. One of a step of an escalation has `step`, 1 for the first. What
    can be acknowledged has `links`: {acknowledge}, the link by which it is. What a rule with a `group`, `resolve` or
    `escalate` tells of one thing has the same `about`, its end too, whereas each message has an id of its own.

    Each of the six is text, or null where there is no such person or the value is blank. Control characters are
    removed, so that the body can be encoded whatever the event contains.
    """
    user, event = context.user, context.event
    told: JsonObject = {
        "body": plain(context.notification.body),
        "severity": context.severity.value,
        "user_email": _told(user.email if user else None),
        "user_username": _told(user.username if user else None),
        "event_user_email": _told(event.user_email),
        "event_user_username": _told(event.username),
    }
    if context.about is not None:
        told["about"] = context.about
    if context.acknowledge is not None:
        told["links"] = {"acknowledge": context.acknowledge}
    if context.digest is None:
        step: JsonObject = {} if context.step is None else {"step": context.step}
        return told | ({"over": True} if context.over else {}) | step
    return told | {"event_user_email": None, "event_user_username": None, "digest": context.digest.to_json()}


def webhook_bytes(context: RenderingContext) -> bytes:
    """Return `webhook_body` as compact UTF-8 JSON: exactly the bytes that are signed and sent."""
    return orjson.dumps(webhook_body(context))


def _told(value: str | None) -> str | None:
    return plain(value).strip() or None if value else None
