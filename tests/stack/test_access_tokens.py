"""Access tokens on the deployed stack: the tokens layer, the authorizer's role, an issuer over HTTP."""

import time

from local.stack import LocalStack
from tests.token_issuer import Issuer, signing_key


def test_a_token_is_taken_from_the_authorizer_to_the_route(stack: LocalStack, issuer: Issuer) -> None:
    for kid in ("RS256-1", "ES256-1", "EdDSA-1"):
        grace = stack.api(issuer.token(kid, preferred_username="grace", groups=["auditors"]))

        assert grace.ask("GET", "/events").status_code == 200
        assert grace.ask("GET", "/notifications").json()["user"] == "grace"
        assert grace.ask("GET", "/blueprint").status_code == 403


def test_a_person_sees_their_own_notifications_only(stack: LocalStack, issuer: Issuer) -> None:
    hiro = stack.api(issuer.token(preferred_username="hiro", groups=["developers"]))

    asked = [hiro.ask("GET", path).status_code for path in ("/notifications", "/notifications?user=ana", "/events")]

    assert asked == [200, 403, 403]


def test_a_bad_token_is_told_why(stack: LocalStack, issuer: Issuer) -> None:
    tokens = {
        "this access token has expired": issuer.token(exp=int(time.time()) - 5),
        "this access token is for another audience": issuer.token(aud="another"),
        "the signature of this access token does not hold": issuer.token(key=signing_key("RS256", 1)),
        "the user of this access token is not active": issuer.token(preferred_username="ivy"),
    }

    answers = {reason: stack.api(token).ask("GET", "/events") for reason, token in tokens.items()}

    for reason, answer in answers.items():
        assert (answer.status_code, answer.json()["detail"]) == (401, reason)
