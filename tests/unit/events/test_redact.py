"""Secrets are masked by the name of their key or by their own look, and everything else stays readable."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.events.redact import MASK, Secrets, cleanse

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(max_size=8) | st.sampled_from(["token", "userName", "apiKey", "note"]), inner)
    ),
    max_leaves=20,
)
CREDENTIAL_PIECES = st.lists(
    st.sampled_from(
        [
            *(
                "https",
                "://",
                "ssh",
                "user",
                ":",
                "pass",
                "@",
                "host",
                "/",
                "?",
                "&",
                "#",
                ";",
                "=",
                "token",
                "key",
                "x",
            ),
            *(
                "%3F",
                "%26",
                "%3D",
                "%74",
                "api_key",
                "Authorization",
                "authorization:",
                ": ",
                "Bearer ",
                "basic ",
                "\t",
            ),
            *(
                "eyJ",
                "eyJhbGciOiJub25lIn0",
                ".",
                "-",
                "abc123",
                "dXNlcjpwYXNz",
                "Zm9v",
                '"',
                "'",
                "\\",
                '\\"',
                "\n",
                "\r",
            ),
            *(" ", "Digest", "realm=", "tokens", "*", MASK, "x-oauth-basic", "é", "<", ">", "[", "]", "Proxy-"),
            *("/reset-password/", "/invite/", "/verify/email/", "8f14e45fceea167a", "%2F", "{", "}", "field", "value"),
            *('{"field":"password",', '"new":"', '\\"old\\":', ","),
        ]
    ),
    max_size=14,
).map("".join)


# Values under keys
@pytest.mark.parametrize("secret", ["hunter2", "", 1234, 1.5, [], [True], ["a", "b"], {}, {"id": 1, "in": {"x": 2}}])
def test_the_value_under_a_secret_key_is_masked_whole_whatever_its_type(secret):
    assert cleanse({"user": "alice", "password": secret}) == {"user": "alice", "password": MASK}


def test_the_mask_is_20_asterisks():
    assert MASK == "********************"


def test_secret_keys_are_found_at_every_depth():
    given_value = {"a": [{"b": [[{"token": 1, "c": 2}]]}]}

    assert cleanse(given_value) == {"a": [{"b": [[{"token": MASK, "c": 2}]]}]}


def test_what_is_under_an_exempt_key_is_still_looked_at():
    given_value = {"auth_method_args": {"known_device": True, "token": "abc"}}

    assert cleanse(given_value) == {"auth_method_args": {"known_device": True, "token": MASK}}


def test_the_settings_are_asked_for_every_key():
    secrets = Secrets(extra=frozenset({"ssn"}), exempt=frozenset({"key"}))

    assert cleanse({"ssn": 1, "key": "file.txt"}, secrets) == {"ssn": MASK, "key": "file.txt"}


def test_the_original_is_left_alone():
    original = {"a": [{"token": "abc"}]}

    cleanse(original)

    assert original == {"a": [{"token": "abc"}]}


def test_ten_thousand_levels_are_cleansed():
    value: object = {"token": "abc"}
    for _ in range(5_000):
        value = {"a": [value]}

    copy = cleanse(value)

    for _ in range(5_000):
        copy = copy["a"][0]
    assert copy == {"token": MASK}


# Laws
@given(JSON)
def test_cleansing_twice_is_cleansing_once(value):
    once = cleanse(value)

    assert cleanse(once) == once


@given(CREDENTIAL_PIECES)
def test_cleansing_a_text_twice_is_cleansing_it_once(text):
    once = cleanse(text)

    assert cleanse(once) == once


@given(JSON)
def test_structure_and_keys_stay_as_they_are(value):
    def same(part: object, whole: object) -> bool:
        if isinstance(part, dict) and isinstance(whole, dict):
            return list(part) == list(whole) and all(same(part[key], whole[key]) for key in part)
        if isinstance(part, list) and isinstance(whole, list):
            return len(part) == len(whole) and all(map(same, part, whole))
        return part == MASK or type(part) is type(whole)

    assert same(cleanse(value), value)


@given(st.text(st.characters(exclude_characters="=@:%"), max_size=80).filter(lambda text: "eyJ" not in text))
def test_a_text_that_can_hold_no_credential_stays_as_it_is(text):
    lowered = text.lower()

    assert cleanse(text) == text or "bearer" in lowered or "basic" in lowered


# Real records
def test_audit_records_keep_what_an_investigation_needs():
    records = (Path(__file__).parents[2] / "data" / "audit_logs.jsonl").read_text().splitlines()
    logs = [json.loads(record)["log"] for record in records]
    needed = ("eventName", "eventSource", "sourceIPAddress", "userAgent", "errorMessage", "actor", "published", "ip")

    copies = [cleanse(log) for log in logs]

    for log, copy in zip(logs, copies, strict=True):
        assert {key: copy.get(key) for key in needed} == {key: log.get(key) for key in needed}
