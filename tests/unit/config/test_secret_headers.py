"""Headers of a webhook whose values are secrets: checked, stored one by one, shown masked."""

from typing import Any

import pytest

from tests.transport_entries import transport_entry
from tocsin.config.blueprint.model import MASK, Blueprint, TransportEntry, parse
from tocsin.config.blueprint.secrets import Resolved, replaced, resolve, shown
from tocsin.config.blueprint.validate import MAX_HEADER_BYTES, check
from tocsin.config.changes import REPLACED
from tocsin.errors import Invalid, Violation
from tocsin.models import as_json
from tocsin.notifications.signing import new_secret
from tocsin.outbound import OutboundPolicy

SECRET = new_secret()
VALUE = "Bearer SECRETVAL9"


def hook(headers: dict[str, str] | None, url: str = "https://example.com/", **fields: Any) -> TransportEntry:
    return transport_entry(name="hook", mode="webhook", url=url, secret=SECRET, headers=headers, **fields)


def resolved(entry: TransportEntry, before: Resolved | None = None) -> Resolved:
    result = resolve(entry, None if before is None else before.transport, "transports[0]")
    assert isinstance(result, Resolved)
    return result


def wrong(entry: TransportEntry) -> dict[str, str]:
    return {each.path: each.message for each in check(Blueprint(transports=(entry,)), OutboundPolicy())}


@pytest.mark.parametrize(
    "name",
    ["Host", "content-length", "Transfer-Encoding", "Connection", "User-Agent", "webhook-id", "Webhook-Signature",
     "webhook-other", "Tocsin-Depth", "Content-Type", "Accept-Encoding", "bad name", "ü", "a:b", "a\nb"],
)  # fmt: skip
def test_a_header_that_is_ours_or_none_is_refused_by_its_name(name: str) -> None:
    assert list(wrong(hook({name: VALUE}))) == [f"transports[0].headers.{name}"]


@pytest.mark.parametrize("value", [f"{VALUE}\r\nX: y", f"{VALUE}\n", "a\x00b", "\x7f", "  ", f"Bearer {MASK}"])
def test_a_value_that_can_not_be_sent_is_refused_and_not_repeated(value: str) -> None:
    found = wrong(hook({"X-Api-Key": value}))

    assert set(found) == {"transports[0].headers.X-Api-Key"}
    assert "SECRETVAL9" not in str(found)


def test_headers_are_bounded_in_number_and_size() -> None:
    with pytest.raises(Invalid) as many:
        parse(
            b'{"transports": [{"name": "x", "mode": "webhook", "url": "https://example.com/", "headers": {%s}}]}'
            % ", ".join(f'"X-{number}": "SECRETVAL9"' for number in range(11)).encode(),
            "application/json",
        )
    large = wrong(hook({f"X-{number}": "v" * 2_000 for number in range(4)}))

    assert [violation.path for violation in many.value.violations] == ["transports[0].headers"]
    assert "SECRETVAL9" not in str(many.value)
    assert large == {"transports[0].headers": f"has 8,012 bytes of names and values; at most {MAX_HEADER_BYTES:,}"}


def test_one_name_is_one_header_whatever_its_case() -> None:
    assert set(wrong(hook({"X-Api-Key": "a", "x-api-key": "b"}))) == {"transports[0].headers.x-api-key"}


@pytest.mark.parametrize("mode", ["local", "email", "webhook_slack"])
def test_only_a_webhook_has_headers(mode: str) -> None:
    entry = transport_entry(name="x", mode=mode, url="https://hooks.slack.com/services/x", headers={"X-Api-Key": "a"})

    assert "transports[0].headers" in wrong(entry)


def test_values_are_stored_one_by_one_and_shown_masked() -> None:
    made = resolved(hook({"Authorization": VALUE, "X-Api-Key": "SECRETVAL8"}))

    stored = {made.to_store[ref].header for ref in made.transport.header_refs.values()}
    assert stored == {VALUE, "SECRETVAL8"}
    assert made.transport.secret_refs >= set(made.transport.header_refs.values())
    assert shown(made.transport).headers == {"Authorization": MASK, "X-Api-Key": MASK}
    assert "SECRETVAL" not in str(as_json(made.transport)) + str(as_json(shown(made.transport)))


def test_a_masked_value_is_kept_and_one_that_is_left_out_is_gone() -> None:
    first = resolved(hook({"Authorization": VALUE, "X-Api-Key": "a"}))

    second = resolved(hook({"authorization": MASK, "X-New": "b"}), first)
    third = resolved(hook(None), second)

    assert second.transport.header_refs["authorization"] == first.transport.header_refs["Authorization"]
    assert set(second.transport.header_refs) == {"authorization", "X-New"}
    assert [each.header for each in second.to_store.values()] == ["b"]
    assert third.transport.header_refs == {}
    assert shown(third.transport).headers is None


def test_a_mask_for_what_is_not_stored_is_refused_by_its_name() -> None:
    first = resolved(hook({"Authorization": VALUE}))

    result = resolve(hook({"X-Api-Key": MASK}), first.transport, "transports[0]")

    assert isinstance(result, Violation)
    assert result.path == "transports[0].headers.X-Api-Key"


def test_a_masked_value_stays_with_its_host() -> None:
    first = resolved(hook({"Authorization": VALUE}))

    result = resolve(hook({"Authorization": MASK}, url="https://evil.example/"), first.transport, "transports[0]")

    assert isinstance(result, Violation)
    assert result.path == "transports[0].headers.Authorization"
    assert "leads to another host" in result.message


def test_that_a_value_changed_is_told_without_the_value() -> None:
    first = resolved(hook({"Authorization": VALUE}))
    second = resolved(hook({"Authorization": "Bearer other"}), first)

    assert replaced(first.transport, second.transport) == {"headers": REPLACED}
    assert replaced(first.transport, resolved(hook({"Authorization": VALUE}), first).transport) == {}
    assert first.transport.fingerprint != second.transport.fingerprint
    assert first.transport.secrets_version != second.transport.secrets_version
