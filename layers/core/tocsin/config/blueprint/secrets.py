"""Transports' secrets on their way in: stored apart under a name made of their hash, shown as a mask."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from tocsin.config.blueprint.model import MASK, TransportEntry
from tocsin.errors import Violation
from tocsin.notifications.signing import check_secret, new_secret
from tocsin.notifications.transport import NotificationTransport, TransportMode, TransportSecrets
from tocsin.outbound import origin_of
from tocsin.times import utc_now

RETIRES_AFTER = timedelta(hours=24)
"""How long a signing secret that was replaced signs beside the new one: receivers change over meanwhile."""

_TAKEN_AS_THEY_ARE = (
    "name",
    "mode",
    "send_once",
    "enabled",
    "url",
    "username",
    "icon_url",
    "subject_prefix",
    "html_template",
    "text_template",
    "body_mapping",
    "headers_mapping",
    "ca",
    "client_certificate",
)
_KEPT = ("secrets_ref", "retired_ref", "retired_until")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A transport as it is configured, and what has to be stored or shown for it."""

    transport: NotificationTransport
    to_store: Mapping[str, TransportSecrets] = field(default_factory=dict)
    """Secrets by the names that they are to be stored under."""
    generated: str | None = None
    """A signing secret that was made because none was given: to be shown once."""


def resolve(
    entry: TransportEntry, existing: NotificationTransport | None, path: str, now: datetime | None = None
) -> Resolved | Violation:
    """`entry` with its secrets apart. A Violation where it means to keep a secret that there is not.

    A webhook without a secret keeps the one that it has, or is given one: none goes out unsigned. One with
    another secret than before goes on signing with the old one as well for a day.

    Secrets stay with the origin (scheme, host and port) that they were given for: whoever may change a URL would
    else have them sent to a host of theirs. There a mask is a Violation, and a secret that is left out is made anew.
    """
    plain = NotificationTransport(**{name: getattr(entry, name) for name in _TAKEN_AS_THEY_ARE})
    same_kind = existing if existing is not None and existing.mode is entry.mode else None
    if entry.mode is TransportMode.WEBHOOK:
        return _webhook(entry, plain, same_kind, path, now or utc_now())
    if entry.mode is TransportMode.WEBHOOK_SLACK and entry.url is not None:
        return _chat(entry, plain, same_kind, path)
    return Resolved(plain)


def _webhook(
    entry: TransportEntry,
    plain: NotificationTransport,
    existing: NotificationTransport | None,
    path: str,
    now: datetime,
) -> Resolved | Violation:
    if existing is not None and origin_of(existing.url or "") != origin_of(entry.url or ""):
        moved = _masked_for_another_host(entry, existing, path)
        if moved is not None:
            return moved
        existing = None
    kept = existing.secrets_ref if existing is not None else ""
    if entry.secret == MASK and not kept:
        return Violation(f"{path}.secret", "stands masked, but no secret is stored that could be kept")
    with_key = _client_key(entry, plain, existing, path)
    if isinstance(with_key, Violation):
        return with_key
    to_store = dict(with_key.to_store)
    generated = None
    if entry.secret in {None, MASK} and existing is not None and kept:
        update = {name: getattr(existing, name) for name in _KEPT}
    else:
        generated = new_secret() if entry.secret is None else None
        secrets = TransportSecrets(signing=(generated or check_secret(entry.secret or ""),))
        ref = _ref(entry.name, secrets)
        if existing is not None and kept == ref:
            update = {name: getattr(existing, name) for name in _KEPT}
        else:
            update = {"secrets_ref": ref}
            to_store[ref] = secrets
            if kept:
                update |= {"retired_ref": kept, "retired_until": now + RETIRES_AFTER}
    return Resolved(with_key.transport.model_copy(update=update), to_store, generated)


def _masked_for_another_host(entry: TransportEntry, existing: NotificationTransport, path: str) -> Violation | None:
    """What is wrong with masks of secrets that were given for the host of `existing`; None without such masks."""
    where = f"stands masked, but was given for {origin_of(existing.url or '')}, and the URL leads to another host now:"
    if entry.secret == MASK:
        return Violation(f"{path}.secret", f"{where} give the secret, or leave it out to have another one made")
    if entry.client_key == MASK:
        return Violation(f"{path}.client_key", f"{where} give the key")
    return None


def _client_key(
    entry: TransportEntry, plain: NotificationTransport, existing: NotificationTransport | None, path: str
) -> Resolved | Violation:
    if entry.client_key is None:
        return Resolved(plain)
    if entry.client_key == MASK:
        if existing is None or not existing.client_key_ref:
            return Violation(f"{path}.client_key", "stands masked, but no key is stored that could be kept")
        return Resolved(plain.model_copy(update={"client_key_ref": existing.client_key_ref}))
    secrets = TransportSecrets(client_key=entry.client_key)
    ref = _ref(entry.name, secrets)
    return Resolved(plain.model_copy(update={"client_key_ref": ref}), {ref: secrets})


def _chat(
    entry: TransportEntry, plain: NotificationTransport, existing: NotificationTransport | None, path: str
) -> Resolved | Violation:
    url = entry.url or ""
    if url.endswith(MASK):
        if existing is None or not existing.secrets_ref or existing.url != url:
            return Violation(f"{path}.url", "stands masked, but no such URL is stored that could be kept")
        return Resolved(plain.model_copy(update={"secrets_ref": existing.secrets_ref}))
    secrets = TransportSecrets(url=url)
    ref = _ref(entry.name, secrets)
    return Resolved(plain.model_copy(update={"url": masked_url(url), "secrets_ref": ref}), {ref: secrets})


def masked_url(url: str) -> str:
    """A URL that is itself a credential, with nothing left but where it leads."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/{MASK}"


def shown(transport: NotificationTransport) -> TransportEntry:
    """A transport as the blueprint shows it."""
    signed = transport.mode is TransportMode.WEBHOOK and bool(transport.secrets_ref)
    return TransportEntry(
        **{name: getattr(transport, name) for name in _TAKEN_AS_THEY_ARE},
        secret=MASK if signed else None,
        client_key=MASK if transport.client_key_ref else None,
    )


def _ref(name: str, secrets: TransportSecrets) -> str:
    held = secrets.model_dump_json(exclude_defaults=True)
    return f"{name}#{hashlib.sha256(held.encode()).hexdigest()[:32]}"
