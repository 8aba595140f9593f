"""Whose events an erasure is about."""

from typing import Any

import pytest
from pydantic import ValidationError

from tocsin.events.model import Event
from tocsin.ids import new_id
from tocsin.jobs.erasure import ErasureRequest
from tocsin.models import validated

ALICE = {"username": "alice", "pk": 7, "email": "Alice@Example.com"}
BOB = {"username": "bob", "pk": 8, "email": "bob@example.com"}


def event(user: dict[str, Any], **context: Any) -> Event:
    return Event(new_id(), "login", "shop", user, context, None, "default", None)


@pytest.mark.parametrize(
    "asked", [{"username": "alice"}, {"pk": 7}, {"pk": "7"}, {"email": "alice@example.com"}], ids=str
)
@pytest.mark.parametrize(
    "about",
    [
        event(ALICE),
        event(BOB | {"on_behalf_of": ALICE}),
        event(BOB | {"authenticated_as": ALICE}),
    ],
    ids=["user", "on_behalf_of", "authenticated_as"],
)
def test_a_persons_events_are_those_of_which_they_are_the_user(asked: dict[str, Any], about: Event) -> None:
    assert ErasureRequest(**asked, reason="asked for it").is_about(about)


def test_a_persons_key_that_is_a_uuid_is_theirs_however_it_is_spelled() -> None:
    """A search for the key found the events, and the erasure left them."""
    key = "0b4ad6a9-3a3f-4d4c-9e5b-6a1f0c2d3e4f"

    assert ErasureRequest(pk=key, reason="-").is_about(event({"pk": key.replace("-", "").upper()}))
    assert not ErasureRequest(pk=key, reason="-").is_about(event({"pk": key.replace("0", "1")}))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("anna@b\u00fccher.example", "anna@xn--bcher-kva.example"),
        ("anna@xn--bcher-kva.example", "Anna@B\u00dcCHER.example"),
        ("anna@bu\u0308cher.example", "anna@b\u00fccher.example"),
        ("ren\u00e9@example.com", "rene\u0301@example.com"),
        ("anna@example.com", " anna@example.com\n"),
        (" ren\u00e9@example.com", "ren\u00e9@example.com"),
    ],
)
def test_an_address_is_the_persons_however_it_is_spelled(asked: str, said: str) -> None:
    """The fault: mail reaches both alike, and the erasure left the events of the other spelling."""
    assert ErasureRequest(email=asked, reason="-").is_about(event({"email": said}))
    assert not ErasureRequest(email=asked, reason="-").is_about(event({"email": said.replace("n", "m")}))


def test_who_fails_to_sign_in_is_named_by_the_context() -> None:
    assert ErasureRequest(username="alice", reason="-").is_about(event({}, username="alice"))


@pytest.mark.parametrize(
    "asked",
    [
        {"username": "ali"},
        {"username": "ALICE"},
        {"pk": 70},
        {"email": "alice@example.co"},
        {"username": "bob", "pk": 9},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "about", [event(ALICE), event(ALICE | {"pk": True}), event({"username": "x", "pk": None}, by="bob")]
)
def test_others_events_are_not(asked: dict[str, Any], about: Event) -> None:
    assert not ErasureRequest(**asked, reason="-").is_about(about)


@pytest.mark.parametrize("about", [event({"username": 7, "pk": [7], "email": None}), event({"on_behalf_of": "alice"})])
def test_what_is_no_person_is_nobodys(about: Event) -> None:
    assert not ErasureRequest(username="alice", pk=7, email="alice@example.com", reason="-").is_about(about)


@pytest.mark.parametrize("asked", [{"reason": "-"}, {"username": "alice"}, {"username": "", "reason": "-"}], ids=str)
def test_a_person_and_a_reason_are_needed(asked: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        validated(ErasureRequest, asked)
