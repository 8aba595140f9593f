"""Chromium on the console: one browser for all tests, a context of its own for each person."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from local.audit_records import JsonObject
from local.console_pictures import until_drawn
from local.stack import LocalStack
from tocsin.types import Json

NOT_NEEDED = (
    # Chromium fills the pop-up of each window's address bar, which nobody opens, with a page: half of a tab's cost.
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup"),
    # What Playwright turns off, said once more: of two lists Chromium takes the last.
    *("AimEnabled", "AvoidCorsURLLoaderRestartOnRedirect", "AvoidUnnecessaryBeforeUnloadCheckSync"),
    *("DestroyProfileOnBrowserClose", "HttpsFirstBalancedModeAutoEnable", "HttpsUpgrades", "LensOverlay"),
    *("MediaRouter", "NetworkTimeServiceQuerying", "OptimizationHints", "PaintHolding", "PreconnectToSearch"),
    "ThirdPartyStoragePartitioning",
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(NOT_NEEDED)}",
]
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
"""axe's rules that colours decide, of those that it takes by default."""
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's Chromium, headless. RuntimeError that says what to do where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise RuntimeError("the console's tests need Chromium: `make chromium`, or install it and put it on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


def tab(browser: Browser, **how: Any) -> Page:
    """An empty tab in a context of its own."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}, **how).new_page()
    page.set_default_timeout(PATIENCE_MS)
    return page


def console(browser: Browser, api_url: str, **how: Any) -> Page:
    """The console in a context of its own, before sign-in. By a numeric host it finds no WebSocket, and asks."""
    page = tab(browser, **how)
    page.goto(f"{api_url}/console")
    return page


def sign_in(page: Page, key: str) -> None:
    """Signs in as a person does; where there is an inbox, what comes from now on is news."""
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("navigation", name="Pages").wait_for()
    bell = page.get_by_role("button", name="Notifications")
    if bell.count():
        page.locator(".bell[aria-busy=false]").wait_for()


def rows(page: Page) -> Locator:
    """What is in sight of the list of the page."""
    return page.get_by_role("listbox").filter(has=page.locator(".rows")).get_by_role("option")


def go(page: Page, address: str) -> None:
    """Goes to that part of the console: `#/rules/console`."""
    page.evaluate("hash => { location.hash = hash }", address)


def happen(stack: LocalStack, message: str, **more: Json) -> str:
    """An event of the app `console`, of which alice is told; its id."""
    event: JsonObject = {
        "action": "custom_console",
        "app": "console",
        "user": {"username": "alice"},
        "context": {"message": message},
    }
    return str(stack.api().post_event(event | more)["id"])


def violations(page: Page, scheme: str) -> list[tuple[str, str, str]]:
    """What axe finds on the page: where, the rule's id, the element. Of the dark one the colours: else both are one."""
    until_drawn(page)
    options = {"resultTypes": ["violations"]} | ({"runOnly": COLOURS} if scheme == "dark" else {})
    found = Axe().run(page, options=options).response["violations"]
    return [(page.url.partition("#")[2], each["id"], node["html"][:200]) for each in found for node in each["nodes"]]
