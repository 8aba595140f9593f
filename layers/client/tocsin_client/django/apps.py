"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig

from tocsin_client import configuration
from tocsin_client.django.settings import names, setting
from tocsin_client.faults import report


class TocsinConfig(AppConfig):  # type: ignore[misc]  # Django has no types
    """Configures the client from the settings, and listens to Django's signals."""

    name = "tocsin_client.django"
    label = "tocsin_client"
    verbose_name = "Tocsin"

    def ready(self) -> None:
        """Begin."""
        from tocsin_client.django import audit, signals  # noqa: PLC0415 - they import models

        configure()
        signals.connect()
        if setting("AUDIT_MODELS", True):
            audit.connect()


def configure() -> None:
    """Configure the client from TOCSIN. What is wrong with it is a warning, and no reason for a site not to start."""
    headers = names("REQUEST_ID_HEADERS")
    configuration.current.app = setting("APP")
    configuration.current.trusted_proxies = setting("TRUSTED_PROXIES")
    if headers:
        configuration.current.request_id_headers = headers
    if not configuration.is_said_by(setting("URL") or setting("CLIENT"), setting("KEY"), setting("SPOOL")):
        return  # the environment says where, when the first event is saved
    settings = dict(setting("CLIENT") or {})
    if setting("SPOOL"):
        settings["spool"] = setting("SPOOL")
    try:
        configuration.configure(
            setting("URL"),
            setting("KEY"),
            app=setting("APP"),
            trusted_proxies=setting("TRUSTED_PROXIES"),
            request_id_headers=headers or None,
            **settings,
        )
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it
        report("the setting TOCSIN is wrong: events are not sent", error)
