"""The setting TOCSIN, beside what the environment says."""

import pytest
from django.test import override_settings

from tests.unit.client.api_server import KEY
from tocsin_client import Event, configuration
from tocsin_client.django.apps import configure


@pytest.fixture
def configured(monkeypatch):
    monkeypatch.setattr(configuration, "current", configuration._Configuration())
    yield configuration.current
    if configuration.current.client is not None:
        configuration.current.client.close(timeout=0.05)


def test_a_spool_of_the_settings_holds_where_the_environment_says_the_rest(api, configured, tmp_path, monkeypatch):
    """The fault: without URL in the settings, SPOOL and KEY there did nothing."""
    monkeypatch.setenv("TOCSIN_URL", api.url)
    monkeypatch.setenv("TOCSIN_KEY", "another")

    with override_settings(TOCSIN={"SPOOL": str(tmp_path / "spool"), "KEY": KEY}):
        configure()
        Event.new("login").save()

    assert configuration.flush(timeout=20)
    assert len(api.stored) == 1
    assert (tmp_path / "spool").exists()
