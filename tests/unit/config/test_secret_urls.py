"""URLs of webhooks that are credentials themselves: stored apart, shown with nothing beyond their host."""

from typing import Any

import pytest

from tests.transport_entries import transport_entry
from tocsin.config.blueprint.model import MASK, TransportEntry
from tocsin.config.blueprint.secret_urls import holds_credentials, masked_url
from tocsin.config.blueprint.secrets import Resolved, replaced, resolve, shown
from tocsin.config.changes import REPLACED
from tocsin.errors import Violation
from tocsin.models import as_json
from tocsin.notifications.signing import new_secret
from tocsin.notifications.transport import NotificationTransport, TransportMode

SECRET = new_secret()
SECRET_URLS = [
    "https://hooks.slack.com/services/T00000000/B00000000/abcdefghijklmnopqrstuvwx",
    "https://hooks.slack.com/triggers/x/y/z",
    "https://discord.com/api/webhooks/123456789012345678/abc",
    "https://acme.webhook.office.com/webhookb2/a@b/IncomingWebhook/c/d",
    "https://prod-01.westeurope.logic.azure.com/workflows/a/triggers/manual/paths/invoke",
    "https://hooks.zapier.com/hooks/catch/1/ab",
    "https://maker.ifttt.com/trigger/tocsin/with/key/abc",
    "https://chat.googleapis.com/v1/spaces/AAAA/messages?key=a&token=b",
    "https://events.pagerduty.com/integration/0123456789abcdef0123456789abcdef/enqueue",
    "https://n8n.example.com/webhook/0b1c5ad4-33a3-4b9f-8f1e-6f9cbf1d4a2e",
    "https://example.com/in/abcdefghijklmnopqrst",
    "https://example.com/in/ab12cd",
    "https://example.com/hook?sig=abc",
    "https://example.com/hook?tocsin",
    "https://example.com/hook#abc",
    "https://user:password@example.com/hook",
    "https://token@example.com/",
]
PLAIN_URLS = [
    "https://example.com",
    "https://example.com/",
    "https://example.com/hook",
    "https://example.com/hooks/tocsin-audit_log/v1/events",
    "https://siem.example.com:8443/services/collector/event",
    "http://127.0.0.1:8080/webhook/probe",
    "https://ntfy.sh/",
    "https://slack.example.com/hook",
]


def hook(url: str, **fields: Any) -> TransportEntry:
    return transport_entry(name="hook", mode="webhook", url=url, secret=SECRET, **fields)


def resolved(entry: TransportEntry, before: NotificationTransport | None = None) -> Resolved:
    result = resolve(entry, before, "transports[0]")
    assert isinstance(result, Resolved)
    return result


@pytest.mark.parametrize("url", SECRET_URLS)
def test_a_url_with_a_credential_is_stored_apart_and_shown_without_it(url: str) -> None:
    made = resolved(hook(url))

    masked = masked_url(url)
    assert holds_credentials(url)
    assert (made.transport.url, shown(made.transport).url) == (masked, masked)
    assert made.to_store[made.transport.url_ref].url == url
    assert url not in str(as_json(made.transport))
    assert masked.startswith("https://")
    assert "@" not in masked
    assert masked.endswith(f"/{MASK}")


@pytest.mark.parametrize("url", PLAIN_URLS)
def test_a_url_that_only_says_where_is_shown(url: str) -> None:
    made = resolved(hook(url))

    assert not holds_credentials(url)
    assert (made.transport.url, made.transport.url_ref, shown(made.transport).url) == (url, "", url)


def test_a_masked_url_is_kept_where_it_is_the_stored_one() -> None:
    first = resolved(hook(SECRET_URLS[-3])).transport

    kept = resolved(shown(first), first)

    assert kept.transport == first
    assert kept.to_store == {}


@pytest.mark.parametrize("url", [f"https://other.example/{MASK}", f"https://example.com/x/{MASK}"])
def test_another_masked_url_is_refused(url: str) -> None:
    stored = resolved(hook("https://example.com/hook?sig=abc")).transport
    plain = resolved(hook("https://example.com/hook")).transport

    for before in (stored, plain, None):
        result = resolve(hook(url), before, "transports[0]")
        assert isinstance(result, Violation)
        assert result.path == "transports[0].url"


def test_another_secret_path_of_the_same_host_is_told_as_replaced() -> None:
    first = resolved(hook("https://example.com/hook?sig=abc")).transport
    second = resolved(hook("https://example.com/hook?sig=abd"), first).transport

    assert replaced(first, second) == {"url": REPLACED}
    assert first.fingerprint != second.fingerprint
    assert replaced(first, resolved(hook("https://example.com/hook?sig=abc"), first).transport) == {}
    assert second.secret_refs == {second.secrets_ref, second.url_ref}


def test_what_was_stored_before_urls_were_kept_apart_is_masked_and_moves_when_it_is_saved() -> None:
    url = "https://example.com/hook?sig=abc"
    old = NotificationTransport(name="hook", mode=TransportMode.WEBHOOK, url=url)

    saved = resolved(shown(old), old)
    other = resolved(hook("https://example.com/hook?sig=abd"), old)

    assert shown(old).url == f"https://example.com/{MASK}"
    assert saved.to_store[saved.transport.url_ref].url == url
    assert replaced(old, saved.transport) == {}
    assert replaced(old, other.transport) == {"url": REPLACED}


def test_a_chat_url_that_is_replaced_is_told_as_the_url() -> None:
    def chat(path: str) -> NotificationTransport:
        entry = transport_entry(name="chat", mode="webhook_slack", url=f"https://hooks.slack.com/services/{path}")
        return resolved(entry).transport

    assert replaced(chat("a"), chat("b")) == {"url": REPLACED}
