"""Secrets of every kind are masked, wherever they stand; the texts around them, and those like them, stay readable."""

import json

import pytest

from tests.unit.events.innocent_payloads import INNOCENT
from tests.unit.events.secret_payloads import TEXTS, TOKENS, VALUES, S
from tocsin.events.redact import MASK, cleanse


def test_there_are_as_many_kinds_as_were_tried():
    assert len(TEXTS) + len(TOKENS) + len(VALUES) >= 161


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_secret_in_a_text_is_masked_and_the_rest_stays(text):
    cleansed = cleanse(text)

    assert S not in cleansed
    assert MASK in cleansed
    assert cleanse(cleansed) == cleansed


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
@pytest.mark.parametrize("around", ["{}", "got {} from bob", '{{"x": "{}"}}', "/a/{}?b", "a\\n{}\\n", "x={}", "({}),"])
def test_a_token_that_shows_itself_is_masked_anywhere(token, around):
    cleansed = cleanse(around.format(token))

    assert token[-8:] not in cleansed
    before, after = around.format("|").split("|")
    assert cleansed.startswith(before)
    assert cleansed.endswith(MASK + after)


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_secret_that_stands_apart_from_its_name_is_masked(value):
    cleansed = cleanse(value)

    assert S not in json.dumps(cleansed)
    assert MASK in json.dumps(cleansed)
    assert cleanse(cleansed) == cleansed


@pytest.mark.parametrize("text", INNOCENT)
def test_an_ordinary_text_stays_as_it_is(text):
    assert cleanse(text) == text


@pytest.mark.parametrize(
    ("kind", "readable"),
    [
        ("in a sentence", f"could not sign in with password: {MASK}, trying again"),
        ("of several words", f"Password: {MASK}\nUser: bob"),
        ("behind a comma", f"user=bob,password={MASK},x=1"),
        ("of a map", f"{{user=bob, password={MASK}}}"),
        ("of a connection string", f"Server=db;User=bob;Password={MASK};Encrypt=true"),
        ("of a header that curl sends", f"curl -H 'X-Api-Key: {MASK}' https://h/"),
        ("of a cookie that is set", f"Set-Cookie: {MASK}\r\nHost: h"),
        ("of a scheme and its token", f"HTTP_AUTHORIZATION=Bearer {MASK}"),
        ("JSON with an object", f'{{"credentials": "{MASK}", "n": 1}}'),
        (
            "JSON with names and values",
            f'[{{"name": "X-Api-Key", "value": "{MASK}"}}, {{"name": "Host", "value": "h"}}]',
        ),
        ("a dump of arguments", f"['psql', '--password', '{MASK}', '-h', 'db']"),
        ("YAML of a block", f"password: |\n  {MASK}\nport: 5432"),
        ("YAML on one line", f"db: {{user: bob, password: {MASK}}}"),
        ("a field of a page, value first", f'<input value="{MASK}" name="csrf_token">'),
        ("a form of parts", f'--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n{MASK}\r\n--b--'),
        ("curl's user", f"curl -u bob:{MASK} https://h/"),
        ("a password with a slash", f"postgres://bob:{MASK}@db/shop"),
        ("PEM of RSA", f"-----BEGIN RSA PRIVATE KEY-----{MASK}-----END RSA PRIVATE KEY-----"),
        ("a Slack webhook", f"posted to https://hooks.slack.com/services/{MASK} at noon"),
        ("of an address thrice encoded", f"/login?next=%25252Fcb%25253Ftoken%25253D{MASK}%252526x%25253D1"),
    ],
)
def test_only_the_value_is_masked(kind, readable):
    assert cleanse(TEXTS[kind]) == readable
