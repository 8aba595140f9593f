"""What stands under the key of a secret and is none: references, booleans, nulls, numbers that count."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tocsin.events.redact import MASK, Secrets, cleanse
from tocsin.events.summary import summarize
from tocsin.types import Json

CERTIFICATE = {"app": "authentik_crypto", "model_name": "certificatekeypair", "pk": "5f0c", "name": "prod signing key"}


@pytest.mark.parametrize("key", ["secret", "token", "api_key", "credentials", "\uff54\uff4f\uff4b\uff45\uff4e"])
def test_a_reference_stays_readable_whatever_its_key(key):
    assert cleanse({key: CERTIFICATE}) == {key: CERTIFICATE}


@pytest.mark.parametrize("without", ["pk", "name"])
def test_a_reference_has_an_app_and_a_model(without):
    reference = {key: value for key, value in CERTIFICATE.items() if key != without}

    assert cleanse({"secret": reference}) == {"secret": reference}


@pytest.mark.parametrize(
    "nearly",
    [
        {key: value for key, value in CERTIFICATE.items() if key != "app"},
        {key: value for key, value in CERTIFICATE.items() if key != "model_name"},
        CERTIFICATE | {"value": "hunter2"},
        CERTIFICATE | {"name": ["hunter2"]},
        CERTIFICATE | {"pk": {"id": "hunter2"}},
        CERTIFICATE | {"app": None},
        CERTIFICATE | {"model_name": 7},
        {"name": "hunter2"},
    ],
)
def test_what_is_nearly_a_reference_is_masked(nearly):
    assert cleanse({"secret": nearly}) == {"secret": MASK}


def test_a_secret_in_a_reference_is_masked():
    reference = CERTIFICATE | {"name": "AKIAIOSFODNN7EXAMPLE", "pk": "Bearer hunter2"}

    assert cleanse({"secret": reference}) == {"secret": CERTIFICATE | {"name": f"AKIA{MASK}", "pk": f"Bearer {MASK}"}}


def test_a_list_of_references_stays_readable():
    assert cleanse({"tokens": [CERTIFICATE, CERTIFICATE]}) == {"tokens": [CERTIFICATE, CERTIFICATE]}
    assert cleanse({"tokens": [CERTIFICATE, "hunter2"]}) == {"tokens": MASK}


def test_the_summary_names_the_secret_that_was_viewed():
    """Masked, it was "viewed the secret of an object": which one was lost."""
    context = cleanse({"secret": CERTIFICATE, "type": "private_key"})
    assert isinstance(context, dict)

    said = summarize("secret_view", {"username": "seed-bob"}, None, context)

    assert said == "seed-bob viewed the secret of prod signing key"


@pytest.mark.parametrize("value", [True, False, None])
@pytest.mark.parametrize("key", ["private", "has_password", "sessionCredentialFromConsole", "token", "token_count"])
def test_a_boolean_or_null_is_never_masked(key, value):
    """Masked, "a repository became public" could not be a rule on GitHub's webhooks."""
    assert cleanse({key: value}) == {key: value}


def test_a_boolean_or_null_under_an_added_key_is_not_masked_either():
    secrets = Secrets(extra=frozenset({"ssn"}))

    assert cleanse({"ssn": True}, secrets) == {"ssn": True}


@pytest.mark.parametrize(
    "key",
    [
        *("key_count", "tokenCount", "session_limit", "password_length", "PASSWORD_POLICY", "token_age", "api-key-max"),
        *(
            "completion_tokens",
            "cache_read_tokens",
            "inputTokens",
            "max_tokens",
            "num_keys",
            "total_tokens",
            "token_ttl",
            "session_timeout",
            "FAILED_PASSWD_ATTEMPTS",
        ),
    ],
)
def test_a_number_that_counts_is_not_masked(key):
    assert cleanse({key: 3, "x": {key: 2.5}}) == {key: 3, "x": {key: 2.5}}
    assert cleanse({key: "hunter2"}) == {key: MASK}


@pytest.mark.parametrize("key", ["otp", "password", "token", "tokens", "api_key", "session_id", "passcode"])
def test_any_other_number_is_masked(key):
    assert cleanse({key: 123456}) == {key: MASK}


def test_a_number_under_an_added_key_is_masked_whatever_its_last_word():
    assert cleanse({"card_limit": 5}, Secrets(extra=frozenset({"card_limit"}))) == {"card_limit": MASK}


def _masked(value: Json, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    if isinstance(value, dict):
        return {found for key, item in value.items() for found in _masked(item, (*path, key))}
    if isinstance(value, list):
        return {found for index, item in enumerate(value) for found in _masked(item, (*path, index))}
    return {path} if isinstance(value, str) and MASK in value else set()


def test_of_real_audit_records_nothing_is_masked_but_what_has_a_secret_name_or_is_an_access_key():
    records = (Path(__file__).parents[2] / "data" / "audit_logs.jsonl").read_text().splitlines()
    secrets = Secrets()
    named, others = 0, Counter[str]()

    for record in records:
        for path in _masked(cleanse(json.loads(record)["log"])):
            if any(isinstance(part, str) and secrets.is_secret_key(part) for part in path):
                named += 1
            else:
                others[str(path[-1] or path[-2])] += 1

    # Ids of AWS's access keys, and addresses with a `stateToken`.
    assert (named, others) == (363, {"p_any_trace_ids": 10, "principalId": 1, "url": 2})
