"""`make screenshots`: docs/pictures/console, each page of the console on the stack that `make run` has up.

Light and dark, wide and narrow. Chromium is on the PATH, or named by CHROMIUM.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from local.api import TocsinApi
from local.workspace import ROOT, STATE, Facts, Workspace
from tocsin.identity.principal import Scope

PICTURES = ROOT / "docs/pictures/console"
SIZES = {"wide": (1280, 800), "narrow": (360, 720)}
SCHEMES = ("light", "dark")
PAGES = {
    "events": "#/events",
    "inbox": "#/inbox",
    "preferences": "#/preferences",
    "rules": "#/rules",
    "rule": "#/rules/threats",
    "policy": "#/policies/suspicious",
    "transports": "#/transports",
    "transport": "#/transports/pager",
    "deliveries": "#/deliveries?state=delivered",
    "silences": "#/silences/new",
    "people": "#/people",
    "mappings": "#/mappings",
    "keys": "#/keys",
    "settings": "#/settings",
    "blueprint": "#/blueprint",
    "health": "#/health",
}
"""Names of pictures, and the parts of the console's address that they are of."""


def _key(facts: Facts) -> str:
    """A key for alice of the samples that lasts an hour."""
    expires = datetime.now(UTC) + timedelta(hours=1)
    name = f"pictures-{int(expires.timestamp())}"
    wanted = {"name": name, "user": "alice", "scopes": [*Scope], "expires": expires.isoformat()}
    return str(TocsinApi(facts.api_url, facts.admin_key).ask("POST", "/keys", json=wanted).json()["key"])


def until_drawn(page: Page) -> None:
    """Waits until the page has asked what it asks, has its answers, and has drawn them."""
    for _ in range(2):
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")
        page.locator(":root:not([data-busy])").wait_for()
    page.get_by_role("status", name="Check").filter(has_text="Checking").wait_for(state="detached")


def _take(page: Page, size: str, scheme: str, directory: Path) -> None:
    for name, address in PAGES.items():
        page.evaluate("address => { location.hash = address }", address)
        page.get_by_role("heading", level=1).wait_for()
        until_drawn(page)
        if name == "events":
            page.get_by_role("listbox").get_by_role("option").nth(2).click()
            until_drawn(page)
        page.screenshot(path=directory / f"{name}-{size}-{scheme}.png")


def take(browser: Browser, console_url: str, key: str, directory: Path) -> None:
    """Takes all pictures."""
    directory.mkdir(parents=True, exist_ok=True)
    for size, (width, height) in SIZES.items():
        for scheme in SCHEMES:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="light" if scheme == "light" else "dark",
                reduced_motion="reduce",
            )
            page = context.new_page()
            page.goto(f"{console_url}#key={key}")
            page.get_by_role("banner").wait_for()
            _take(page, size, scheme, directory)
            context.close()


def main() -> int:
    """Takes all pictures of the stack that is up; the exit status."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    stack = Workspace(STATE).facts
    if chromium is None or not stack.exists():
        print("It takes Chromium on the PATH, and a stack that is up: make run", file=sys.stderr)
        return 1
    facts = Facts(**json.loads(stack.read_text(encoding="utf-8")))
    url = sys.argv[1] if len(sys.argv) > 1 else f"{facts.api_url}/console"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        take(browser, url, _key(facts), PICTURES)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
