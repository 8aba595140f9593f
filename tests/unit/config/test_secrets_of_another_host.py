"""Secrets of a webhook stay with the host that they were given for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.transport_entries import transport_entry
from tocsin.config.blueprint.model import MASK, TransportEntry
from tocsin.config.blueprint.secrets import Resolved, resolve
from tocsin.errors import Violation
from tocsin.notifications.signing import new_secret
from tocsin.notifications.transport import NotificationTransport

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OLD, NEW = new_secret(), new_secret()
HERE = "https://hooks.example.com/tocsin"
ELSEWHERE = [
    "https://evil.example/tocsin",
    "https://hooks.example.com.evil.example/tocsin",
    "https://hooks.example.com:8443/tocsin",
    "http://hooks.example.com/tocsin",
    "https://evil.example/?https://hooks.example.com/tocsin",
    "https://hooks.example.com@evil.example/tocsin",
]
SAME = ["https://hooks.example.com/other", "https://HOOKS.example.com:443/tocsin", "https://hooks.example.com./x"]


def hook(url: str, **fields: Any) -> TransportEntry:
    return transport_entry(name="hook", mode="webhook", url=url, **fields)


def configured(**fields: Any) -> NotificationTransport:
    """A webhook at HERE whose secret was replaced an hour ago, with a client certificate."""
    with_key = {"client_certificate": "PEM", "client_key": "KEY"}
    first = resolve(hook(HERE, secret=new_secret(), **with_key), None, "t", NOW - timedelta(hours=2))
    assert isinstance(first, Resolved)
    second = resolve(hook(HERE, secret=OLD, **with_key), first.transport, "t", NOW - timedelta(hours=1))
    assert isinstance(second, Resolved)
    assert second.transport.retired_ref
    return second.transport


@pytest.mark.parametrize("url", ELSEWHERE)
def test_masks_are_refused_for_another_host(url: str) -> None:
    secret = resolve(hook(url, secret=MASK), configured(), "transports[0]", NOW)
    key = resolve(hook(url, secret=NEW, client_certificate="PEM", client_key=MASK), configured(), "transports[0]", NOW)

    assert isinstance(secret, Violation)
    assert isinstance(key, Violation)
    assert (secret.path, key.path) == ("transports[0].secret", "transports[0].client_key")
    assert "was given for https://hooks.example.com:443, and the URL leads to another host" in secret.message


@pytest.mark.parametrize("url", ELSEWHERE)
@pytest.mark.parametrize("secret", [None, NEW, OLD], ids=["generated", "new", "old"])
def test_nothing_that_was_stored_goes_to_another_host_unless_it_is_given_anew(url: str, secret: str | None) -> None:
    before = configured()

    moved = resolve(hook(url, secret=secret), before, "t", NOW)

    assert isinstance(moved, Resolved)
    assert (moved.transport.retired_ref, moved.transport.retired_until) == ("", None)
    assert moved.transport.client_key_ref == ""
    (stored,) = [each for each in moved.to_store.values() if each.signing]
    assert stored.signing == (secret or moved.generated,)
    assert (moved.transport.secrets_ref == before.secrets_ref) is (secret == OLD)


@pytest.mark.parametrize("url", SAME)
def test_another_path_of_the_same_host_keeps_all(url: str) -> None:
    before = configured()

    kept = resolve(hook(url, secret=MASK, client_certificate="PEM", client_key=MASK), before, "t", NOW)

    assert isinstance(kept, Resolved)
    assert kept.transport == replace(before, url=url)
