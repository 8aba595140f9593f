"""The pictures of a mail and of chat messages in docs/pictures: the real forms, of realistic events, in a browser.

Run as `make pictures`. It takes Chromium or Chrome, found on the PATH or named by CHROMIUM.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from local.chat_pictures import ACKNOWLEDGE, CONSOLE, GRACE, ONCALL, fixed_id, pages
from local.workspace import ROOT
from tocsin.events.model import Event
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.email.message import MailTemplates, mail_message
from tocsin.notifications.model import Notification, Severity
from tocsin.notifications.transport import NotificationTransport, TransportMode

PICTURES = ROOT / "docs" / "pictures"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
HAPPENED = datetime(2026, 3, 1, 2, 47, 12, tzinfo=UTC)
# A page in a frame of the width wanted: browsers have a least width for their windows.
_FRAME = (
    '<!doctype html><meta name="color-scheme" content="light dark"><body style="margin:0">'
    '<iframe src="{page}.html" style="border:0;width:{width}px;height:{height}px"></iframe>'
)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: its name, its size in pixels, whether the reader prefers dark pages, and which page it is of."""

    name: str
    width: int
    height: int
    dark: bool
    page: str = "mail"


PICTURED = (
    Picture("mail-wide-light", 800, 660, dark=False),
    Picture("mail-wide-dark", 800, 660, dark=True),
    Picture("mail-narrow-light", 360, 790, dark=False),
    Picture("mail-narrow-dark", 360, 790, dark=True),
    Picture("chat-teams-light", 1100, 560, dark=False, page="chat-teams"),
    Picture("chat-teams-dark", 1100, 560, dark=True, page="chat-teams"),
    Picture("chat-discord-light", 1100, 500, dark=False, page="chat-discord"),
    Picture("chat-discord-dark", 1100, 500, dark=True, page="chat-discord"),
    Picture("chat-slack-light", 1100, 560, dark=False, page="chat-slack"),
    Picture("chat-slack-dark", 1100, 560, dark=True, page="chat-slack"),
)


def mail_html() -> str:
    """The HTML of the mail that is pictured."""
    event = Event(
        id=fixed_id(HAPPENED),
        action="suspicious_request",
        app="customer-portal",
        user={"username": "mallory", "email": "mallory@example.net", "pk": 1138},
        context={
            "message": "41 sign-ins to the accounts of 17 customers were refused within 3 minutes",
            "network": "203.0.113.0/24",
            "user_agent": "python-requests/2.32.3",
            "path": "/api/v2/customers/export?format=csv&since=2019",
            "hyperlink": "https://portal.example.com/investigate/9b1deb4d",
            "hyperlink_label": "Open the investigation",
        },
        client_ip="203.0.113.42",
        brand="Example Corp",
        expires=None,
    )
    grace = replace(GRACE, time_zone="Europe/Berlin")
    notification = Notification.of(event, "suspicious requests", Severity.ALERT, grace)
    transport = NotificationTransport(name="mail", mode=TransportMode.EMAIL)
    context = replace(
        RenderingContext.of(notification, transport), own=ONCALL, console=CONSOLE, acknowledge=ACKNOWLEDGE
    )
    return mail_message(context, MailTemplates()).html


def take(pictures: Sequence[Picture], browser: str, directory: Path) -> None:
    """Takes the pictures into `directory`. Raises CalledProcessError or TimeoutExpired where the browser fails."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        for name, html in ({"mail": mail_html()} | pages()).items():
            (scratch / f"{name}.html").write_text(html, encoding="utf-8")
        for picture in pictures:
            frame = scratch / f"{picture.name}.html"
            frame.write_text(
                _FRAME.format(page=picture.page, width=picture.width, height=picture.height), encoding="utf-8"
            )
            command = [
                *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"),
                *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
                f"--user-data-dir={scratch / 'profile'}",
                f"--blink-settings=preferredColorScheme={0 if picture.dark else 1}",
                f"--window-size={picture.width},{picture.height}",
                f"--screenshot={directory / f'{picture.name}.png'}",
                frame.as_uri(),
            ]
            subprocess.run(command, check=True, capture_output=True, timeout=60)


def main() -> int:
    """Takes all pictures; gives the exit status."""
    browser = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("No Chromium is on the PATH; say where one is: make pictures CHROMIUM=/path", file=sys.stderr)
        return 1
    PICTURES.mkdir(parents=True, exist_ok=True)
    take(PICTURED, browser, PICTURES)
    for picture in PICTURED:
        print((PICTURES / f"{picture.name}.png").relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
