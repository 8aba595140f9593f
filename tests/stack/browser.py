"""Chromium on the console: one browser for all tests, a context of its own for each person."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 60_000


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


def console(browser: Browser, api_url: str, **how: Any) -> Page:
    """The console in a context of its own, before sign-in."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}, **how).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{api_url}/console")
    return page


def sign_in(page: Page, key: str) -> None:
    """Signs in as a person does; where there is an inbox, what comes from now on is news."""
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("navigation", name="Pages").wait_for()
    bell = page.get_by_role("button", name="Notifications")
    if bell.count():
        page.locator(".bell[aria-busy=false]").wait_for()
