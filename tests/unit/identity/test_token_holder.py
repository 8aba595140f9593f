"""Whoever holds a token, by its claims."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from tests.token_issuer import AUDIENCE
from tocsin.identity.tokens.claims import Holder
from tocsin.types import Json, JsonObject

CLAIMS: JsonObject = {"iss": "https://issuer.example.com/", "aud": AUDIENCE, "sub": "5f2c1d"}


def holder(**claims: Json) -> Holder:
    return Holder.of(CLAIMS | claims, username_claim="preferred_username", groups_claim="groups")


def test_a_holders_id_is_the_same_from_release_to_release() -> None:
    """Events of years say who changed what by it."""
    digest = hashlib.sha256(b"https://issuer.example.com/\n5f2c1d").hexdigest()

    assert holder().id == holder(preferred_username="alice").id == f"oidc-{digest[:16]}"


def test_a_holder_is_shown_without_what_a_keys_name_can_not_have() -> None:
    assert holder(sub="auth0|5f/2c").name == "oidc:auth0_5f_2c"
    assert holder(preferred_username="zoë@example.com").name == "oidc:zo_@example.com"


@given(st.text(min_size=1))
def test_whatever_the_subject_a_holders_name_is_as_short_as_a_keys(sub: str) -> None:
    name = holder(sub=sub).name

    assert len(name) == len("oidc:") + min(len(sub), 90)
