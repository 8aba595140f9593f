"""The app of the site."""

from django.apps import AppConfig


class NotesConfig(AppConfig):
    """Notes."""

    name = "tests.client_apps.django_site"
    label = "notes"
