"""API keys: their form, and what is kept of them."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.config.blueprint.model import KeyEntry
from tocsin.identity.api_keys import ApiKey, bearer, hash_secret, is_secret_of, new_key_id, new_secret, split_bearer
from tocsin.identity.principal import Scope
from tocsin.models import validated
from tocsin.types import JsonObject

SECRET = "s" * 43


def key(secret: str = SECRET) -> ApiKey:
    return ApiKey(id="0011223344556677", name="billing", scopes=(Scope.EVENTS_WRITE,), secret_hash=hash_secret(secret))


def test_what_a_holder_sends_names_the_key_and_the_secret() -> None:
    assert bearer(key(), SECRET) == f"tocsin_0011223344556677_{SECRET}"
    assert split_bearer(bearer(key(), SECRET)) == ("0011223344556677", SECRET)


def test_a_new_secret_has_32_random_bytes() -> None:
    secrets = {new_secret() for _ in range(100)}

    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {43}


def test_a_new_key_can_be_split_again() -> None:
    for _ in range(100):
        key_id, secret = new_key_id(), new_secret()

        assert split_bearer(f"tocsin_{key_id}_{secret}") == (key_id, secret)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "tocsin__",
        f"tocsin_0011223344556677_{SECRET[:-1]}",
        f"tocsin_0011223344556677_{SECRET}s",
        f"tocsin_0011223344556677_{SECRET}\n",
        f"tocsin_001122334455667_{SECRET}",
        f"tocsin_001122334455667G_{SECRET}",
        f"TOCSIN_0011223344556677_{SECRET}",
        f"tocsin_0011223344556677_{SECRET[:-1]}!",
        f" tocsin_0011223344556677_{SECRET}",
    ],
)
def test_what_has_another_form_is_no_key_of_ours(token: str) -> None:
    assert split_bearer(token) is None


@given(st.text())
def test_any_text_is_split_or_refused(token: str) -> None:
    parts = split_bearer(token)

    assert parts is None or "_".join(("tocsin", *parts)) == token


def test_only_the_hash_of_a_secret_is_kept() -> None:
    stored = str(key().to_json())

    assert SECRET not in stored
    assert hashlib.sha256(SECRET.encode()).hexdigest() in stored


def test_a_secret_belongs_to_its_key_alone() -> None:
    assert is_secret_of(key(), SECRET)
    assert not is_secret_of(key(), "t" * 43)
    assert not is_secret_of(key(), "")


@pytest.mark.parametrize(
    ("expires", "retired_until", "ends"),
    [(None, 9, 9), (20, 9, 9), (5, 9, 5)],
    ids=["never expires", "expires later", "expires before"],
)
def test_a_retired_secret_ends_with_the_overlap_and_no_later_than_its_key(
    expires: int | None, retired_until: int, ends: int
) -> None:
    def day(number: int | None) -> datetime | None:
        return None if number is None else datetime(2026, 3, number, tzinfo=UTC)

    rotated = replace(key(), expires=day(expires), retired_hash=hash_secret("o" * 43), retired_until=day(retired_until))

    assert rotated.ends_for("o" * 43) == (True, day(ends))
    assert rotated.ends_for(SECRET) == (True, day(expires))
    assert rotated.ends_for("x" * 43) == (False, None)


def test_secrets_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[str, str]] = []

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return True

    monkeypatch.setattr("tocsin.identity.api_keys.hmac.compare_digest", compare)

    assert is_secret_of(key(), "t" * 43)
    assert compared == [(hash_secret(SECRET), hash_secret("t" * 43))]


def test_a_key_sends_one_event_a_minute_at_least() -> None:
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        validated(KeyEntry, {"name": "x", "scopes": ["events:write"], "events_per_minute": 0})


def test_a_stored_key_is_read_as_it_was() -> None:
    moment = datetime(2026, 3, 1, 12, 0, 0, 250_000, UTC)
    full = replace(
        key(), user="alice", events_per_minute=60, expires=moment, retired_hash=hash_secret("o"), retired_until=moment
    )

    assert ApiKey.from_json(full.to_json()) == full
    assert ApiKey.from_json(key().to_json()) == key()


def test_a_key_that_an_earlier_release_stored_is_read() -> None:
    stored: JsonObject = {
        "id": "0011223344556677",
        "name": "billing",
        "scopes": ["events:write"],
        "user": None,
        "events_per_minute": None,
        "expires": "2026-03-01T12:00:00Z",
        "secret_hash": "ab",
        "retired_hash": "",
        "retired_until": "2026-03-01T12:00:00.250000Z",
    }

    read = ApiKey.from_json(stored)

    assert (read.expires, read.retired_until) == (
        datetime(2026, 3, 1, 12, tzinfo=UTC),
        datetime(2026, 3, 1, 12, 0, 0, 250_000, UTC),
    )


@pytest.mark.parametrize("change", [{"scopes": ["all"]}, {"scopes": "all"}, {"events_per_minute": "5"}], ids=str)
def test_what_is_no_stored_key_is_refused(change: JsonObject) -> None:
    with pytest.raises(ValueError):
        ApiKey.from_json(key().to_json() | change)
