"""The servers that run the applications, each a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from local.processes import child_environment, end_group, free_port, tail
from local.waiting import until
from local.workspace import ROOT

# {port} is where they listen, on 127.0.0.1.
COMMANDS = {
    "django-gunicorn": ("gunicorn", "--bind=127.0.0.1:{port}", "--workers=2", "tests.client_apps.django_site.wsgi"),
    "django-uvicorn": (
        "uvicorn",
        "--host=127.0.0.1",
        "--port={port}",
        "tests.client_apps.django_site.asgi:application",
    ),
    "flask-gunicorn": ("gunicorn", "--bind=127.0.0.1:{port}", "--workers=3", "tests.client_apps.flask_app:app"),
    "flask-preloaded": (
        *("gunicorn", "--bind=127.0.0.1:{port}", "--workers=3", "--preload"),
        "tests.client_apps.flask_app:app",
    ),
    "fastapi-uvicorn": ("uvicorn", "--host=127.0.0.1", "--port={port}", "tests.client_apps.fastapi_app:app"),
    "aiohttp": ("tests.client_apps.aiohttp_app", "{port}"),
}

FORWARDED = {"X-Forwarded-For": "198.51.100.1, 203.0.113.7", "User-Agent": "browser/1"}
"""Headers of a request that came through one proxy."""


@dataclass
class Application:
    """One that runs."""

    url: str
    process: subprocess.Popen[bytes]

    def ask(self, path: str, method: str = "GET", session: requests.Session | None = None, **headers: str):
        """The answer to a request that came through one proxy."""
        return (session or requests).request(method, self.url + path, headers=FORWARDED | headers, timeout=60)

    def stop(self) -> None:
        """Shut it down, as its operator does."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)


@contextmanager
def serving(name: str, tocsin_url: str, key: str, directory: Path, **environment: str) -> Iterator[Application]:
    """Run the application with its server, its events sent to `tocsin_url`."""
    port = free_port()
    module, *arguments = (part.format(port=port) for part in COMMANDS[name])
    sources = os.pathsep.join(map(str, (ROOT, ROOT / "layers/client")))
    variables = child_environment(
        PYTHONPATH=sources,
        TOCSIN_URL=tocsin_url,
        TOCSIN_KEY=key,
        DJANGO_DATABASE=str(directory / "django.sqlite3"),
        **environment,
    )
    log = directory / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        until(lambda: _answers(port) or process.poll() is not None, 180, of=f"{name}: {tail(log)}")
        assert process.poll() is None, tail(log)
        yield Application(f"http://127.0.0.1:{port}", process)
    finally:
        end_group(process, patience_s=10)


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/nothing/", timeout=120).status_code == 404
    except requests.ConnectionError:
        return False
