"""Transports' secrets on their way in: stored apart under a name made of their hash, shown as a mask."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from urllib.parse import urlsplit

from tocsin.blueprint.document import MASK, TransportEntry
from tocsin.errors import Violation
from tocsin.signing import new_secret
from tocsin.transports import NotificationTransport, TransportMode, TransportSecrets


@dataclass(frozen=True, slots=True)
class Resolved:
    """A transport as it is configured, and what has to be stored or shown for it."""

    transport: NotificationTransport
    to_store: TransportSecrets | None = None
    generated: str | None = None
    """A signing secret that was made because none was given: to be shown once."""


def resolve(entry: TransportEntry, existing: NotificationTransport | None, path: str) -> Resolved | Violation:
    """`entry` with its secrets apart. A Violation where it means to keep a secret that there is not.

    A webhook without a secret keeps the one that it has, or is given one: none goes out unsigned.
    """
    plain = NotificationTransport(
        name=entry.name,
        mode=entry.mode,
        send_once=entry.send_once,
        enabled=entry.enabled,
        url=entry.url,
        username=entry.username,
        icon_url=entry.icon_url,
        subject_prefix=entry.subject_prefix,
    )
    same_kind = existing if existing is not None and existing.mode is entry.mode else None
    kept = same_kind.secrets_ref if same_kind is not None else ""
    if entry.mode is TransportMode.WEBHOOK:
        if entry.secret in {None, MASK} and kept:
            return Resolved(plain.model_copy(update={"secrets_ref": kept}))
        if entry.secret == MASK:
            return Violation(f"{path}.secret", "stands masked, but no secret is stored that could be kept")
        generated = new_secret() if entry.secret is None else None
        return _stored(plain, TransportSecrets(signing=((entry.secret or generated or ""),)), generated)
    if entry.mode is TransportMode.WEBHOOK_SLACK and entry.url is not None:
        if entry.url.endswith(MASK):
            if same_kind is None or not kept or same_kind.url != entry.url:
                return Violation(f"{path}.url", "stands masked, but no such URL is stored that could be kept")
            return Resolved(plain.model_copy(update={"secrets_ref": kept}))
        shown = plain.model_copy(update={"url": masked_url(entry.url)})
        return _stored(shown, TransportSecrets(url=entry.url), None)
    return Resolved(plain)


def masked_url(url: str) -> str:
    """A URL that is itself a credential, with nothing left but where it leads."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/{MASK}"


def shown(transport: NotificationTransport) -> TransportEntry:
    """A transport as the blueprint shows it."""
    signed = transport.mode is TransportMode.WEBHOOK and bool(transport.secrets_ref)
    return TransportEntry(
        name=transport.name,
        mode=transport.mode,
        send_once=transport.send_once,
        enabled=transport.enabled,
        url=transport.url,
        secret=MASK if signed else None,
        username=transport.username,
        icon_url=transport.icon_url,
        subject_prefix=transport.subject_prefix,
    )


def _stored(transport: NotificationTransport, secrets: TransportSecrets, generated: str | None) -> Resolved:
    ref = f"{transport.name}#{hashlib.sha256(secrets.model_dump_json().encode()).hexdigest()[:32]}"
    return Resolved(transport.model_copy(update={"secrets_ref": ref}), secrets, generated)
