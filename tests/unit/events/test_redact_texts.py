"""Credentials inside of texts: addresses, parameters, headers and tokens."""

import pytest

from tocsin.events.redact import MASK, Secrets, cleanse


def readable(text: str) -> str:
    """The cleansed text, with a short sign for the mask."""
    return str(cleanse(text)).replace(MASK, "***")


# Addresses
@pytest.mark.parametrize(
    ("text", "cleansed"),
    [
        ("https://alice:s3cret@shop.example/x", "https://alice:***@shop.example/x"),
        ("postgres://app:p@ss@db:5432/shop", "postgres://app:***@db:5432/shop"),
        ("redis://:s3cret@cache/0", "redis://:***@cache/0"),
        ("cloned https://ghp_abc@github.com/x.git", "cloned https://***@github.com/x.git"),
        ("https://sk_live_1:@api.stripe.com/v1", "https://***:@api.stripe.com/v1"),
        ("https://ghp_abc:x-oauth-basic@github.com", "https://***:***@github.com"),
        ("from amqp://a:b@one to amqp://c:d@two", "from amqp://a:***@one to amqp://c:***@two"),
    ],
)
def test_the_credentials_in_an_address_are_masked(text, cleansed):
    assert readable(text) == cleansed


@pytest.mark.parametrize(
    "text",
    [
        "https://shop.example/users/@alice",
        "https://shop.example/?mail=alice@example.org",
        "see https://shop.example, or write to alice@example.org",
        "ssh://git@github.com/x.git",
        "postgresql://app@db/shop",
        "alice@example.org",
    ],
)
def test_an_address_without_credentials_stays_readable(text):
    assert cleanse(text) == text


@pytest.mark.parametrize(
    ("text", "cleansed"),
    [
        ("https://h/cb?token=abc&x=1", "https://h/cb?token=***&x=1"),
        ("https://h/cb?x=1&api_key=abc", "https://h/cb?x=1&api_key=***"),
        ("https://h/cb#access_token=abc&state=1", "https://h/cb#access_token=***&state=1"),
        ("GET /cb?apiKey=abc HTTP/1.1", "GET /cb?apiKey=*** HTTP/1.1"),
        ("password=hunter2&user=bob", "password=***&user=bob"),
        ("?a=1;token=x", "?a=1;token=***"),
        ("?token=x;y?z", "?token=***"),
        ("?next=/cb?token=x&y=1", "?next=/cb?token=***&y=1"),
        ("?api%5Fkey=abc", "?api%5Fkey=***"),
        ("?user[password]=abc", "?user[password]=***"),
        ("<a href='/x?token=abc'>", "<a href='/x?token=***'>"),
        ("/login?next=%2Fcb%3Ftoken%3Dabc%26x%3D1", "/login?next=%2Fcb%3Ftoken%3D***%26x%3D1"),
        (
            "https://b.example/o?X-Amz-Credential=A&X-Amz-Date=1",
            "https://b.example/o?X-Amz-Credential=***&X-Amz-Date=1",
        ),
    ],
)
def test_parameters_with_a_secret_name_are_masked(text, cleansed):
    assert readable(text) == cleansed


@pytest.mark.parametrize("text", ["https://h/?q=token&page=2", "a=b", "1 + 1 = 2", "?token=&x=1", "if key == token"])
def test_other_parameters_stay_readable(text):
    assert cleanse(text) == text


def test_the_settings_are_asked_for_parameters():
    secrets = Secrets(extra=frozenset({"ssn"}), exempt=frozenset({"key"}))

    assert cleanse("/f?key=file.txt&ssn=1", secrets) == f"/f?key=file.txt&ssn={MASK}"


# Authorization
@pytest.mark.parametrize(
    ("text", "cleansed"),
    [
        ("Authorization: Bearer abc", "Authorization: Bearer ***"),
        ("authorization: Basic dXNlcjpwYXNz", "authorization: Basic ***"),
        ("Authorization:s3cret", "Authorization:***"),
        ("Authorization: a b c", "Authorization: ***"),
        ("Proxy-Authorization: Token abc\r\nHost: h", "Proxy-Authorization: Token ***\r\nHost: h"),
        ('Authorization: Digest username="a", response="f00"', "Authorization: Digest ***"),
        ("Authorization: AWS4-HMAC-SHA256 Credential=A, Signature=f00", "Authorization: AWS4-HMAC-SHA256 ***"),
        ("curl -H 'Authorization: Bearer abc' https://h/", "curl -H 'Authorization: Bearer ***' https://h/"),
        ('{"Authorization": "Bearer abc", "x": 1}', '{"Authorization": "Bearer ***", "x": 1}'),
        ('{"Authorization": "Digest u=\\"a\\"", "x": 1}', '{"Authorization": "Digest ***", "x": 1}'),
        (r"{\"Authorization\":\"Bearer abc\",\"x\":1}", r"{\"Authorization\":\"Bearer ***\",\"x\":1}"),
        ("{'Authorization': 'Basic abc'}", "{'Authorization': 'Basic ***'}"),
    ],
)
def test_the_value_of_an_authorization_header_is_masked(text, cleansed):
    assert readable(text) == cleansed


@pytest.mark.parametrize(
    ("text", "cleansed"),
    [
        ("Bearer secret", "Bearer ***"),
        ("sent Bearer abc123 to the server", "sent Bearer *** to the server"),
        ("BEARER\tabc.def-ghi", "BEARER\t***"),
        ("Bearer Bearer abc123", "Bearer Bearer ***"),
        ("Basic dXNlcjpwYXNz", "Basic ***"),
        ("tried Basic dXNlcjpwYXNz twice", "tried Basic *** twice"),
    ],
)
def test_credentials_behind_their_scheme_are_masked_without_the_header(text, cleansed):
    assert readable(text) == cleansed


@pytest.mark.parametrize(
    "text",
    [
        "Basic plan",
        "Bearer token",
        "a bearer token was refused",
        "basic authentication failed, use Bearer tokens.",
        'Bearer realm="shop"',
        "User bob is not authorized to perform: rds:DeleteDBInstance",
        "Updated the basic settings of shop-1",
    ],
)
def test_prose_about_schemes_stays_readable(text):
    assert cleanse(text) == text


# JSON Web Tokens
@pytest.mark.parametrize(
    ("text", "cleansed"),
    [
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_1", "***"),
        ("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc, kept", "got ***, kept"),
        ("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "***"),
        ("eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn", "***"),
        ("v1.eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "v1.***"),
        ("jwt-eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "jwt-***"),
    ],
)
def test_a_json_web_token_is_masked_wherever_it_stands(text, cleansed):
    assert readable(text) == cleansed


@pytest.mark.parametrize("text", ["s3.amazonaws.com", "a.b.c.d", "eyJhbGciOiJIUzI1NiJ9", "1.2.3", "heyJude"])
def test_other_dotted_names_stay_readable(text):
    assert cleanse(text) == text
