"""The Django site's tables in this process, and the events that its signals made."""

import os

import pytest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.client_apps.django_site.settings")

import django

django.setup()

# ruff: noqa: E402 - what follows needs what was set up
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.core.management import call_command

from tests.client_apps.django_site.models import Draft, Note, Tag
from tocsin_client import configuration
from tocsin_client.django import audit_ignore


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
        assert client.flush(timeout=120)
        told = [event.to_json() for event in api.stored.values()]
        return [event for event in told if action in {None, event["action"]}]

    return stored


@pytest.fixture
def alice(events):
    with audit_ignore():
        return User.objects.create_user("alice", "alice@example.com", "secret")
