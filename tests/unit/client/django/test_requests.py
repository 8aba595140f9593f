"""What events take from the request that they happen in: its id, its user, and for whom that user acts."""

import logging
import threading
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpResponse
from django.test import Client as Browser
from django.test import RequestFactory, override_settings

from tests.client_apps.django_site.models import Note
from tests.unit.client.django.audited import ALICE
from tocsin_client import Event
from tocsin_client.django import audit_ignore
from tocsin_client.django.middleware import AuditMiddleware, current_request


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
    barrier = threading.Barrier(4, timeout=120)

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


def test_a_suspicious_request_outside_of_a_view_is_told(events, caplog):
    caplog.set_level(logging.CRITICAL, logger="django.security.DisallowedHost")
    logging.getLogger("django.security.DisallowedHost").setLevel(logging.ERROR)

    Browser(HTTP_HOST="evil.example").get("/event/")

    (event,) = events()
    assert event["action"] == "suspicious_request"
    assert event["context"]["reason"] == "DisallowedHost"
    assert "evil.example" in event["context"]["message"]
