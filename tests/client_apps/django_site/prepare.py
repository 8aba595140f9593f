"""Tables, and alice, of whom no events are made."""

import asyncio
import fcntl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command

from tocsin_client.django import audit_ignore


def prepare() -> None:
    """Prepare the database, once; also while a server's event loop imports this."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        _prepare()
    else:
        with ThreadPoolExecutor(1) as thread:
            thread.submit(_prepare).result()


def _prepare() -> None:
    lock = Path(f"{settings.DATABASES['default']['NAME']}.lock")
    with lock.open("w") as file, audit_ignore():
        fcntl.flock(file, fcntl.LOCK_EX)  # a server's workers come all at once
        call_command("migrate", verbosity=0, run_syncdb=True)
        if not User.objects.filter(username="alice").exists():
            User.objects.create_user("alice", "alice@example.com", "secret")
