"""Secrets in answers, however the endpoint spells what it repeats."""

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest

from tocsin.events.redact import MASK
from tocsin.notifications.http_outcome import masked, secrets_in

SECRETS = ["abc/def+ghiJKL==", 'pa"ss\\w0rd', "geheim-üñïcödé", "<tok&en>'x", "100%-of it", "plainTOKEN123456"]

SPELLINGS = {
    "as it is": str,
    "JSON": json.dumps,
    "JSON of PHP": lambda text: json.dumps(text).replace("/", "\\/"),
    "JSON for pages": lambda text: (
        json.dumps(text).replace("<", "\\u003c").replace("&", "\\u0026").replace("+", "\\u002B").replace("'", "\\u0027")
    ),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "JSON in a page": lambda text: html.escape(json.dumps(text)),
    "a page": html.escape,
    "a page by numbers": lambda text: "".join(each if each.isalnum() else f"&#{ord(each):03};" for each in text),
    "a page by hexadecimal numbers": lambda text: "".join(
        each if each.isalnum() else f"&#x{ord(each):X};" for each in text
    ),
    "an address": lambda text: quote(text, safe=""),
    "an address in small letters": lambda text: (
        quote(text, safe="").lower() if text.islower() else quote(text, safe="")
    ),
    "a form": quote_plus,
    "an address in an address": lambda text: quote(quote(text, safe=""), safe=""),
    "Python": repr,
    "Latin-1": lambda text: text.encode().decode("latin-1"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_masked_however_it_is_spelled(secret: str, spelling: str) -> None:
    """The fault: an endpoint whose JSON has `\\/` for `/` showed the credential to whoever may read deliveries."""
    given = SPELLINGS[spelling](secret)

    shown = masked(f"Refused: {given}, before and after", secrets_in("https://example.com/", {"X-Key": secret}))

    assert MASK in shown
    assert given.strip("\"'") not in shown
    assert shown.startswith("Refused: ")
    assert shown.endswith(", before and after")


@pytest.mark.parametrize(
    ("repeated", "url", "headers"),
    [
        ("q/w==zzz", "https://example.com/in?sig=q%2Fw%3D%3Dzzz", {}),
        ("one two three", "https://example.com/in?key=one+two%20three", {}),
        (
            "hunter/2+x",
            "https://example.com/",
            {"Authorization": "Basic " + base64.b64encode(b"bob:hunter/2+x").decode()},
        ),
    ],
)
def test_what_a_receiver_decodes_before_it_repeats_it_is_masked(
    repeated: str, url: str, headers: dict[str, str]
) -> None:
    assert masked(f"no: {repeated}!", secrets_in(url, headers)) == f"no: {MASK}!"


@pytest.mark.parametrize("credentials", ["?", "hunter2+x", "hunter2+x===="])
def test_credentials_that_are_no_basic_ones_are_masked_as_they_are(credentials: str) -> None:
    used = secrets_in("https://example.com/", {"Authorization": f"Basic {credentials}"})

    assert masked(f"no: Basic {credentials}!", used) == f"no: {MASK}!"


def test_what_is_no_secret_stays() -> None:
    used = secrets_in("https://example.com/api/v1/hooks?sig=q%2Fw%3D%3Dzzz", {"Authorization": "Basic ?"})

    assert masked("no such hook; see /docs/hooks, q w zzz", used) == "no such hook; see /docs/hooks, q w zzz"
