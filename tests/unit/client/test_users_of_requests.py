"""Whose event it is: the user that a framework or an authorizer has found, and who acts for whom."""

import pytest
from starlette.authentication import SimpleUser, UnauthenticatedUser

from tests.unit.client.made_requests import READING, environ, scope
from tocsin_client import Event
from tocsin_client.http_request import read
from tocsin_client.users import as_user


# People
class DjangoLike:
    pk = 7
    email = "old@example.com"
    contact = "alice@example.com"
    is_anonymous = False

    def get_username(self):
        return "alice"

    @classmethod
    def get_email_field_name(cls):
        return "contact"


class FlaskLoginLike:
    is_authenticated = True
    is_anonymous = False
    name = "alice"

    def get_id(self):
        return "7"


class Inactive(FlaskLoginLike):
    is_authenticated = False


class Anonymous:
    is_anonymous = True
    pk = None
    username = ""


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        (None, {}),
        ("", {}),
        ("alice", {"username": "alice"}),
        (DjangoLike(), {"pk": 7, "username": "alice", "email": "alice@example.com"}),
        (FlaskLoginLike(), {"pk": "7", "username": "alice"}),
        (Inactive(), {"pk": "7", "username": "alice"}),
        (Anonymous(), {"is_anonymous": True}),
        (SimpleUser("alice"), {"username": "alice"}),
        (UnauthenticatedUser(), {"is_anonymous": True}),
        ({"pk": 0, "username": "root"}, {"pk": 0, "username": "root"}),
        ({"id": 7, "name": "alice", "password": "x"}, {"pk": 7, "username": "alice"}),
        (
            {"sub": "8f", "cognito:username": "alice", "email": "a@example.com"},
            {"pk": "8f", "username": "alice", "email": "a@example.com"},
        ),
        ({"username": "alice", "is_anonymous": False}, {"username": "alice"}),
        ({}, {}),
    ],
)
def test_a_user_is_told_alike_of_whatever_framework(user, expected):
    assert as_user(user) == expected


def test_a_request_is_by_the_user_that_its_framework_has_found():
    assert Event.new("x").from_http(environ() | {"REMOTE_USER": "alice"}).user == {"username": "alice"}
    assert Event.new("x").from_http(scope(user=SimpleUser("alice"))).user == {"username": "alice"}
    assert Event.new("x").from_http(scope(user=UnauthenticatedUser())).user == {"is_anonymous": True}


def test_a_user_that_is_said_takes_precedence():
    event = Event.new("x").from_http(environ() | {"REMOTE_USER": "alice"}, {"username": "bob"})

    assert event.user == {"username": "bob"}


def test_a_request_by_nobody_leaves_the_user_that_was_set():
    assert Event.new("x").set_user("alice").from_http(environ()).user == {"username": "alice"}


@pytest.mark.parametrize(
    ("authorizer", "identity", "expected"),
    [
        ({"jwt": {"claims": {"sub": "8f", "username": "alice"}}}, {}, {"pk": "8f", "username": "alice"}),
        ({"claims": {"sub": "8f", "cognito:username": "alice"}}, {}, {"pk": "8f", "username": "alice"}),
        ({"iam": {"userArn": "arn:aws:iam::1:user/alice"}}, {}, {"username": "arn:aws:iam::1:user/alice"}),
        ({}, {"userArn": "arn:aws:iam::1:user/alice"}, {"username": "arn:aws:iam::1:user/alice"}),
        ({"principalId": "alice"}, {}, {"username": "alice"}),
        ({}, {}, {}),
        (None, None, {}),
    ],
)
def test_a_lambda_event_is_by_whoever_the_authorizer_has_found(authorizer, identity, expected):
    context = {"http": {"method": "GET"}, "authorizer": authorizer, "identity": identity}

    event = Event.new("x").from_http({"version": "2.0", "rawPath": "/", "requestContext": context})

    assert event.user == expected


def test_an_impersonator_is_the_user_and_acts_on_behalf_of_the_other():
    request = read(environ() | {"REMOTE_USER": "bob"}, READING)
    request.impersonator = {"pk": 1, "username": "admin"}

    event = Event.new("x").from_http(request)

    assert event.user == {"pk": 1, "username": "admin", "on_behalf_of": {"username": "bob"}}


@pytest.mark.parametrize(
    ("signed_in", "pending", "expected"),
    [
        (
            {"pk": 1, "username": "admin"},
            {"pk": 2, "username": "bob"},
            {"pk": 2, "username": "bob", "authenticated_as": {"pk": 1, "username": "admin"}},
        ),
        ({"pk": 1, "username": "admin"}, {"pk": 1, "username": "admin"}, {"pk": 1, "username": "admin"}),
        (
            {"pk": 1, "username": "admin"},
            {"username": "newcomer"},
            {"username": "newcomer", "authenticated_as": {"pk": 1, "username": "admin"}},
        ),
        (Anonymous(), {"pk": 2}, {"pk": 2, "authenticated_as": {"is_anonymous": True}}),
    ],
)
def test_a_user_who_is_pending_in_a_flow_is_told_with_who_is_signed_in(signed_in, pending, expected):
    request = read(environ(), READING)
    request.user, request.pending_user = signed_in, pending

    assert Event.new("x").from_http(request).user == expected
