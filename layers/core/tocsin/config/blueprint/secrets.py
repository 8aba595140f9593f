"""Separate a transport's secrets from its configuration: stored under a ref made from their hash, shown as a mask."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tocsin.config.blueprint.model import MASK, TransportEntry
from tocsin.config.blueprint.preset_fields import preset_of
from tocsin.config.blueprint.secret_urls import holds_credentials, masked_url
from tocsin.config.changes import REPLACED
from tocsin.errors import Violation
from tocsin.models import adapter
from tocsin.notifications.presets import Preset
from tocsin.notifications.signing import check_secret, new_secret
from tocsin.notifications.transport import SLACK_API, NotificationTransport, TransportMode, TransportSecrets
from tocsin.outbound import origin_of
from tocsin.records import dataclass, field
from tocsin.times import utc_now
from tocsin.types import Json

RETIRES_AFTER = timedelta(hours=24)
"""How long messages are signed with the replaced secret as well as the new one, so that receivers can switch."""

_TAKEN_AS_THEY_ARE = (
    "name",
    "mode",
    "send_once",
    "enabled",
    "url",
    "username",
    "icon_url",
    "slack_format",
    "channel",
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
_STANDS_MASKED = "stands masked, but no"
_OF_ANOTHER_HOST = "stands masked, but was given for {}, and the URL leads to another host now:"


@dataclass(frozen=True, slots=True)
class Resolved:
    """A transport without its secrets, and the secrets to store or to show."""

    transport: NotificationTransport
    to_store: Mapping[str, TransportSecrets] = field(default_factory=dict)
    """The secrets to store, by ref."""
    generated: str | None = None
    """The signing secret that was generated because none was given; it is shown once."""

    def having(self, to_store: Mapping[str, TransportSecrets], **changed: Any) -> Resolved:  # noqa: ANN401 - as dataclasses.replace
        """Return a copy with these fields of the transport changed, and these secrets added to those to store."""
        return Resolved(replace(self.transport, **changed), {**self.to_store, **to_store}, self.generated)


def resolve(
    entry: TransportEntry, existing: NotificationTransport | None, path: str, now: datetime | None = None
) -> Resolved | Violation:
    """Separate the secrets of `entry`. Returns a Violation where a mask asks to keep a secret that is not stored.

    A webhook without a secret keeps its stored one or gets a generated one, so that every message is signed. When the
    secret changes, messages are signed with the old one too for a day.

    Secrets are bound to the origin (scheme, host and port) that they were given for: otherwise anybody who may change
    a URL could have them sent to their own host. When the origin changes, a mask is a Violation, and a signing secret
    that is left out is generated anew.
    """
    plain = Resolved(NotificationTransport(**{name: getattr(entry, name) for name in _TAKEN_AS_THEY_ARE}))
    kind = (entry.mode, entry.preset)
    same_kind = existing if existing is not None and (existing.mode, existing.preset) == kind else None
    try:
        if entry.mode is TransportMode.WEBHOOK:
            return _webhook(entry, plain, same_kind, now or utc_now())
        if entry.mode is TransportMode.WEBHOOK_SLACK and entry.bot_token is not None:
            return _bot(entry, plain, same_kind)
        if entry.mode is TransportMode.WEBHOOK_SLACK and entry.url is not None:
            return _secret_url(entry, plain, same_kind)
    except _NotKept as wrong:
        return Violation(f"{path}.{wrong.field}", wrong.why)
    return plain


class _NotKept(Exception):
    """A mask was sent for a secret that is not stored."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(field, why)
        self.field = field
        self.why = why


def _webhook(entry: TransportEntry, plain: Resolved, existing: NotificationTransport | None, now: datetime) -> Resolved:
    preset = preset_of(entry)
    home = "" if preset is None else preset.address.default or ""
    if existing is not None and origin_of(existing.url or home) != origin_of(entry.url or home):
        _check_nothing_is_kept(entry, origin_of(existing.url or home))
        existing = None
    resolved = _headers(entry, _client_key(entry, plain, existing), existing)
    if preset is not None:
        resolved = _options(entry, preset, resolved, existing)
    resolved = _url(entry, resolved, existing, secret=preset is not None and preset.address.secret)
    # Signed by a preset only where its service verifies it.
    return resolved if preset is not None and not preset.signed else _signing(entry, resolved, existing, now)


def _check_nothing_is_kept(entry: TransportEntry, before: str) -> None:
    """Raise _NotKept for masks of secrets that were given for the origin `before`, if `entry` has another origin."""
    where = _OF_ANOTHER_HOST.format(before)
    if entry.secret == MASK:
        raise _NotKept("secret", f"{where} give the secret, or leave it out to have another one made")
    if entry.client_key == MASK:
        raise _NotKept("client_key", f"{where} give the key")
    for kind, values in (("headers", entry.headers or {}), ("options", entry.options)):
        for name, value in values.items():
            if value == MASK:
                raise _NotKept(f"{kind}.{name}", f"{where} give its value")


def _signing(
    entry: TransportEntry, resolved: Resolved, existing: NotificationTransport | None, now: datetime
) -> Resolved:
    kept = existing.secrets_ref if existing is not None else ""
    if entry.secret == MASK and not kept:
        raise _NotKept("secret", f"{_STANDS_MASKED} secret is stored that could be kept")
    if existing is not None and kept and entry.secret in {None, MASK}:
        return resolved.having({}, **{name: getattr(existing, name) for name in _KEPT})
    generated = new_secret() if entry.secret is None else None
    secrets = TransportSecrets(signing=(generated or check_secret(entry.secret or ""),))
    ref = _ref(entry.name, secrets)
    if existing is not None and kept == ref:
        return resolved.having({}, **{name: getattr(existing, name) for name in _KEPT})
    retired: dict[str, object] = {"retired_ref": kept, "retired_until": now + RETIRES_AFTER} if kept else {}
    signed = resolved.having({ref: secrets}, secrets_ref=ref, **retired)
    return Resolved(signed.transport, signed.to_store, generated)


def _client_key(entry: TransportEntry, resolved: Resolved, existing: NotificationTransport | None) -> Resolved:
    if entry.client_key is None:
        return resolved
    if entry.client_key == MASK:
        if existing is None or not existing.client_key_ref:
            raise _NotKept("client_key", f"{_STANDS_MASKED} key is stored that could be kept")
        return resolved.having({}, client_key_ref=existing.client_key_ref)
    secrets = TransportSecrets(client_key=entry.client_key)
    ref = _ref(entry.name, secrets)
    return resolved.having({ref: secrets}, client_key_ref=ref)


def _headers(entry: TransportEntry, resolved: Resolved, existing: NotificationTransport | None) -> Resolved:
    known = {} if existing is None else {name.lower(): ref for name, ref in existing.header_refs.items()}
    refs: dict[str, str] = {}
    to_store: dict[str, TransportSecrets] = {}
    for name, value in (entry.headers or {}).items():
        if value == MASK:
            if name.lower() not in known:
                raise _NotKept(f"headers.{name}", f"{_STANDS_MASKED} value is stored that could be kept")
            refs[name] = known[name.lower()]
        else:
            secrets = TransportSecrets(header=value)
            refs[name] = _ref(entry.name, secrets)
            to_store[refs[name]] = secrets
    return resolved.having(to_store, header_refs=refs)


def _options(
    entry: TransportEntry, preset: Preset, resolved: Resolved, existing: NotificationTransport | None
) -> Resolved:
    """Return `resolved` with the preset's options. Each secret option is stored under a ref of its own."""
    open_: dict[str, str] = {}
    refs: dict[str, str] = {}
    to_store: dict[str, TransportSecrets] = {}
    for name, value in entry.options.items():
        if not preset.options[name].secret:
            open_[name] = value
        elif value != MASK:
            secrets = TransportSecrets(option=value)
            refs[name] = _ref(f"{entry.name}#{name}", secrets)
            to_store[refs[name]] = secrets
        elif existing is None or name not in existing.secret_options:
            raise _NotKept(f"options.{name}", f"{_STANDS_MASKED} value is stored that could be kept")
        else:
            refs[name] = existing.secret_options[name]
    return resolved.having(to_store, options=open_, secret_options=refs)


def _url(
    entry: TransportEntry, resolved: Resolved, existing: NotificationTransport | None, *, secret: bool = False
) -> Resolved:
    """Return `resolved` with its URL stored as a secret, where it holds credentials or its preset says it does."""
    url = entry.url or ""
    if url.endswith(MASK):
        if existing is None or _shown_url(existing) != url:
            raise _NotKept("url", f"{_STANDS_MASKED} such URL is stored that could be kept")
        if existing.url_ref:
            return resolved.having({}, url_ref=existing.url_ref)
        url = existing.url or ""  # from before such URLs were stored as secrets
    if not url or not (secret or holds_credentials(url)):
        return resolved
    secrets = TransportSecrets(url=url)
    ref = _ref(entry.name, secrets)
    return resolved.having({ref: secrets}, url=masked_url(url), url_ref=ref)


def _secret_url(entry: TransportEntry, resolved: Resolved, existing: NotificationTransport | None) -> Resolved:
    url = entry.url or ""
    if url.endswith(MASK):
        if existing is None or not existing.secrets_ref or existing.url != url:
            raise _NotKept("url", f"{_STANDS_MASKED} such URL is stored that could be kept")
        return resolved.having({}, secrets_ref=existing.secrets_ref)
    secrets = TransportSecrets(url=url)
    ref = _ref(entry.name, secrets)
    return resolved.having({ref: secrets}, url=masked_url(url), secrets_ref=ref)


def _bot(entry: TransportEntry, resolved: Resolved, existing: NotificationTransport | None) -> Resolved:
    """Return `resolved` with the bot's token stored as a secret: it goes to Slack, or to where it was given for."""
    if entry.bot_token == MASK:
        if existing is None or existing.channel is None or not existing.secrets_ref:
            raise _NotKept("bot_token", f"{_STANDS_MASKED} token is stored that could be kept")
        before = origin_of(existing.url or SLACK_API)
        if before != origin_of(entry.url or SLACK_API):
            raise _NotKept("bot_token", f"{_OF_ANOTHER_HOST.format(before)} give the token")
        return resolved.having({}, secrets_ref=existing.secrets_ref)
    secrets = TransportSecrets(bot_token=entry.bot_token)
    ref = _ref(entry.name, secrets)
    return resolved.having({ref: secrets}, secrets_ref=ref)


def shown(transport: NotificationTransport) -> TransportEntry:
    """A transport as the blueprint shows it."""
    signed = transport.mode is TransportMode.WEBHOOK and bool(transport.secrets_ref)
    fields = {name: getattr(transport, name) for name in _TAKEN_AS_THEY_ARE} | {"url": _shown_url(transport)}
    return TransportEntry(
        **fields,
        options=transport.options | dict.fromkeys(transport.secret_options, MASK),
        secret=MASK if signed else None,
        bot_token=MASK if transport.channel is not None and transport.secrets_ref else None,
        client_key=MASK if transport.client_key_ref else None,
        headers=dict.fromkeys(transport.header_refs, MASK) or None,
    )


def _shown_url(transport: NotificationTransport) -> str | None:
    url = transport.url
    if url is None or transport.mode is not TransportMode.WEBHOOK or transport.url_ref or not holds_credentials(url):
        return url
    return masked_url(url)


def replaced(before: NotificationTransport, after: NotificationTransport) -> dict[str, Json]:
    """{field: REPLACED} for each secret that changes although its mask does not."""
    of_url = after.mode is TransportMode.WEBHOOK_SLACK
    pairs = {
        _named_by_ref(after): (before.secrets_ref, after.secrets_ref),
        "client_key": (before.client_key_ref, after.client_key_ref),
    }
    if not of_url and _shown_url(before) == _shown_url(after):
        pairs["url"] = (_url_ref(before), _url_ref(after))
    fields: dict[str, Json] = {name: REPLACED for name, (old, new) in pairs.items() if old and new and old != new}
    named = {"headers": (before.header_refs, after.header_refs)}
    if before.options == after.options:
        named["options"] = (before.secret_options, after.secret_options)
    return fields | {name: REPLACED for name, (old, new) in named.items() if old.keys() == new.keys() and old != new}


def _named_by_ref(transport: NotificationTransport) -> str:
    """The field whose secret `secrets_ref` names."""
    if transport.mode is not TransportMode.WEBHOOK_SLACK:
        return "secret"
    return "url" if transport.channel is None else "bot_token"


def _url_ref(transport: NotificationTransport) -> str:
    """Which secret the URL is, also where it was stored before such URLs were kept apart; empty where it is none."""
    if transport.url_ref or _shown_url(transport) == transport.url:
        return transport.url_ref
    return _ref(transport.name, TransportSecrets(url=transport.url))


def _ref(name: str, secrets: TransportSecrets) -> str:
    held = adapter(TransportSecrets).dump_json(secrets, exclude_defaults=True)
    return f"{name}#{hashlib.sha256(held).hexdigest()[:32]}"
