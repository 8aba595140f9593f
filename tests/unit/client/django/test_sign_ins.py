"""Who signed in, out or failed to, and whose passwords were set, as Django's signals tell it."""

import pytest
from django.contrib.auth import authenticate, user_login_failed
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client as Browser
from django.test import RequestFactory, override_settings

from tests.unit.client.django.audited import ALICE
from tocsin_client.django import audit_ignore
from tocsin_client.django.middleware import AuditMiddleware


def test_a_sign_in_and_out_are_told(events, alice):
    browser = Browser(REMOTE_ADDR="10.0.0.9", HTTP_X_FORWARDED_FOR="203.0.113.7")

    browser.get("/login/?username=alice&password=secret")
    browser.get("/logout/")

    login_, logout = events()
    assert [login_["action"], logout["action"]] == ["login", "logout"]
    assert login_["user"] == logout["user"] == {"pk": alice.pk, **ALICE}
    assert login_["client_ip"] == "203.0.113.7"
    assert login_["context"]["auth_method"] == "django.contrib.auth.backends.ModelBackend"


def test_a_sign_in_that_failed_is_told_without_the_password(api, events, alice):
    authenticate(username="alice", password="hunter2")

    (event,) = events()
    assert (event["action"], event["user"]) == ("login_failed", {"username": "alice"})
    assert not any(b"hunter2" in request.body for request in api.requests)


@pytest.mark.parametrize(
    ("tried", "told"),
    [
        (4711, "4711"),
        (True, "true"),
        ({"$ne": None}, '{"$ne": null}'),
        (["alice"], '["alice"]'),
        ("a" * 256, "a" * 256),
        ("a" * 257, "a" * 228 + "… [cut: 29 more characters]"),
    ],
)
def test_whatever_was_tried_as_a_name_is_told(api, events, tried, told):
    """The fault: the API refused the event, so that whoever tried a name that is none was not in the log."""
    user_login_failed.send(sender=__name__, credentials={"username": tried, "password": "x"}, request=None)

    assert [(event["action"], event["user"]) for event in events()] == [("login_failed", {"username": told})]


def test_a_sign_in_that_failed_of_nobody_known_is_told(events):
    user_login_failed.send(sender=__name__, credentials={}, request=None)

    (event,) = events()
    assert (event["action"], event["user"]) == ("login_failed", {})


def test_a_password_that_is_set_is_told(events, alice):
    alice.set_password("another")
    alice.save()

    (event,) = events("password_set")
    (updated,) = events("model_updated")
    assert event["user"] == {"pk": alice.pk, **ALICE}
    assert event["context"]["model"]["name"] == "alice"
    assert updated["context"]["diff"] == {"password": "*" * 20}


def test_a_password_that_is_not_saved_is_not_set(events, alice):
    """The fault: any save of the user after `set_password` was told as one of the password."""
    alice.set_password("another")
    alice.first_name = "Alice"
    alice.save(update_fields=["first_name"])

    assert [event["action"] for event in events()] == ["model_updated"]


def test_a_password_that_somebody_sets_for_another_is_told_with_who_did(events, alice):
    with audit_ignore():
        admin = User.objects.create_user("admin", "", "secret")

    def set_password(request):
        alice.set_password("another")
        alice.save()
        return HttpResponse()

    request = RequestFactory().get("/")
    request.user = admin
    AuditMiddleware(set_password)(request)

    (event,) = events("password_set")
    assert event["user"]["username"] == "alice"
    assert event["context"]["by"] == {"pk": admin.pk, "username": "admin"}


def test_a_password_that_a_login_hashes_anew_is_not_set(events, alice):
    """Django does so when its hasher has changed."""
    with override_settings(
        PASSWORD_HASHERS=[
            "django.contrib.auth.hashers.PBKDF2PasswordHasher",
            "django.contrib.auth.hashers.MD5PasswordHasher",
        ]
    ):
        assert alice.check_password("secret")

    assert alice.password.startswith("pbkdf2")
    assert events("password_set") == []
