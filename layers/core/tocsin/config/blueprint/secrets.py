"""Transports' secrets on their way in: stored apart under a name made of their hash, shown as a mask."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from tocsin.config.blueprint.model import MASK, TransportEntry
from tocsin.config.blueprint.preset_fields import preset_of
from tocsin.errors import Violation
from tocsin.notifications.presets import Preset, load
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
    "preset",
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
    kind = (entry.mode, entry.preset)
    same_kind = existing if existing is not None and (existing.mode, existing.preset) == kind else None
    preset = preset_of(entry)
    if preset is not None:
        return _by_preset(entry, preset, plain, same_kind, path, now or utc_now())
    if entry.mode is TransportMode.WEBHOOK:
        return _webhook(entry, plain, same_kind, path, now or utc_now())
    if entry.mode is TransportMode.WEBHOOK_SLACK and entry.url is not None:
        return _secret_url(entry, plain, same_kind, path)
    return Resolved(plain)


def _by_preset(
    entry: TransportEntry,
    preset: Preset,
    plain: NotificationTransport,
    existing: NotificationTransport | None,
    path: str,
    now: datetime,
) -> Resolved | Violation:
    """A webhook in a service's form: signed only where that verifies it, its URL a secret where it is one."""
    home = preset.address.default or ""
    if existing is not None and origin_of(existing.url or home) != origin_of(entry.url or home):
        moved = _masked_for_another_host(entry, existing, path, home)
        if moved is not None:
            return moved
        existing = None
    if preset.signed:
        resolved = _webhook(entry, plain, existing, path, now)
    else:
        with_key = _client_key(entry, plain, existing, path)
        if isinstance(with_key, Violation) or not preset.address.secret or entry.url is None:
            resolved = with_key
        else:
            resolved = _secret_url(entry, with_key.transport, existing, path)
            if isinstance(resolved, Resolved):
                resolved = replace(resolved, to_store={**with_key.to_store, **resolved.to_store})
    return resolved if isinstance(resolved, Violation) else _options(entry, preset, resolved, existing, path)


def _options(
    entry: TransportEntry,
    preset: Preset,
    resolved: Resolved,
    existing: NotificationTransport | None,
    path: str,
) -> Resolved | Violation:
    """`resolved` with the preset's options, of which each secret one is stored for itself."""
    open_, refs = {}, {}
    to_store = dict(resolved.to_store)
    for name, value in entry.options.items():
        if not preset.options[name].secret:
            open_[name] = value
        elif value != MASK:
            secrets = TransportSecrets(option=value)
            refs[name] = _ref(f"{entry.name}#{name}", secrets)
            to_store[refs[name]] = secrets
        elif existing is None or name not in existing.secret_options:
            return Violation(f"{path}.options.{name}", "stands masked, but nothing is stored that could be kept")
        else:
            refs[name] = existing.secret_options[name]
    transport = resolved.transport.model_copy(update={"options": open_, "secret_options": refs})
    return replace(resolved, transport=transport, to_store=to_store)


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


def _masked_for_another_host(
    entry: TransportEntry, existing: NotificationTransport, path: str, home: str = ""
) -> Violation | None:
    """What is wrong with masks of secrets that were given for the host of `existing`; None without such masks.

    `home` is where a transport leads that has no URL.
    """
    before = origin_of(existing.url or home)
    where = f"stands masked, but was given for {before}, and the URL leads to another host now:"
    if entry.secret == MASK:
        return Violation(f"{path}.secret", f"{where} give the secret, or leave it out to have another one made")
    if entry.client_key == MASK:
        return Violation(f"{path}.client_key", f"{where} give the key")
    masked = next((name for name, value in entry.options.items() if value == MASK), None)
    return None if masked is None else Violation(f"{path}.options.{masked}", f"{where} give it again")


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


def _secret_url(
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
    preset = load(transport.preset) if transport.preset else None
    signs = transport.mode is TransportMode.WEBHOOK and (preset is None or preset.signed)
    signed = signs and bool(transport.secrets_ref)
    return TransportEntry(
        **{name: getattr(transport, name) for name in _TAKEN_AS_THEY_ARE},
        options=transport.options | dict.fromkeys(transport.secret_options, MASK),
        secret=MASK if signed else None,
        client_key=MASK if transport.client_key_ref else None,
    )


def _ref(name: str, secrets: TransportSecrets) -> str:
    held = secrets.model_dump_json(exclude_defaults=True)
    return f"{name}#{hashlib.sha256(held.encode()).hexdigest()[:32]}"
