"""The settings of a Flask application, beside those of the environment."""

from flask import Flask

from tests.unit.client.api_server import KEY
from tocsin_client import configuration
from tocsin_client.flask import Tocsin


def test_a_spool_of_the_settings_holds_where_the_environment_says_the_rest(api, configured, tmp_path, monkeypatch):
    """The fault: without TOCSIN_URL in the settings, TOCSIN_SPOOL and TOCSIN_KEY there did nothing."""
    monkeypatch.setenv("TOCSIN_URL", api.url)
    monkeypatch.setenv("TOCSIN_KEY", "another")
    site = Flask("site")
    site.config.update(TOCSIN_SPOOL=str(tmp_path / "spool"), TOCSIN_KEY=KEY)

    with site.app_context():
        Tocsin(site).event("login").save()

    assert configuration.flush(timeout=120)
    assert len(api.stored) == 1
    assert (tmp_path / "spool").exists()


def test_settings_alone_make_no_client_where_nobody_says_where_the_api_is(configured, tmp_path, monkeypatch):
    monkeypatch.delenv("TOCSIN_URL", raising=False)
    site = Flask("site")
    site.config.update(TOCSIN_SPOOL=str(tmp_path / "spool"), TOCSIN_APP="site")

    Tocsin(site)

    assert (configured.client, configured.app) == (None, "site")
