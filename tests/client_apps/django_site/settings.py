"""Its settings; the environment says where the database and Tocsin are."""

import os

SECRET_KEY = "of-a-test"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]
USE_TZ = True
ROOT_URLCONF = "tests.client_apps.django_site.urls"
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("DJANGO_DATABASE", ":memory:")},
}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "tests.client_apps.django_site.apps.NotesConfig",
    "tocsin_client.django",
]
MIDDLEWARE = [
    "tocsin_client.django.middleware.AuditMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TOCSIN = {"TRUSTED_PROXIES": 1, "IGNORE_MODELS": ["notes.Draft"], "IGNORE_FIELDS": ["notes.Note.views"]}
