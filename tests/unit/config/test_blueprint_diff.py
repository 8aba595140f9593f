"""What a blueprint would change, and what is shown of secrets in it."""

import json
from typing import Any

import pytest

from tests.transport_entries import transport_entry
from tocsin.config.blueprint import JSON_TYPE, MASK, Applied, Blueprint, parse
from tocsin.config.blueprint.diff import differences
from tocsin.config.blueprint.journal import Journal
from tocsin.config.blueprint.model import TransportEntry
from tocsin.config.blueprint.secrets import Resolved, masked_url, resolve, shown
from tocsin.errors import Violation
from tocsin.models import as_json
from tocsin.notifications.signing import new_secret
from tocsin.notifications.transport import NotificationTransport, TransportMode
from tocsin.types import JsonObject

SLACK_URL = "https://hooks.slack.com/services/T0/B0/verysecret"


def blueprint(**parts: Any) -> Blueprint:
    return parse(json.dumps(parts).encode(), JSON_TYPE)


# ── differences ──────────────────────────────────────────────────────────────


def test_a_blueprint_does_not_differ_from_itself() -> None:
    same = blueprint(users=[{"username": "alice"}], keys=[{"name": "k", "scopes": ["events:read"]}])

    assert differences(same, same) == []


def test_what_is_new_is_created_and_what_is_gone_deleted() -> None:
    found = differences(blueprint(users=[{"username": "a"}]), blueprint(users=[{"username": "b"}]))

    assert found == [
        {"kind": "users", "name": "a", "change": "delete"},
        {"kind": "users", "name": "b", "change": "create"},
    ]


def test_what_changes_is_told_by_its_fields() -> None:
    found = differences(
        blueprint(users=[{"username": "a", "email": "old@example.com", "name": "A"}]),
        blueprint(users=[{"username": "a", "email": "new@example.com", "name": "A"}]),
    )

    fields = {"email": {"from": "old@example.com", "to": "new@example.com"}}
    assert found == [{"kind": "users", "name": "a", "change": "update", "fields": fields}]


def test_settings_are_one_thing() -> None:
    found = differences(blueprint(), blueprint(settings={"brand": "acme"}))

    fields = {"brand": {"from": "default", "to": "acme"}}
    assert found == [{"kind": "settings", "name": "settings", "change": "update", "fields": fields}]


@pytest.mark.parametrize(
    ("kind", "entry"),
    [
        ("groups", {"name": "x"}),
        ("transports", {"name": "x", "mode": "local"}),
        ("policies", {"name": "x", "kind": "pattern", "pattern": {}}),
        ("rules", {"name": "x"}),
        ("silences", {"name": "x", "pattern": {}, "starts": "2026-01-01T00:00:00Z", "ends": "2026-01-02T00:00:00Z"}),
        ("keys", {"name": "x", "scopes": ["events:read"]}),
    ],
)
def test_each_kind_is_compared(kind: str, entry: dict[str, Any]) -> None:
    assert differences(blueprint(), blueprint(**{kind: [entry]})) == [{"kind": kind, "name": "x", "change": "create"}]


def test_the_order_of_things_is_no_difference() -> None:
    one, other = {"name": "a", "mode": "local"}, {"name": "b", "mode": "email"}

    assert differences(blueprint(transports=[one, other]), blueprint(transports=[other, one])) == []


def test_an_answer_shows_as_many_changes_as_it_has_room_for() -> None:
    changes: tuple[JsonObject, ...] = tuple(
        {"kind": "rules", "name": f"r{i}", "change": "create"} for i in range(100_000)
    )

    shown_changes = Applied(1, changes).to_json(dry_run=False)["changes"]

    assert isinstance(shown_changes, list)
    assert len(json.dumps(shown_changes)) < 3_000_000
    assert shown_changes[:2] == list(changes[:2])
    assert shown_changes[-1] == {
        "kind": "others",
        "name": f"{100_000 - len(shown_changes) + 1:,} more",
        "change": "not shown",
    }


# ── secrets ──────────────────────────────────────────────────────────────────


def entry(mode: str = "webhook", **fields: Any) -> TransportEntry:
    return transport_entry(name="hook", mode=TransportMode(mode), **fields)


def resolved(given: TransportEntry, existing: NotificationTransport | None = None) -> Resolved:
    result = resolve(given, existing, "transports[0]")
    assert isinstance(result, Resolved)
    return result


def refused(given: TransportEntry, existing: NotificationTransport | None = None) -> str:
    result = resolve(given, existing, "transports[0]")
    assert isinstance(result, Violation)
    return result.path


def test_a_webhook_without_a_secret_is_given_one() -> None:
    made = resolved(entry(url="https://example.com/"))

    (stored,) = made.to_store.values()
    assert stored.signing == (made.generated,)
    assert made.generated is not None
    assert made.generated.startswith("whsec_")


def test_a_given_secret_is_stored_and_not_shown_as_made() -> None:
    secret = new_secret()

    made = resolved(entry(url="https://example.com/", secret=secret))

    assert [stored.signing for stored in made.to_store.values()] == [(secret,)]
    assert made.generated is None


@pytest.mark.parametrize("secret", [None, MASK])
def test_a_secret_that_is_there_is_kept(secret: str | None) -> None:
    existing = resolved(entry(url="https://example.com/")).transport

    made = resolved(entry(url="https://example.com/new", secret=secret), existing)

    assert (made.to_store, made.generated) == ({}, None)
    assert (made.transport.secrets_ref, made.transport.url) == (existing.secrets_ref, "https://example.com/new")


def test_a_mask_for_a_secret_that_is_not_there_is_refused() -> None:
    chat = resolved(entry("webhook_slack", url=SLACK_URL)).transport

    assert refused(entry(url="https://example.com/", secret=MASK)) == "transports[0].secret"
    assert refused(entry(url="https://example.com/", secret=MASK), chat) == "transports[0].secret"


def test_a_chat_webhooks_url_is_stored_apart() -> None:
    made = resolved(entry("webhook_slack", url=SLACK_URL))

    assert [stored.url for stored in made.to_store.values()] == [SLACK_URL]
    assert made.transport.url == f"https://hooks.slack.com/{MASK}"
    assert "verysecret" not in str(as_json(made.transport))


def test_a_masked_url_is_kept_if_it_is_the_stored_one() -> None:
    existing = resolved(entry("webhook_slack", url=SLACK_URL)).transport

    made = resolved(entry("webhook_slack", url=existing.url), existing)

    assert made.to_store == {}
    assert made.transport.secrets_ref == existing.secrets_ref


def test_a_masked_url_of_another_host_is_refused() -> None:
    existing = resolved(entry("webhook_slack", url=SLACK_URL)).transport

    assert refused(entry("webhook_slack", url=f"https://evil.example/{MASK}"), existing) == "transports[0].url"
    assert refused(entry("webhook_slack", url=f"https://hooks.slack.com/{MASK}")) == "transports[0].url"


def test_the_same_secret_has_the_same_name_again() -> None:
    first = resolved(entry("webhook_slack", url=SLACK_URL)).transport

    assert resolved(entry("webhook_slack", url=SLACK_URL), first).transport == first


def test_what_is_shown_of_a_transport_has_a_mask_for_its_secret() -> None:
    made = resolved(entry(url="https://example.com/"))

    assert shown(made.transport).secret == MASK
    assert made.generated is not None
    assert made.generated not in str(as_json(shown(made.transport)))


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("https://hooks.slack.com/services/T/B/x?y=z#w", f"https://hooks.slack.com/{MASK}"),
        ("http://127.0.0.1:8080/slack/x", f"http://127.0.0.1:8080/{MASK}"),
        ("https://discord.com", f"https://discord.com/{MASK}"),
    ],
)
def test_nothing_is_left_of_a_secret_url_but_where_it_leads(url: str, masked: str) -> None:
    assert masked_url(url) == masked


# ── what a run that did not end leaves ───────────────────────────────────────


def test_traces_are_the_same_after_json() -> None:
    traces = Journal(frozenset({"k"}), frozenset({"s"}), frozenset({"s", "t"}), frozenset({("g", "1-a")}))

    assert Journal.from_json(json.loads(json.dumps(traces.to_json()))) == traces


@pytest.mark.parametrize("note", [None, [], "x", {}, {"keys": "x", "rosters": [["a"], 5]}])
def test_no_note_leaves_no_traces(note: Any) -> None:
    assert not Journal.from_json(note)


def test_the_traces_of_two_runs_are_kept_together() -> None:
    one, other = Journal(keys=frozenset({"a"})), Journal(keys=frozenset({"b"}), rosters=frozenset({("g", "1")}))

    assert one | other == Journal(keys=frozenset({"a", "b"}), rosters=frozenset({("g", "1")}))
    assert one | Journal()
