"""The setting TOCSIN, beside what the environment says."""

import pytest
from django.test import override_settings

from tests.client_apps.django_site.models import Note, Tag
from tests.unit.client.api_server import KEY
from tocsin_client import Event, configuration
from tocsin_client.django.apps import configure
from tocsin_client.django.ignoring import ignored_fields, is_ignored_model


def test_a_spool_of_the_settings_holds_where_the_environment_says_the_rest(api, configured, tmp_path, monkeypatch):
    """The fault: without URL in the settings, SPOOL and KEY there did nothing."""
    monkeypatch.setenv("TOCSIN_URL", api.url)
    monkeypatch.setenv("TOCSIN_KEY", "another")

    with override_settings(TOCSIN={"SPOOL": str(tmp_path / "spool"), "KEY": KEY}):
        configure()
        Event.new("login").save()

    assert configuration.flush(timeout=120)
    assert len(api.stored) == 1
    assert (tmp_path / "spool").exists()


@pytest.mark.parametrize("client", [{"timout": 5}, {"spool_bytes": 1, "spool": "x"}])
def test_what_is_wrong_with_the_settings_keeps_no_site_from_starting(configured, caplog, monkeypatch, client):
    """The fault: TypeError for an option that Client does not have."""
    monkeypatch.setattr("tocsin_client.faults._reported", {})
    with override_settings(TOCSIN={"URL": "https://tocsin.example.com", "KEY": KEY, "CLIENT": client}):
        configure()

    assert [record.getMessage() for record in caplog.records] == ["the setting TOCSIN is wrong: events are not sent"]


def test_one_name_needs_no_list(configured):
    """The fault: each of its letters was taken for a name."""
    names = {"REQUEST_ID_HEADERS": "X-Trace", "IGNORE_MODELS": "notes.Note", "IGNORE_FIELDS": "notes.Tag.name"}
    with override_settings(TOCSIN=names):
        configure()

        assert configured.request_id_headers == ("X-Trace",)
        assert is_ignored_model(Note)
        assert "name" in ignored_fields(Tag)
