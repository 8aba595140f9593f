"""The console's function and its files: what it serves, whose code is in it, what a browser loads of it."""

import base64
import gzip
import hashlib
import importlib.util
import json
import re
from types import ModuleType
from typing import Any

import pytest

from functions.console import app
from tests.expanded_template import ROOT
from tocsin.aws.environment import Environment

STATIC = ROOT / "functions/console/static"
OURS = sorted(path for path in STATIC.rglob("*.js") if "vendor" not in path.parts)
FIRST_LOAD_BUDGET = 200_000
_IMPORT = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']""")
_STATIC_IMPORT = re.compile(r"""^(?:import|export)\b[^;(]*?["']([^"']+)["'];""", re.MULTILINE)


def served(path: str, function: Any = app, **headers: str) -> dict[str, Any]:
    event = {"rawPath": path, "headers": headers, "requestContext": {"http": {"method": "GET"}, "requestId": "r"}}
    return dict(function.handler(event, None))


def function_of(**environment: str) -> ModuleType:
    """The function, loaded anew with this environment."""
    spec = importlib.util.spec_from_file_location("app_console", ROOT / "functions/console/app.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patched:
        for name, value in environment.items():
            patched.setenv(name, value)
        spec.loader.exec_module(module)
    return module


def test_the_page_is_strict_about_what_it_runs() -> None:
    answer = served("/console")

    assert answer["statusCode"] == 200
    assert "default-src 'none'" in answer["headers"]["content-security-policy"]
    assert not re.search(r"<style|style=|<script>|\son\w+=|https?://", answer["body"])


@pytest.mark.parametrize(
    ("host", "sources"),
    [
        ("http.execute-api.eu-central-1.amazonaws.com", "wss://live.execute-api.eu-central-1.amazonaws.com;"),
        ("audit.example.com", "wss://live.execute-api.eu-central-1.amazonaws.com;"),
        (
            "http.execute-api.localhost:4566",
            "wss://live.execute-api.localhost:4566 ws://live.execute-api.localhost:4566;",
        ),
        ("x.execute-api.a; script-src *", "wss://live.execute-api.eu-central-1.amazonaws.com;"),
    ],
)
def test_the_page_may_open_the_stack_s_own_websocket_and_no_other(
    monkeypatch: pytest.MonkeyPatch, host: str, sources: str
) -> None:
    endpoint = "https://live.execute-api.eu-central-1.amazonaws.com/live"
    monkeypatch.setattr(app, "environment", Environment({"LIVE_ENDPOINT": endpoint}))

    policy = served("/console", host=host)["headers"]["content-security-policy"]

    assert f"connect-src 'self' {sources}" in policy


def test_a_slash_at_the_end_leads_to_the_page() -> None:
    assert served("/console/")["headers"]["location"] == "../console"


def test_the_settings_tell_the_version_and_no_issuer_where_there_is_none() -> None:
    assert json.loads(served("/console/config.json")["body"])["oidc"] is None


@pytest.mark.parametrize(
    ("environment", "told", "sources"),
    [
        (
            {"OIDC_ISSUER": "https://id.example.com:8443/realms/ops", "OIDC_CLIENT_ID": "console"},
            {"issuer": "https://id.example.com:8443/realms/ops", "client_id": "console"},
            "https://id.example.com:8443 https://pool.example.com;",
        ),
        ({"OIDC_ISSUER": "https://id.example.com", "OIDC_CLIENT_ID": ""}, None, "https://pool.example.com;"),
        ({"OIDC_ISSUER": "", "OIDC_CLIENT_ID": "console"}, None, "https://pool.example.com;"),
    ],
)
def test_the_page_may_ask_the_issuer_that_its_settings_tell_and_who_gives_its_tokens(
    environment: dict[str, str], told: dict[str, str] | None, sources: str
) -> None:
    function = function_of(**environment, CONSOLE_ORIGINS="https://pool.example.com")

    assert json.loads(served("/console/config.json", function)["body"])["oidc"] == told
    policy = served("/console", function)["headers"]["content-security-policy"]
    assert f"connect-src 'self' {sources}" in policy


@pytest.mark.parametrize(
    "path", ["/console/none.js", "/console/0123/main.js", "/console/../app.py", "/console/x/../../app.py"]
)
def test_what_is_not_there_is_a_problem(path: str) -> None:
    answer = served(path)

    assert answer["statusCode"] == 404
    assert answer["headers"]["content-type"] == "application/problem+json"


def test_every_import_leads_to_a_file() -> None:
    missing = [
        f"{path.name}: {name}"
        for path in OURS
        for name in _IMPORT.findall(path.read_text())
        if name.startswith(".") and not (path.parent / name).is_file()
    ]

    assert missing == []


def test_what_others_wrote_is_what_the_manifest_says() -> None:
    manifest = json.loads((STATIC / "vendor/manifest.json").read_text())
    said = {name: file["integrity"] for package in manifest.values() for name, file in package["files"].items()}

    there = {
        path.name: "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
        for path in (STATIC / "vendor").iterdir()
        if path.name != "manifest.json"
    }

    assert there == said
    assert all(package["license"] and package["version"] for package in manifest.values())


def test_nothing_makes_markup_of_text() -> None:
    found = [
        path.name for path in OURS if re.search(r"innerHTML|dangerously|document\.write|\beval\(", path.read_text())
    ]

    assert found == []


def test_the_first_load_is_within_its_budget() -> None:
    reached = {STATIC / name for name in ("index.html", "style.css", "tokens.css", "icons.svg", "bell.svg")}
    waiting = [STATIC / "main.js", STATIC / "pages/events.js", STATIC / "vendor/uplot.js", STATIC / "vendor/uplot.css"]
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            names = _STATIC_IMPORT.findall(path.read_text())
            waiting += [(path.parent / name).resolve() for name in names if name.startswith(".")]

    size = sum(len(gzip.compress(path.read_bytes(), 9)) for path in reached)

    assert len(reached) > 20
    assert size <= FIRST_LOAD_BUDGET
