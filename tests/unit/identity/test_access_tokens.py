"""Which access tokens are taken, and why others are not: signature, claims, kind."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from tests.token_issuer import AUDIENCE, LOCAL, Issuer, issuing, signing_key
from tocsin.identity.authenticator import Refused
from tocsin.identity.tokens import issuer as keys_of_issuer
from tocsin.identity.tokens.verifier import LEEWAY_SECONDS, TokenVerifier
from tocsin.types import JsonObject

ALGORITHMS = ("RS256", "ES256", "EdDSA")
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as up:
        yield up


@pytest.fixture(scope="module")
def check(issuer: Issuer) -> TokenVerifier:
    return TokenVerifier(keys_of_issuer.Issuer(issuer.url, LOCAL), [AUDIENCE, "console"])


def claims_of(check: TokenVerifier, token: str) -> JsonObject:
    return check.check(token, datetime.now(UTC))[0]


def why_refused(check: TokenVerifier, token: str) -> str:
    with pytest.raises(Refused) as refused:
        claims_of(check, token)
    return str(refused.value)


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_good_token_is_taken(issuer: Issuer, check: TokenVerifier, algorithm: str) -> None:
    claims = claims_of(check, issuer.token(f"{algorithm}-1"))

    assert (claims["sub"], claims["groups"]) == ("5f2c1d", ["oncall"])


def test_a_token_ends_when_it_says_so(issuer: Issuer, check: TokenVerifier) -> None:
    end = int(time.time()) + 77

    assert check.check(issuer.token(exp=end), datetime.now(UTC))[1] == end


def test_a_token_has_ended_at_the_second_that_it_names(issuer: Issuer, check: TokenVerifier) -> None:
    end = int(time.time()) + 77

    with pytest.raises(Refused, match="has expired"):
        check.check(issuer.token(exp=end), datetime.fromtimestamp(end, UTC))


def signed(claims: dict[str, Any], **header: Any) -> str:
    """A token with a good signature by EdDSA-1, and a header that PyJWT would not write."""
    signing_input = f"{part({'alg': 'EdDSA'} | header)}.{part(claims)}"
    return f"{signing_input}.{part(signing_key('EdDSA').sign(signing_input.encode()))}"


# ── laws ─────────────────────────────────────────────────────────────────────


@given(data=st.data(), algorithm=st.sampled_from(ALGORITHMS))
def test_a_token_with_one_character_changed_is_refused(
    issuer: Issuer, check: TokenVerifier, data: st.DataObject, algorithm: str
) -> None:
    token = issuer.token(f"{algorithm}-1")
    position = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from([each for each in _ALPHABET + "." if each != token[position]]))

    with pytest.raises(Refused):
        claims_of(check, token[:position] + other + token[position + 1 :])


@given(data=st.data(), algorithm=st.sampled_from(ALGORITHMS))
def test_a_token_cut_short_or_longer_is_refused(
    issuer: Issuer, check: TokenVerifier, data: st.DataObject, algorithm: str
) -> None:
    token = issuer.token(f"{algorithm}-1")
    end = data.draw(st.integers(0, len(token) - 1))
    more = data.draw(st.text(_ALPHABET + ".=", min_size=1, max_size=5))

    for tampered in (token[:end], token + more, more + token):
        with pytest.raises(Refused):
            claims_of(check, tampered)


@given(name=st.sampled_from(["sub", "groups", "preferred_username", "exp", "aud"]), value=st.text() | st.integers())
def test_claims_under_anothers_signature_are_refused(
    issuer: Issuer, check: TokenVerifier, name: str, value: str | int
) -> None:
    head, _, signature = issuer.token().split(".")

    with pytest.raises(Refused):
        claims_of(check, f"{head}.{part(issuer.claims() | {name: value})}.{signature}")


@given(st.text() | st.text(_ALPHABET + ".", max_size=200))
def test_what_is_no_token_is_refused(check: TokenVerifier, text: str) -> None:
    with pytest.raises(Refused):
        claims_of(check, text)


@pytest.mark.parametrize("parts", [(["alg"], {}), ({"alg": "EdDSA"}, ["sub"]), ("EdDSA", {}), ({}, None)])
def test_a_token_whose_parts_are_no_objects_is_refused_without_a_word_of_it(
    check: TokenVerifier, parts: tuple[Any, Any]
) -> None:
    assert why_refused(check, f"{part(parts[0])}.{part(parts[1])}.c2ln") == "this access token can't be read"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    name=st.sampled_from(["iss", "aud", "exp", "nbf", "iat", "sub", "token_use", "typ", "at_hash", "client_id"]),
    value=_JSON,
)
def test_a_claim_of_any_shape_is_taken_or_refused_and_breaks_nothing(
    issuer: Issuer, check: TokenVerifier, name: str, value: Any
) -> None:
    token = signed(issuer.claims() | {name: value}, kid="EdDSA-1")

    try:
        found = claims_of(check, token)
    except Refused:
        return
    assert found["iss"] == issuer.url
    assert found["aud"] == AUDIENCE or AUDIENCE in found["aud"] or "console" in found["aud"]


# ── signatures ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "HS512", "RS384", "PS256", "ES512", "", None, 5])
def test_no_other_algorithm_is_taken(issuer: Issuer, check: TokenVerifier, algorithm: Any) -> None:
    head, body, signature = issuer.token().split(".")
    head = part({"alg": algorithm, "kid": "RS256-1"})

    for tampered in (f"{head}.{body}.{signature}", f"{head}.{body}."):
        assert why_refused(check, tampered) == "access tokens must be signed with ES256, EdDSA, RS256"


def test_a_public_key_used_as_a_shared_secret_opens_nothing(issuer: Issuer, check: TokenVerifier) -> None:
    public = signing_key("RS256").public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    signing_input = f"{part({'alg': 'HS256', 'kid': 'RS256-1'})}.{part(issuer.claims())}"

    signature = hmac.digest(pem, signing_input.encode(), hashlib.sha256)

    assert "must be signed with" in why_refused(check, f"{signing_input}.{part(signature)}")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_another_key_of_the_same_kind_does_not_do(issuer: Issuer, check: TokenVerifier, algorithm: str) -> None:
    token = issuer.token(f"{algorithm}-1", key=signing_key(algorithm, 1))

    assert why_refused(check, token) == "the signature of this access token does not hold"


def test_a_key_is_for_its_own_algorithm_alone(issuer: Issuer, check: TokenVerifier) -> None:
    token = issuer.token("ES256-1", headers={"kid": "RS256-1"})

    assert "its issuer does not publish" in why_refused(check, token)


def test_a_key_that_a_token_brings_along_is_not_looked_at(issuer: Issuer, check: TokenVerifier) -> None:
    mine = signing_key("EdDSA", 1)
    jwk = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(mine.public_key()))

    token = issuer.token("EdDSA-1", key=mine, headers={"jwk": jwk, "jku": "https://evil.example.com/"})

    assert why_refused(check, token) == "the signature of this access token does not hold"


@pytest.mark.parametrize(
    "headers", [{"crit": ["b64"], "b64": True}, {"crit": ["exp"]}, {"b64": False}, {"b64": True}, {"crit": 5}]
)
def test_extensions_of_the_signature_are_refused(issuer: Issuer, check: TokenVerifier, headers: dict[str, Any]) -> None:
    assert why_refused(check, signed(issuer.claims(), kid="EdDSA-1", **headers)) == "this access token can't be read"


def test_a_token_without_a_keys_id_is_checked_with_the_only_key(issuer: Issuer, check: TokenVerifier) -> None:
    assert claims_of(check, signed(issuer.claims()))["sub"] == "5f2c1d"


@pytest.mark.parametrize("kid", [5, ["EdDSA-1"], {}, True], ids=str)
def test_an_id_of_a_key_that_is_no_text_is_refused(issuer: Issuer, check: TokenVerifier, kid: Any) -> None:
    assert why_refused(check, signed(issuer.claims(), kid=kid)) == "this access token can't be read"


def test_a_header_as_deep_as_a_token_can_be_is_refused(check: TokenVerifier) -> None:
    deep = b"[" * 5_000 + b"]" * 5_000

    for token in (f"{part(deep)}.{part({})}.x", f"{part({'alg': 'RS256'})}.{part(deep)}.x"):
        assert why_refused(check, token) == "this access token can't be read"


# ── claims ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": 1}, "this access token has expired"),
        ({"exp": None}, "this access token lacks the claim exp"),
        ({"exp": True}, "this access token has expired"),
        ({"exp": "soon"}, "this access token can't be read"),
        ({"exp": "99999999999"}, "this access token can't be read"),
        ({"aud": "https://other.example.com"}, "this access token is for another audience"),
        ({"aud": ["a", "b"]}, "this access token is for another audience"),
        ({"aud": AUDIENCE + "/"}, "this access token is for another audience"),
        ({"aud": [AUDIENCE, 5]}, "this access token is for another audience"),
        ({"aud": None}, "this access token lacks the claim aud"),
        ({"aud": []}, "this access token lacks the claim aud"),
        ({"iss": "https://evil.example.com"}, "this access token comes from another issuer"),
        ({"iss": None}, "this access token comes from another issuer"),
        ({"sub": None}, "this access token lacks the claim sub"),
        ({"sub": ""}, "the claim sub of this access token must have 1 to 255 characters"),
        ({"sub": "x" * 256}, "the claim sub of this access token must have 1 to 255 characters"),
        ({"nbf": 4_000_000_000}, "this access token is not in force yet"),
        ({"iat": 4_000_000_000}, "this access token is not in force yet"),
        ({"cnf": {"jkt": "x"}}, "this access token is bound to a key of its holder, which can't be checked here"),
        ({"token_use": "id"}, "this is not an access token"),
        ({"typ": "ID"}, "this is not an access token"),
        ({"typ": "Refresh"}, "this is not an access token"),
        ({"at_hash": "x"}, "this is not an access token"),
        ({"c_hash": "x"}, "this is not an access token"),
    ],
    ids=str,
)
def test_a_token_is_refused_for_what_it_says(
    issuer: Issuer, check: TokenVerifier, claims: dict[str, Any], reason: str
) -> None:
    assert why_refused(check, issuer.token(**claims)) == reason


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["other", AUDIENCE]},
        {"aud": "console"},
        {"nbf": 1_600_000_000},
        {"exp": 4_000_000_000.5},
        {"exp": 10**20},
        {"typ": "Bearer"},
        {"token_use": "access"},
        {"sub": "x" * 255},
        {"sub": "x"},
    ],
    ids=lambda claims: str(claims)[:40],
)
def test_a_token_is_taken_with_what_it_says(issuer: Issuer, check: TokenVerifier, claims: dict[str, Any]) -> None:
    taken = claims_of(check, issuer.token(**claims))

    assert taken == taken | claims


@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_the_issuers_clock_may_be_a_little_ahead(issuer: Issuer, check: TokenVerifier, claim: str) -> None:
    soon: dict[str, Any] = {claim: time.time() + LEEWAY_SECONDS - 5}

    assert claims_of(check, issuer.token(**soon))


def test_an_end_has_no_leeway(issuer: Issuer, check: TokenVerifier) -> None:
    assert why_refused(check, issuer.token(exp=int(time.time()) - 1)) == "this access token has expired"


@pytest.mark.parametrize("kind", ["at+jwt", "application/at+jwt", "AT+JWT", "JWT", None])
def test_the_kinds_that_access_tokens_say_they_are_are_taken(issuer: Issuer, check: TokenVerifier, kind: Any) -> None:
    assert claims_of(check, issuer.token(headers={"typ": kind}))


@pytest.mark.parametrize("kind", ["logout+jwt", "secevent+jwt", "dpop+jwt", "id_token+jwt", ""])
def test_another_kind_of_token_is_refused(issuer: Issuer, check: TokenVerifier, kind: str) -> None:
    _, body, signature = issuer.token().split(".")

    token = f"{part({'alg': 'RS256', 'kid': 'RS256-1', 'typ': kind})}.{body}.{signature}"

    assert why_refused(check, token) == "this is not an access token"


def test_cognitos_token_is_for_the_client_that_it_names(issuer: Issuer, check: TokenVerifier) -> None:
    ours = issuer.token(aud=None, token_use="access", client_id="console")
    anothers = issuer.token(aud=None, token_use="access", client_id="other")
    an_id_token = issuer.token(aud=None, token_use="id", client_id="console")

    assert claims_of(check, ours)["client_id"] == "console"
    assert why_refused(check, anothers) == "this access token lacks the claim aud"
    assert why_refused(check, an_id_token) == "this access token lacks the claim aud"


def test_an_audience_that_is_null_is_none(issuer: Issuer, check: TokenVerifier) -> None:
    claims = issuer.claims(token_use="access", client_id="console") | {"aud": None}

    assert why_refused(check, signed(claims, kid="EdDSA-1")) == "this access token lacks the claim aud"


def test_a_client_does_not_stand_in_for_a_wrong_audience(issuer: Issuer, check: TokenVerifier) -> None:
    token = issuer.token(aud="other", token_use="access", client_id="console")

    assert why_refused(check, token) == "this access token is for another audience"


def test_no_reason_holds_a_part_of_the_token(issuer: Issuer, check: TokenVerifier) -> None:
    for token in (issuer.token(aud="xyzzy"), issuer.token(iss="xyzzy"), issuer.token()[:-9] + "xyzzyxyzz"):
        assert "xyzzy" not in why_refused(check, token)


def test_a_check_without_an_audience_is_not_made() -> None:
    with pytest.raises(ValueError, match="no audience"):
        TokenVerifier(keys_of_issuer.Issuer("https://issuer.example.com", LOCAL), [])
