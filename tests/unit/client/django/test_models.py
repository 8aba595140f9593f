"""What the Django app's signals make of models that are created, changed and deleted."""

import sys

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.apps import apps
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from tests.client_apps.django_site.models import Draft, Note, Tag
from tocsin_client import Event
from tocsin_client.django import audit_ignore, audit_overwrite_user
from tocsin_client.event import app_of


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


def test_a_row_that_is_overwritten_by_its_key_is_told_as_changed(events):
    """The fault: an object that was not read from the database made no event, though it changed what was there."""
    note = Note.objects.create(title="first", stars=5)

    Note(pk=note.pk, title="second").save()

    (event,) = events("model_updated")
    diff = event["context"]["diff"]
    diff.pop("changed")
    assert diff == {
        "title": {"previous_value": "first", "new_value": "second"},
        "stars": {"previous_value": 5, "new_value": 0},
    }


def test_a_model_that_is_created_with_a_key_of_its_own_is_told_as_created(events):
    Note(pk=4711, title="first").save()

    assert [(event["action"], event["context"]["model"]["pk"]) for event in events()] == [("model_created", 4711)]


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


def test_what_an_ignored_coroutine_does_makes_no_events(events):
    """The fault: the block was over before the coroutine had begun."""

    @audit_ignore()
    async def quietly(title):
        await sync_to_async(Note.objects.create)(title=title)
        return title

    title = async_to_sync(quietly)("first")

    assert (title, quietly.__name__, events()) == ("first", "quietly", [])


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


def test_the_app_of_an_event_is_the_label_of_its_module(events):
    names = {"__name__": "tests.client_apps.django_site.views.deeper"}

    exec("from tocsin_client import Event\napp = Event.new('x').app", names)

    assert names["app"] == "notes"


def no_django(monkeypatch):
    monkeypatch.delitem(sys.modules, "django.apps")


def not_ready(monkeypatch):
    monkeypatch.setattr(apps, "apps_ready", False)


@pytest.mark.parametrize("without", [no_django, not_ready])
def test_the_app_of_an_event_is_its_module_where_django_knows_no_apps(monkeypatch, without):
    without(monkeypatch)

    assert app_of({"__name__": "tests.client_apps.django_site.views"}) == "tests.client_apps.django_site.views"
