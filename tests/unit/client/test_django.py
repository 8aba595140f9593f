"""The Django app: what its signals make of sign-ins and models, in this process."""

import logging
import os
import threading
from types import SimpleNamespace

import pytest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.client_apps.django_site.settings")

import django

django.setup()

# ruff: noqa: E402 - what follows needs what was set up
from django.contrib.auth import authenticate, user_login_failed
from django.contrib.auth.models import AnonymousUser, Group, User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import F
from django.http import HttpResponse
from django.test import Client as Browser
from django.test import RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext

from tests.client_apps.django_site.models import Draft, Note, Tag
from tocsin_client import Event, configuration
from tocsin_client.django import audit_ignore, audit_overwrite_user
from tocsin_client.django.middleware import AuditMiddleware, current_request


@pytest.fixture(scope="module")
def tables():
    """The site's tables, in memory."""
    with audit_ignore():
        call_command("migrate", verbosity=0, run_syncdb=True)


@pytest.fixture
def events(api, make, monkeypatch, tables):
    """The events that the API has of a test, once what was saved is there; the tables are empty before."""
    monkeypatch.setattr(configuration, "current", configuration._Configuration())
    with audit_ignore():
        for model in (Note, Tag, Draft, Group, User, Session):
            model.objects.all().delete()
    client = configuration.configure(client=make(), trusted_proxies=1)

    def stored(action=None):
        assert client.flush(timeout=20)
        told = [event.to_json() for event in api.stored.values()]
        return [event for event in told if action in {None, event["action"]}]

    return stored


@pytest.fixture
def alice(events):
    with audit_ignore():
        return User.objects.create_user("alice", "alice@example.com", "secret")


ALICE = {"username": "alice", "email": "alice@example.com"}


def test_a_model_that_is_created_is_told(events):
    note = Note.objects.create(title="first")

    (event,) = events()
    assert (event["action"], event["app"], event["user"]) == ("model_created", "notes", {})
    assert event["context"] == {
        "model": {"app": "notes", "model_name": "note", "pk": note.pk, "name": "first"},
    }


def test_a_model_that_is_changed_is_told_with_what_changed(events, alice):
    note = Note.objects.create(title="first")

    note.title, note.stars, note.author, note.price, note.due = "second", 3, alice, "1.50", "2026-03-01"
    note.save()

    (event,) = events("model_updated")
    diff = event["context"]["diff"]
    assert diff.pop("changed").keys() == {"previous_value", "new_value"}
    assert diff == {
        "title": {"previous_value": "first", "new_value": "second"},
        "stars": {"previous_value": 0, "new_value": 3},
        "author": {"previous_value": None, "new_value": alice.pk},
        "price": {"previous_value": "0.00", "new_value": "1.50"},
        "due": {"previous_value": None, "new_value": "2026-03-01"},
    }


def test_what_was_in_the_database_is_what_it_was_changed_from(events):
    note = Note.objects.create(title="first", stars=1)
    Note.objects.filter(pk=note.pk).update(stars=5)

    note.stars = 6
    note.save()

    (event,) = events("model_updated")
    assert event["context"]["diff"]["stars"] == {"previous_value": 5, "new_value": 6}


def test_a_secret_is_masked_in_what_changed(api, events):
    note = Note.objects.create(title="first", api_key="hunter2")

    note.api_key = "hunter3"
    note.save()

    (event,) = events("model_updated")
    assert event["context"]["diff"]["api_key"] == "*" * 20
    assert not any(b"hunter" in request.body for request in api.requests)


def test_only_what_is_saved_is_told(events):
    note = Note.objects.create(title="first")

    note.title, note.stars = "second", 7
    note.save(update_fields=["stars"])

    (event,) = events("model_updated")
    assert event["context"]["diff"] == {"stars": {"previous_value": 0, "new_value": 7}}


@pytest.mark.parametrize("change", [{}, {"views": 1}, {"stars": "0", "price": "0"}])
def test_a_save_that_changes_nothing_of_note_makes_no_event(events, change):
    note = Note.objects.create(title="first")

    for name, value in change.items():
        setattr(note, name, value)
    note.save()

    assert events("model_updated") == []


def test_an_expression_is_told_as_what_came_of_it(events):
    note = Note.objects.create(title="first")

    note.stars = F("stars") + 1
    note.save()

    (event,) = events("model_updated")
    assert event["context"]["diff"]["stars"] == {"previous_value": 0, "new_value": 1}


def test_a_model_that_is_deleted_is_told(events):
    note = Note.objects.create(title="first")
    pk = note.pk

    Note.objects.all().delete()

    (event,) = events("model_deleted")
    assert event["context"]["model"] == {"app": "notes", "model_name": "note", "pk": pk, "name": "first"}


def test_what_goes_with_it_is_told_too(events, alice):
    Note.objects.create(title="first", author=alice)

    alice.delete()

    assert sorted(event["context"]["model"]["model_name"] for event in events("model_deleted")) == ["note", "user"]


def test_relations_to_many_are_told(events):
    note, red, blue = (
        Note.objects.create(title="first"),
        Tag.objects.create(name="red"),
        Tag.objects.create(name="blue"),
    )
    tag = {"app": "notes", "model_name": "tag"}

    note.tags.add(red, blue)
    note.tags.add(red)
    note.tags.remove(blue)
    note.tags.clear()
    note.tags.clear()
    blue.notes.add(note)

    updated = events("model_updated")
    assert [event["context"]["diff"] for event in updated] == [
        {"tags": {"added": sorted([red.pk, blue.pk]), "model": tag}},
        {"tags": {"removed": [blue.pk], "model": tag}},
        {"tags": {"removed": [red.pk], "model": tag}},
        {"notes": {"added": [note.pk], "model": {"app": "notes", "model_name": "note"}}},
    ]
    assert updated[-1]["context"]["model"]["name"] == "blue"


def test_what_is_rolled_back_has_not_happened(events):
    with pytest.raises(RuntimeError), transaction.atomic():
        Note.objects.create(title="first")
        raise RuntimeError("no")

    assert events() == []


def test_an_event_is_sent_once_its_transaction_is_committed(events):
    with transaction.atomic():
        note = Note.objects.create(title="first")
        assert events() == []
        with audit_overwrite_user("job"):
            note.title = "second"
            note.save()

    created, updated = events()
    assert (created["action"], updated["action"], updated["user"]) == (
        "model_created",
        "model_updated",
        {"username": "job"},
    )
    assert created["created"] <= updated["created"]


def test_ignored_models_make_no_events_and_are_deleted_as_before(events):
    Draft.objects.create(title="x")
    session = SessionStore()
    session["a"] = 1
    session.save()

    with CaptureQueriesContext(connection) as queries:
        Session.objects.all().delete()

    assert events() == []
    assert "SELECT" not in {query["sql"].split()[0] for query in queries}


def test_a_block_makes_no_events_of_models(events):
    with audit_ignore():
        note = Note.objects.create(title="first")
        note.tags.add(Tag.objects.create(name="red"))
        note.delete()

    @audit_ignore()
    def quietly():
        Note.objects.create(title="second")

    quietly()

    assert events() == []


def test_a_change_costs_one_query_more(events):
    note = Note.objects.create(title="first")

    with CaptureQueriesContext(connection) as queries:
        note.stars = 1
        note.save()

    assert [query["sql"].split()[0] for query in queries] == ["SELECT", "UPDATE"]


def test_a_model_in_a_context_is_told_as_which_it_is(events):
    """An object of a class that says no more was its address; of one that does, a name that nothing can be found by."""
    with audit_ignore():
        note, red = Note.objects.create(title="first"), Tag.objects.create(name="red")
        note.tags.add(red)
    told = {"app": "notes", "model_name": "note", "pk": note.pk, "name": "first"}
    tag = {"app": "notes", "model_name": "tag", "pk": red.pk, "name": "red"}

    Event.new(
        "x", note=note, deeper={"notes": [note, 1]}, pair=(note, "a"), tags=note.tags.all(), plain={"a": [1]}
    ).save()

    (event,) = events()
    assert event["context"] == {
        "note": told,
        "deeper": {"notes": [told, 1]},
        "pair": [told, "a"],
        "tags": [tag],
        "plain": {"a": [1]},
    }


def test_a_model_whose_name_raises_is_told_without(events, monkeypatch):
    def broken(self):
        raise RuntimeError("no")

    monkeypatch.setattr(Note, "__str__", broken)

    Note.objects.create(title="first")

    (event,) = events()
    assert event["context"]["model"]["name"] == ""


# People


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


# Requests


def answered(view, **extra):
    """A view's answer with the middleware around it."""
    request = RequestFactory().get("/a?page=2", **extra)
    request.user = AnonymousUser()
    return AuditMiddleware(view)(request)


def test_events_of_a_request_and_its_response_have_one_id(events):
    def view(request):
        Event.new("inside").save()
        Note.objects.create(title="first")
        return HttpResponse()

    response = answered(view)

    inside, created = events()
    request_id = response["X-Request-ID"]
    assert len(request_id) == 32
    assert inside["context"] == {"http_request": {"request_id": request_id}}
    assert created["context"]["http_request"]["request_id"] == request_id
    assert created["context"]["http_request"]["args"] == {"page": "2"}
    assert created["user"] == {"is_anonymous": True}
    assert current_request() is None


def test_an_id_that_the_site_gives_its_requests_is_the_one(events):
    def view(request):
        request.seen = request.request_id
        Event.new("inside").save()
        return HttpResponse(request.request_id)

    request = RequestFactory().get("/")
    request.request_id = "own-1"

    response = AuditMiddleware(view)(request)

    assert response.content == b"own-1"
    assert response["X-Request-ID"] == "own-1"
    assert events()[0]["context"]["http_request"]["request_id"] == "own-1"


def test_threads_keep_their_requests_apart(events):
    barrier = threading.Barrier(4, timeout=20)

    def view(request):
        barrier.wait()
        Event.new("inside", said=request.headers["X-Request-ID"]).save()
        return HttpResponse()

    threads = [
        threading.Thread(target=answered, args=(view,), kwargs={"HTTP_X_REQUEST_ID": f"r-{n}"}) for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    told = [event["context"] for event in events()]
    assert len(told) == 4
    assert all(context["said"] == context["http_request"]["request_id"] for context in told)


def test_reading_a_session_for_an_event_leaves_its_response_as_it_was(events, alice):
    """A response varies by cookie, and so can't be cached for others, where its session was read."""
    browser = Browser()
    browser.get("/login/?username=alice&password=secret")

    answer = browser.get("/event/")

    assert answer.json()["vary"] is False
    assert "Cookie" not in answer.headers.get("Vary", "")
    assert events("custom_note_read")[0]["user"]["username"] == "alice"


def test_a_user_that_can_not_be_read_costs_the_user_alone(events, caplog):
    request = RequestFactory().get("/a")

    class BrokenRequest(type(request)):
        @property
        def user(self):
            raise RuntimeError("the database is down")

    request.__class__ = BrokenRequest

    event = Event.new("x").from_http(request)

    assert event.context["http_request"]["path"] == "/a"
    assert event.user == {}


def test_an_impersonator_of_authentiks_is_told(events, alice):
    with audit_ignore():
        admin = User.objects.create_user("admin")
    request = RequestFactory().get("/")
    request.user = alice
    request.session = _loaded({"authentik/impersonate/original_user": admin, "authentik/impersonate/user": alice})

    event = Event.new("x").from_http(request)

    assert event.user == {
        "pk": admin.pk,
        "username": "admin",
        "on_behalf_of": {"pk": alice.pk, **ALICE},
    }


def _loaded(entries: dict) -> SessionStore:
    """A session that was read already: with people in it, which no serializer of Django's takes."""
    session = SessionStore()
    session._session_cache = entries
    return session


def test_impersonators_of_other_packages_are_told(events, alice):
    request = RequestFactory().get("/")
    request.user = alice
    request.impersonator = {"pk": 9, "username": "admin"}
    assert Event.new("x").from_http(request).user["username"] == "admin"

    request = RequestFactory().get("/")
    request.user, request.session = alice, _loaded({"hijack_history": ["3", "9"]})
    assert Event.new("x").from_http(request).user == {"pk": "9", "on_behalf_of": {"pk": alice.pk, **ALICE}}


def test_a_pending_user_of_a_flow_is_told(events, alice):
    plan = SimpleNamespace(context={"pending_user": {"pk": 9, "username": "newcomer"}})
    request = RequestFactory().get("/api/flows/executor/x/?query=next%3D%252Fa")
    request.user, request.session = alice, _loaded({"authentik/flows/plan": plan})

    event = Event.new("x").from_http(request)

    assert event.user == {"pk": 9, "username": "newcomer", "authenticated_as": {"pk": alice.pk, **ALICE}}
    assert event.context["http_request"]["args"] == {"next": "/a"}


def impersonator_of(request):
    """What the setting IMPERSONATOR names."""
    return {"username": "admin"}


@pytest.mark.parametrize("named", [impersonator_of, f"{__name__}.impersonator_of"])
def test_a_site_says_itself_who_impersonates(events, alice, named, monkeypatch):
    if isinstance(named, str):
        monkeypatch.setattr("django.utils.module_loading.import_string", lambda _: impersonator_of)
    request = RequestFactory().get("/")
    request.user = alice

    with override_settings(TOCSIN={"IMPERSONATOR": named}):
        event = Event.new("x").from_http(request)

    assert event.user["username"] == "admin"


def test_a_brand_of_the_request_is_the_events(events):
    request = RequestFactory().get("/")
    request.brand = type("Brand", (), {"domain": "shop.example", "branding_title": "Shop"})()

    assert Event.new("x").from_http(request).brand == "shop.example"


def test_the_app_of_an_event_is_the_label_of_its_module(events):
    names = {"__name__": "tests.client_apps.django_site.views.deeper"}

    exec("from tocsin_client import Event\napp = Event.new('x').app", names)

    assert names["app"] == "notes"


def test_a_suspicious_request_outside_of_a_view_is_told(events, caplog):
    caplog.set_level(logging.CRITICAL, logger="django.security.DisallowedHost")
    logging.getLogger("django.security.DisallowedHost").setLevel(logging.ERROR)

    Browser(HTTP_HOST="evil.example").get("/event/")

    (event,) = events()
    assert event["action"] == "suspicious_request"
    assert event["context"]["reason"] == "DisallowedHost"
    assert "evil.example" in event["context"]["message"]
