"""The site for ASGI servers: its tables made, and a user in it."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.client_apps.django_site.settings")
application = get_asgi_application()

from tests.client_apps.django_site.prepare import prepare  # noqa: E402 - needs what was set up

prepare()
