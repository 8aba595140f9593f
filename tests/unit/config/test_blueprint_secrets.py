"""Transports' secrets on their way in: kept, made, rotated, never shown."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.transport_entries import transport_entry
from tocsin.config.blueprint.model import MASK, TransportEntry
from tocsin.config.blueprint.secrets import RETIRES_AFTER, Resolved, resolve, shown
from tocsin.errors import Violation
from tocsin.models import as_json
from tocsin.notifications.signing import new_secret

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OLD, NEW = new_secret(), new_secret()


def hook(**fields: Any) -> TransportEntry:
    return transport_entry(name="hook", mode="webhook", url="https://example.com/", **fields)


def resolved(entry: TransportEntry, before: Resolved | None = None, now: datetime = NOW) -> Resolved:
    result = resolve(entry, None if before is None else before.transport, "transports[0]", now)
    assert isinstance(result, Resolved)
    return result


def test_a_webhook_without_a_secret_is_given_one_that_is_shown_once() -> None:
    result = resolved(hook())

    (stored,) = result.to_store.values()
    assert stored.signing == (result.generated,)
    assert shown(result.transport).secret == MASK


def test_the_same_secret_again_changes_nothing() -> None:
    first = resolved(hook(secret=OLD))

    second = resolved(hook(secret=OLD), first, NOW + timedelta(days=1))

    assert second.transport == first.transport
    assert second.to_store == {}


def test_a_masked_or_absent_secret_is_kept() -> None:
    first = resolved(hook(secret=OLD))

    assert resolved(hook(secret=MASK), first).transport == first.transport
    assert resolved(hook(), first).transport == first.transport


def test_another_secret_signs_beside_the_old_one_for_a_day() -> None:
    first = resolved(hook(secret=OLD))

    second = resolved(hook(secret=NEW), first)

    assert second.transport.retired_ref == first.transport.secrets_ref
    assert second.transport.retired_until == NOW + RETIRES_AFTER
    assert second.transport.secret_refs == {first.transport.secrets_ref, second.transport.secrets_ref}


def test_what_is_applied_again_while_a_secret_rotates_goes_on_rotating() -> None:
    first = resolved(hook(secret=OLD))
    second = resolved(hook(secret=NEW), first)

    third = resolved(hook(secret=NEW), second, NOW + timedelta(hours=1))

    assert third.transport == second.transport


def test_turning_back_to_the_old_secret_retires_the_new_one() -> None:
    first = resolved(hook(secret=OLD))
    second = resolved(hook(secret=NEW), first)

    third = resolved(hook(secret=OLD), second)

    assert third.transport.secrets_ref == first.transport.secrets_ref
    assert third.transport.retired_ref == second.transport.secrets_ref


def test_a_mask_where_nothing_is_stored_is_refused() -> None:
    assert isinstance(resolve(hook(secret=MASK), None, "t", NOW), Violation)
    with_key = hook(secret=OLD, client_certificate="PEM", client_key=MASK)
    assert isinstance(resolve(with_key, None, "t", NOW), Violation)


def test_a_client_key_is_stored_apart_from_the_signing_secret_and_kept_by_its_mask() -> None:
    first = resolved(hook(secret=OLD, client_certificate="PEM", client_key="KEY"))

    second = resolved(hook(secret=NEW, client_certificate="PEM", client_key=MASK), first)

    assert first.transport.client_key_ref == second.transport.client_key_ref
    assert shown(second.transport).client_key == MASK
    assert "KEY" not in str(as_json(second.transport))


def test_a_chat_url_is_stored_as_a_secret() -> None:
    entry = transport_entry(name="chat", mode="webhook_slack", url="https://hooks.slack.com/services/T/B/X")

    result = resolved(entry)

    assert result.transport.url == f"https://hooks.slack.com/{MASK}"
    assert resolved(shown(result.transport), result).transport == result.transport
